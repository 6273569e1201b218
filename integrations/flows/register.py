"""Register the hub at a provider instance: who we are there, checked before it is kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from integrations import vault
from integrations.flows.clients import transport
from integrations.flows.events import record
from integrations.flows.rows import require_keys
from integrations.models import ClientRegistration, Event
from integrations.oauth.address import origin
from integrations.oauth.discovery import discover
from integrations.oauth.server import AuthorizationServer
from integrations.providers import FieldRefused, VariableRefused, get
from integrations.providers.provider import Provider

METHODS_BY_PREFERENCE = ("client_secret_basic", "client_secret_post", "none")


@dataclass(frozen=True, kw_only=True, slots=True)
class Registration:
    """What an operator types in; a `client_secret` of None keeps the stored one, an empty one means a public client."""

    slug: str
    provider: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    variables: Mapping[str, str] = field(default_factory=dict)
    token_endpoint_auth_method: str = ""
    extra_scope: str = ""
    enabled: bool = True
    without_pkce: bool = False
    token_requests_per_minute: int | None = None


def register(given: Registration, *, now: datetime, actor: str = "") -> ClientRegistration:
    """Make or change the registration of this slug. Where the provider publishes metadata it is fetched and checked.

    Raises:
        UnknownProvider, VariableRefused, CatalogueError: the input is wrong; it names the field.
        FieldRefused: another field is wrong.
        OAuthError: the metadata is refused (another issuer, no PKCE) or cannot be had, or the key service
            does not answer. Nothing was stored.
    """
    provider = get(given.provider)
    variables = provider.validate_registration(given.variables)
    discovered = _discover(provider, variables)
    if given.client_secret is not None:
        require_keys()
    with transaction.atomic():
        row = ClientRegistration.objects.select_for_update().filter(slug=given.slug).first()
        kind = Event.Kind.REGISTRATION_CHANGED if row else Event.Kind.REGISTERED
        row = row or ClientRegistration(slug=given.slug, provider=given.provider)
        if row.provider != given.provider:
            raise ValueError(f"{given.slug} is registered at {row.provider}; take another slug")
        if given.client_secret is None and row.has_client_secret:
            _refuse_other_addresses(row, variables)
            _refuse_moved_endpoints(row, discovered)
        _refuse_to_strand(row, variables)
        row.client_id, row.variables, row.extra_scope = given.client_id.strip(), variables, given.extra_scope
        row.enabled, row.without_pkce = given.enabled, given.without_pkce
        row.token_requests_per_minute = given.token_requests_per_minute
        row.token_endpoint_auth_method = given.token_endpoint_auth_method or _method(provider, discovered)
        if discovered is not None:
            row.metadata, row.metadata_fetched_at = discovered.metadata(), now
        row.last_error_code, row.last_error_at = "", None
        _refuse_what_does_not_fit(row)
        row.save()
        if given.client_secret is not None:
            vault.seal_client_secret(row, given.client_secret.strip() or None)
            row.save()
        record(kind, registration=row, actor=actor, details={"new_secret": given.client_secret is not None})
        # What backed off may have failed for what was mended just now.
        row.connections.usable().filter(failure_count__gt=0).update(refresh_due_at=now)
    return row


def set_enabled(registration: ClientRegistration, enabled: bool, *, actor: str, reason: str = "") -> bool:
    """Switch a registration on or off; off refuses everything at once, also what is under way. False: it was so."""
    details = {"enabled": enabled, **({"reason": reason} if reason else {})}
    with transaction.atomic():
        if not ClientRegistration.objects.filter(pk=registration.pk).exclude(enabled=enabled).update(enabled=enabled):
            return False
        record(Event.Kind.REGISTRATION_CHANGED, registration=registration, actor=actor, details=details)
    return True


def set_rate(registration: ClientRegistration, per_minute: int | None, *, actor: str) -> None:
    """Cap the refreshes that are sent to its provider a minute; None: as the catalogue says.

    Raises:
        FieldRefused: it is none that can be kept.
    """
    registration.token_requests_per_minute = per_minute
    _refuse_what_does_not_fit(registration)
    with transaction.atomic():
        registration.save(update_fields=["token_requests_per_minute"])
        details = {"token_requests_per_minute": per_minute}
        record(Event.Kind.REGISTRATION_CHANGED, registration=registration, actor=actor, details=details)


def _refuse_what_does_not_fit(row: ClientRegistration) -> None:
    try:
        row.clean_fields(exclude=["variables", "metadata"])
    except ValidationError as error:
        field, (message, *_) = next(iter(error.message_dict.items()))
        raise FieldRefused(field, message) from None


def _refuse_other_addresses(row: ClientRegistration, variables: Mapping[str, str]) -> None:
    """A stored secret is not sent to an address it was not given for."""
    names = {*variables, *row.variables}
    changed = sorted(name for name in names if row.variables.get(name) != variables.get(name))
    if changed:
        raise VariableRefused(
            changed[0], "Enter the client secret again with this: the stored one is for the old address."
        )


def _refuse_moved_endpoints(row: ClientRegistration, discovered: AuthorizationServer | None) -> None:
    """Nor does it follow published metadata to another host."""
    for name in ("token_endpoint", "jwks_uri", "revocation_endpoint"):
        before, now = str(row.metadata.get(name, "")), getattr(discovered, name, "")
        if before and now and origin(before) != origin(now):
            raise FieldRefused(
                "client_secret", f"The provider's {name} has moved to {origin(now)}. Enter the client secret again."
            )


def _refuse_to_strand(row: ClientRegistration, variables: Mapping[str, str]) -> None:
    """A value for everybody is not taken away from connections that have none of their own."""
    for name in sorted(row.variables.keys() - variables.keys()):
        if row.pk and row.connections.visible().exclude(variables__has_key=name).exists():
            raise VariableRefused(
                name, "Connections were made with the value that was here. Leave it, and register the hub once more."
            )


def _discover(provider: Provider, variables: dict[str, str]) -> AuthorizationServer | None:
    if not provider.discovery:
        return None
    return discover(provider.issuer(variables), transport())


def _method(provider: Provider, discovered: AuthorizationServer | None) -> str:
    """The catalogue's method, unless the provider's own metadata knows better."""
    if discovered is None:
        return ""
    offered = discovered.token_endpoint_auth_methods_supported
    if offered is None or provider.server.dialect.token_endpoint_auth_method in offered:
        return ""
    return next((method for method in METHODS_BY_PREFERENCE if method in offered), "")
