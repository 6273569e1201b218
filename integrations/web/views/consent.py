"""Consent to one feature, asked at the moment something needs it."""

from collections.abc import Sequence

from django.contrib.auth.decorators import login_required
from django.db import models
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from integrations.models import ClientRegistration, Connection
from integrations.providers import PROVIDERS
from integrations.providers.errors import UnknownFeature
from integrations.providers.provider import Feature, Provider
from integrations.web.addresses import safe_path
from integrations.web.forms import FeaturesForm
from integrations.web.presentation import connection_card, feature_rows, registration_card
from integrations.web.visitor import PersonRequest


@require_safe
@login_required
def consent(request: PersonRequest) -> HttpResponse:
    """Ask for a feature on the connections the person has at a provider, or on `connection`, or on a new one."""
    provider = PROVIDERS.get(request.GET.get("provider", ""))
    if provider is None:
        raise Http404
    rows = _connections(request, provider)
    if not request.GET.get("feature"):
        return _without_feature(rows)
    feature = _feature(provider, request.GET["feature"])
    next_path = safe_path(request.GET.get("next", ""))
    if next_path and any(row.is_usable and _has(row, provider, feature) for row in rows):
        return HttpResponseRedirect(next_path)
    registrations = ClientRegistration.objects.filter(provider=provider.slug, enabled=True)
    context = {
        "provider": provider,
        "feature": next(row for row in feature_rows(provider) if row.slug == feature.slug),
        "minimum": next(row for row in feature_rows(provider) if row.slug == provider.minimum.slug),
        "upgrades": [connection_card(row) for row in rows if row.registration.enabled],
        "new": [_offer(registration, provider) for registration in registrations],
        "next": next_path,
    }
    return render(request, "integrations/consent.html", context)


def _offer(registration: ClientRegistration, provider: Provider) -> dict[str, object]:
    """A registration to connect a new account at, with what the provider asks of each person there."""
    form = FeaturesForm(provider=provider, questions=provider.questions(registration.variables))
    form.auto_id = f"{registration.slug}-%s"
    return {"card": registration_card(registration), "questions": form.questions}


def _without_feature(rows: Sequence[Connection]) -> HttpResponse:
    """What is missing belongs to no feature: the page of the connection shows what there is to allow."""
    if rows:
        return redirect("integrations:connection", uuid=rows[0].uuid)
    return redirect("integrations:catalogue")


def _feature(provider: Provider, slug: str) -> Feature:
    try:
        return provider.feature(slug)
    except UnknownFeature:
        raise Http404 from None


def _connections(request: PersonRequest, provider: Provider) -> Sequence[Connection]:
    rows = request.user.connections.visible().filter(registration__provider=provider.slug)
    if request.GET.get("connection"):
        rows = rows.filter(pk__in=[row.pk for row in rows if str(row.uuid) == request.GET["connection"]])
    return list(rows.select_related("registration", "owner").fetch_mode(models.FETCH_RAISE))


def _has(connection: Connection, provider: Provider, feature: Feature) -> bool:
    return feature.scope <= provider.covered_by(connection.scope)
