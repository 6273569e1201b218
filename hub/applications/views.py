"""What a person allowed applications to do: see it, change it, take it back."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from hub.applications import authorizations, kept
from hub.applications.authorizations import Authorized
from hub.applications.choice import CONNECT, allow_chosen, choice_of, connect_another, pointed_at
from hub.applications.kinds import kind_of
from hub.applications.registration import may_register, registered_by
from hub.applications.scope import OF_CONNECTIONS, concerns_connections
from integrations.web.addresses import HttpResponseSeeOther
from integrations.web.visitor import PersonRequest, client_address


@never_cache
@require_safe
@login_required
def applications(request: PersonRequest) -> HttpResponse:
    """Those that the person allowed, and those that they registered."""
    own = registered_by(request.user).select_related("suspension")
    context = {
        "authorized": authorizations.authorized(request.user.pk, now=timezone.now()),
        "own": [{"application": row, "name": authorizations.shown_name(row), "kind": kind_of(row)} for row in own],
        "may_register": may_register(request.user),
    }
    return render(request, "applications/applications.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def authorized(request: PersonRequest, client_id: str) -> HttpResponse:
    """One that the person allowed, and which connections it may use; with POST, what was chosen is all from now on.

    `connection` and `scope` in the address point at what the application was refused. To one that an operator switched
    off nothing is allowed meanwhile; it can be removed.
    """
    found = _found(request, client_id)
    is_suspended = hasattr(found.application, "suspension")
    has_choice = not is_suspended and (concerns_connections(found.scope) or bool(found.connections))
    if CONNECT in request.POST:
        return connect_another(request, client_id)
    if request.method == "POST":
        if is_suspended:
            messages.error(request, _("Nothing was changed: an operator has switched this application off."))
        elif has_choice:
            allow_chosen(request, found.application, OF_CONNECTIONS)
            words = {"name": found.name}
            messages.success(request, _("Saved. This is what %(name)s may use from now on.") % words)
        return HttpResponseSeeOther(reverse("applications:authorized", args=[client_id]))
    pointed = pointed_at(request.GET)
    choice = choice_of(request, client_id, pointed=pointed)
    context = {
        "found": found,
        "choice": choice if has_choice else None,
        "is_pointed": pointed.connection is not None,
        "is_suspended": is_suspended,
    }
    return render(request, "applications/authorized.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def remove(request: PersonRequest, client_id: str) -> HttpResponse:
    """Say what removing an application does; with POST, do it."""
    found = _found(request, client_id)
    if request.method != "POST":
        return render(request, "applications/remove.html", {"found": found})
    authorizations.end(
        request.user.pk, found.application, actor=request.user.get_username(), ip=client_address(request)
    )
    messages.success(request, _("%(name)s was removed. It can do nothing for you any more.") % {"name": found.name})
    return HttpResponseSeeOther(reverse("applications:applications"))


@never_cache
@require_safe
@login_required
def back(request: PersonRequest) -> HttpResponse:
    """On to the page that somebody left to connect another account, where its address was too long to take along."""
    return HttpResponseSeeOther(kept.address(request) or reverse("applications:applications"))


def _found(request: PersonRequest, client_id: str) -> Authorized:
    found = authorizations.find(request.user.pk, client_id, now=timezone.now())
    if found is None:
        raise Http404
    return found
