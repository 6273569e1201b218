"""What pages show of rows and catalogue entries: plain values, in words, made harmless for display."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from integrations.flows import clients
from integrations.models import ClientRegistration, Connection
from integrations.oauth.errors import OAuthError, printable
from integrations.providers import PROVIDERS, VariableRefused
from integrations.providers.provider import Feature, Provider
from integrations.web.addresses import origin_of
from integrations.web.wording import said

NAME_LIMIT = 120
SCOPE_LIMIT = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class ScopeRow:
    """A scope token, and what it means."""

    token: str
    title: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a person answered when they connected: which shop, which region."""

    title: str
    value: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureRow:
    """A feature as a person meets it."""

    slug: str
    title: str
    description: str
    scope: tuple[ScopeRow, ...]
    is_fixed: bool
    is_on: bool
    can_be_tried: bool
    is_wanted: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistrationCard:
    """A provider that can be connected."""

    slug: str
    provider: str
    name: str
    description: str
    host: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectionCard:
    """A connection in a list, and the head of its own page."""

    uuid: UUID
    title: str
    account: str
    provider: str
    provider_key: str
    tenant: str
    status: str
    status_label: str
    features: tuple[str, ...]
    created_at: datetime
    last_used_at: datetime | None
    last_refreshed_at: datetime | None


def provider_name(registration: ClientRegistration) -> str:
    """The provider's name; our own key for it when the catalogue has lost it."""
    provider = PROVIDERS.get(registration.provider)
    return provider.name if provider else registration.provider


def authorization_origin(registration: ClientRegistration) -> str:
    """Where a person agrees, as far as it is known before they are asked; the empty text where it is not."""
    provider = PROVIDERS.get(registration.provider)
    if provider and provider.questions(registration.variables):
        return origin_of(f"https://{provider.sign_in_host(registration.variables)}")
    try:
        return origin_of(clients.server_of(registration, {}).authorization_endpoint)
    except OAuthError:
        return ""


def can_revoke(connection: Connection) -> bool:
    """Whether the provider can be told that access has ended."""
    try:
        return bool(clients.server_of(connection.registration, connection.variables).revocation_endpoint)
    except OAuthError:
        return False


def revocation_page(connection: Connection) -> str:
    """The provider's own page for ending the hub's access there; the empty text when we know none."""
    provider = PROVIDERS.get(connection.registration.provider)
    try:
        page = (
            provider.revocation_page(clients.variables_of(connection.registration, connection.variables))
            if provider
            else ""
        )
    except VariableRefused:
        return ""
    return page if origin_of(page) else ""


def registration_card(registration: ClientRegistration) -> RegistrationCard:
    provider = PROVIDERS.get(registration.provider)
    return RegistrationCard(
        slug=registration.slug,
        provider=registration.provider,
        name=provider_name(registration),
        description=said(provider.description) if provider else "",
        host=authorization_origin(registration).partition("://")[2],
    )


def connection_card(connection: Connection) -> ConnectionCard:
    provider = PROVIDERS.get(connection.registration.provider)
    on = provider.features_of(connection.scope)[0] if provider and is_held(connection) else ()
    switched_off = is_held(connection) and not connection.registration.enabled
    return ConnectionCard(
        uuid=connection.uuid,
        title=printable(connection.title, limit=NAME_LIMIT),
        account=printable(connection.account_label or connection.subject, limit=NAME_LIMIT),
        provider=provider_name(connection.registration),
        provider_key=connection.registration.provider,
        tenant=tenant_of(connection),
        status="disabled" if switched_off else connection.status,
        status_label=_("Switched off") if switched_off else connection.get_status_display(),
        features=tuple(said(feature.title) for feature in on),
        created_at=connection.created_at,
        last_used_at=connection.last_used_at,
        last_refreshed_at=connection.last_refreshed_at,
    )


def is_held(connection: Connection) -> bool:
    """Whether the hub still holds tokens of it."""
    return connection.status in (Connection.Status.ACTIVE, Connection.Status.NEEDS_REAUTHORIZATION)


def feature_rows(
    provider: Provider, *, granted: Collection[str] = (), wanted: Collection[str] = ()
) -> tuple[FeatureRow, ...]:
    """Every feature of an entry: which are on, and which somebody wants."""
    on, _ = provider.features_of(granted)
    return tuple(
        _feature_row(provider, feature, is_on=feature in on, is_wanted=feature.slug in wanted)
        for feature in provider.features
    )


def scope_rows(provider: Provider | None, scope: Iterable[str]) -> tuple[ScopeRow, ...]:
    """Scope tokens in human words, in order."""
    return tuple(
        ScopeRow(
            token=printable(token, limit=SCOPE_LIMIT),
            title=printable(said(provider.scope_title(token)) if provider else token, limit=SCOPE_LIMIT),
        )
        for token in sorted(scope)
    )


def answers_of(connection: Connection) -> tuple[Answer, ...]:
    """Which instance of its provider a connection is at, in the words it was asked in."""
    provider = PROVIDERS.get(connection.registration.provider)
    asked = provider.questions(connection.registration.variables) if provider else ()
    return tuple(
        Answer(title=said(variable.title), value=printable(connection.variables[variable.name], limit=NAME_LIMIT))
        for variable in asked
        if variable.name in connection.variables
    )


def tenant_of(connection: Connection) -> str:
    """What a person answered, to tell two tenants apart at a glance; empty where the provider asks nothing."""
    return ", ".join(answer.value for answer in answers_of(connection) if answer.value)


def _feature_row(provider: Provider, feature: Feature, *, is_on: bool, is_wanted: bool) -> FeatureRow:
    return FeatureRow(
        slug=feature.slug,
        title=said(feature.title),
        description=said(feature.description),
        scope=scope_rows(provider, feature.scope),
        is_fixed=feature.minimum or not feature.scope or provider.access_is_fixed,
        is_on=is_on,
        can_be_tried=bool(feature.test_path),
        is_wanted=is_wanted,
    )
