"""What can be connected at this hub."""

from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Path, Router, Schema

from integrations.api.caller import Scoped
from integrations.api.document import described
from integrations.api.paging import After, Limit, Next, cursor, cut, link_next, position
from integrations.api.problem import NoSuchProvider
from integrations.models import ClientRegistration
from integrations.providers import PROVIDERS
from integrations.providers.provider import Feature, Provider

router = Router(tags=["providers"])

LIST = "providers"
SLUG = r"^[a-zA-Z0-9_-]{1,50}$"
Slug = Annotated[str, Path(pattern=SLUG, description="`slug` of a provider here.")]

FEATURE = {
    "slug": "notes.read",
    "title": "Read your notes",
    "description": "The hub can list and open your notes.",
    "scope": "notes:read",
    "always": False,
}
EXAMPLE = {"slug": "sandbox", "provider": "sandbox", "name": "Sandbox", "description": "…", "features": [FEATURE]}


class FeatureOut(Schema):
    """What a person can switch on; `always`: it comes with every connection."""

    slug: str
    title: str
    description: str
    scope: str
    always: bool


class ProviderOut(Schema):
    """A provider that can be connected here. `provider` is its key in the catalogue, `slug` this hub's own name."""

    slug: str
    provider: str
    name: str
    description: str
    features: list[FeatureOut]


class ProviderList(Schema):
    """A page of what can be connected."""

    data: list[ProviderOut]
    next: Next


@router.get(
    "/providers",
    auth=Scoped("connections:read"),
    response=ProviderList,
    openapi_extra=described(example={"data": [EXAMPLE], "next": None}),
)
def list_providers(request: HttpRequest, response: HttpResponse, after: After = "", limit: Limit = 50) -> ProviderList:
    """What can be connected here."""
    rows = ClientRegistration.objects.filter(enabled=True, provider__in=PROVIDERS, pk__gt=position(after, of=LIST))
    page, more = cut(list(rows.order_by("pk")[: limit + 1]), limit)
    following = cursor(page[-1].pk, of=LIST) if more else None
    if following:
        link_next(request, response, following)
    return ProviderList(data=[_told(row) for row in page], next=following)


@router.get(
    "/providers/{slug}",
    auth=Scoped("connections:read"),
    response=ProviderOut,
    openapi_extra=described("unknown_provider", example=EXAMPLE),
)
def get_provider(request: HttpRequest, slug: Slug) -> ProviderOut:
    """One provider that can be connected here."""
    return _told(registration_of(slug))


def registration_of(slug: str) -> ClientRegistration:
    """Us at a provider that can be connected.

    Raises:
        NoSuchProvider
    """
    row = ClientRegistration.objects.filter(enabled=True, slug=slug, provider__in=PROVIDERS).first()
    if row is None:
        raise NoSuchProvider
    return row


def feature_of(feature: Feature) -> FeatureOut:
    return FeatureOut(
        slug=feature.slug,
        title=feature.title,
        description=feature.description,
        scope=" ".join(sorted(feature.scope)),
        always=feature.minimum,
    )


def _told(registration: ClientRegistration) -> ProviderOut:
    provider: Provider = PROVIDERS[registration.provider]
    return ProviderOut(
        slug=registration.slug,
        provider=provider.slug,
        name=provider.name,
        description=provider.description,
        features=[feature_of(feature) for feature in provider.features],
    )
