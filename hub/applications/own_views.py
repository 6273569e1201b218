"""A person's own applications: register, change, another secret, delete."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods
from oauth2_provider.models import Application

from hub.applications import registration
from hub.applications.authorizations import shown_name
from hub.applications.forms import ApplicationForm, RegisterForm
from hub.applications.kinds import KINDS, Kind, kind_of
from hub.applications.registration import Registered, TooMany
from integrations.web.addresses import HttpResponseSeeOther
from integrations.web.visitor import PersonRequest

METHODS = ["GET", "HEAD", "POST"]


def page[**P](
    view: Callable[Concatenate[PersonRequest, P], HttpResponse],
) -> Callable[Concatenate[PersonRequest, P], HttpResponseBase]:
    """A page that no cache keeps, for somebody who may register applications; to others it is not there."""

    @never_cache
    @require_http_methods(METHODS)
    @login_required
    @wraps(view)
    def wrapper(request: PersonRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not registration.may_register(request.user):
            raise Http404
        return view(request, *args, **kwargs)

    return wrapper


@page
@sensitive_variables("made")
def register(request: PersonRequest) -> HttpResponse:
    """Ask what an application is and where it sends people back to; with POST, make it and show its secret."""
    form = RegisterForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        kind = KINDS[form.cleaned_data["kind_slug"]]
        try:
            made = registration.register(
                request.user,
                kind,
                name=form.cleaned_data["name"],
                redirect_uris=form.cleaned_data["redirect_uris"],
            )
        except TooMany:
            text = _("You have %(limit)d applications, and nobody has more. Delete one that you no longer need.")
            form.add_error(None, text % {"limit": registration.PER_PERSON})
        else:
            return _shown_once(request, made, kind)
    context = {"form": form, "kinds": KINDS.values(), "chosen": request.POST.get("kind_slug", "")}
    return render(request, "applications/register.html", context, status=400 if form.errors else 200)


@page
def registered(request: PersonRequest, client_id: str) -> HttpResponse:
    """An application of one's own, and a form for what can be changed about it."""
    application = _own(request, client_id)
    kind = kind_of(application)
    if request.method == "POST":
        form = ApplicationForm(request.POST, kind=kind, kept=application.redirect_uris.split())
        if form.is_valid():
            addresses = form.cleaned_data["redirect_uris"]
            registration.change(application, name=form.cleaned_data["name"], redirect_uris=addresses)
            messages.success(request, _("Saved."))
            return HttpResponseSeeOther(reverse("applications:registered", args=[client_id]))
    else:
        addresses = "\n".join(application.redirect_uris.split())
        form = ApplicationForm(kind=kind, initial={"name": shown_name(application), "redirect_uris": addresses})
    context = {**_about(application, kind), "form": form}
    return render(request, "applications/registered.html", context, status=400 if form.errors else 200)


@page
@sensitive_variables("made")
def secret(request: PersonRequest, client_id: str) -> HttpResponse:
    """Say what another secret does to the one before; with POST, make it and show it."""
    application = _own(request, client_id)
    kind = kind_of(application)
    if kind is None or not kind.has_secret:
        raise Http404
    if request.method != "POST":
        return render(request, "applications/secret.html", _about(application, kind))
    return _shown_once(request, registration.rotate_secret(application), kind)


@page
def delete(request: PersonRequest, client_id: str) -> HttpResponse:
    """Say what ends with an application; with POST, end it."""
    application = _own(request, client_id)
    about = _about(application, kind_of(application))
    if request.method != "POST":
        return render(request, "applications/delete.html", about)
    registration.delete(application)
    messages.success(request, _("%(name)s was deleted, with all that it held.") % about)
    return HttpResponseSeeOther(reverse("applications:applications"))


def _own(request: PersonRequest, client_id: str) -> Application:
    row: Application = get_object_or_404(
        registration.registered_by(request.user).select_related("suspension"), client_id=client_id
    )
    return row


def _about(application: Application, kind: Kind | None) -> dict[str, object]:
    return {
        "application": application,
        "name": shown_name(application),
        "kind": kind,
        "is_suspended": hasattr(application, "suspension"),
    }


def _shown_once(request: PersonRequest, made: Registered, kind: Kind) -> HttpResponse:
    """The answer to the POST itself: nothing keeps the secret for a page that could be asked for again."""
    context = {**_about(made.application, kind), "secret": made.secret}
    return render(request, "applications/shown_once.html", context)
