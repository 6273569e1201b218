"""What can be connected."""

from collections.abc import Collection

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from integrations.models import ClientRegistration
from integrations.providers import PROVIDERS
from integrations.web.addresses import safe_path
from integrations.web.forms import FeaturesForm
from integrations.web.instances import instance_name
from integrations.web.offers import offers
from integrations.web.presentation import connection_card, feature_rows, registration_card, scope_rows
from integrations.web.visitor import PersonRequest


@vary_on_headers("HX-Request")
@require_safe
@login_required
def catalogue(request: PersonRequest) -> HttpResponse:
    """Every service that is switched on; only what was found when htmx asks."""
    part = "#results" if "HX-Request" in request.headers else ""
    return render(request, f"integrations/catalogue.html{part}", {"offers": offers(request.user, request.GET)})


@require_safe
@login_required
def provider(request: PersonRequest, slug: str) -> HttpResponse:
    """What a provider offers, and the choice of what to allow."""
    registration = get_object_or_404(ClientRegistration, slug=slug, enabled=True)
    next_path = safe_path(request.GET.get("next", ""))
    return render_choice(request, registration, wanted={request.GET.get("feature", "")}, next_path=next_path)


def render_choice(
    request: PersonRequest,
    registration: ClientRegistration,
    *,
    wanted: Collection[str] = (),
    form: FeaturesForm | None = None,
    next_path: str,
) -> HttpResponse:
    """The page before leaving for a provider; with a `form` that was refused, as the person filled it in.

    Raises:
        Http404: the catalogue does not have the provider.
    """
    entry = PROVIDERS.get(registration.provider)
    if entry is None:
        raise Http404
    connected = list(
        request.user.connections.visible().filter(registration=registration).select_related("registration")
    )
    # Whoever signs in with an account that is connected already would lose what is not asked for again.
    on = () if form else {feature.slug for row in connected for feature in entry.features_of(row.scope)[0]}
    context = {
        "card": registration_card(registration),
        "instance": instance_name(registration),
        "provider": entry,
        "features": feature_rows(entry, wanted={*wanted, *on}),
        "form": form or FeaturesForm(provider=entry, questions=entry.questions(registration.variables)),
        "always_asked": scope_rows(entry, entry.base_scope | registration.extra_scope_set),
        "connected": [connection_card(row) for row in connected],
        "next": next_path,
    }
    return render(request, "integrations/provider.html", context, status=400 if form else 200)
