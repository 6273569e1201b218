"""An application's link: it asks a person to connect an account, and they decide what comes of it."""

from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from integrations.flows import connect_link as links
from integrations.flows.named import told_apart
from integrations.models import ConnectLink
from integrations.providers import PROVIDERS
from integrations.providers.provider import Provider
from integrations.providers.variable import Variable
from integrations.web.attempts import opening
from integrations.web.decorators import action_of
from integrations.web.forms import FeaturesForm
from integrations.web.presentation import connection_card, feature_rows, registration_card, scope_rows
from integrations.web.views.connect import leave
from integrations.web.visitor import PersonRequest


@never_cache
@require_safe
@login_required
def connect_link(request: PersonRequest, uuid: str) -> HttpResponse:
    """Who asks for what; after the link was used, what came of it."""
    link = _own_link(request, uuid)
    if link.is_open(now=timezone.now()) and link.registration.enabled:
        provider = _provider(link)
        return _ask(request, link, FeaturesForm(provider=provider, questions=_questions(provider, link)))
    context = {
        "application": _name(link),
        "card": connection_card(link.connection) if link.connection else None,
        "shares": link.shares,
        "was_started": link.started_at is not None,
        "return_to": link.return_to,
        "host": urlsplit(link.return_to).netloc,
    }
    return render(request, "integrations/connect_link_over.html", context)


@never_cache
@action_of("integrations:connect_link")
def begin(request: PersonRequest, uuid: str) -> HttpResponse:
    """Leave for the provider, as the person decided on the page of the link."""
    link = _own_link(request, uuid)
    page = reverse("integrations:connect_link", kwargs={"uuid": link.uuid})
    provider = _provider(link)
    form = FeaturesForm(request.POST, provider=provider, questions=_questions(provider, link))
    if not form.is_valid():
        return _ask(request, link, form) if link.is_open(now=timezone.now()) else redirect(page)
    if not links.start(link, shares="shares" in request.POST, now=timezone.now()):
        return redirect(page)
    features = tuple(form.cleaned_data["features"])
    # The link is used up; whoever wants to try once more asks the application for a new one, or goes without.
    again = opening(page, label=gettext("What became of it"))
    return leave(
        request,
        link.registration,
        features=features,
        variables=form.variables,
        link=link,
        again=again,
        return_to=page,
    )


def _ask(request: PersonRequest, link: ConnectLink, form: FeaturesForm) -> HttpResponse:
    provider = _provider(link)
    wanted = form.data.getlist("features") if form.is_bound and hasattr(form.data, "getlist") else link.features
    context = {
        "application": _name(link),
        "link": link,
        "card": registration_card(link.registration),
        "provider": provider,
        "features": feature_rows(provider, wanted=wanted),
        "form": form,
        "always_asked": scope_rows(provider, provider.base_scope | link.registration.extra_scope_set),
        "shares": form.is_bound and "shares" in form.data,
        "host": urlsplit(link.return_to).netloc,
    }
    return render(request, "integrations/connect_link.html", context, status=400 if form.is_bound else 200)


def _own_link(request: PersonRequest, uuid: str) -> ConnectLink:
    link = links.find(request.user.pk, uuid)
    if link is None:
        raise Http404
    return link


def _provider(link: ConnectLink) -> Provider:
    provider = PROVIDERS.get(link.registration.provider)
    if provider is None:
        raise Http404
    return provider


def _questions(provider: Provider, link: ConnectLink) -> tuple[Variable, ...]:
    return provider.questions(link.registration.variables)


def _name(link: ConnectLink) -> str:
    return told_apart(link.client_name or gettext("Unnamed client"), link.client_id)
