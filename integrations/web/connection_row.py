"""A row of the list of connections."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from integrations.models import ClientRegistration, Connection
from integrations.oauth.errors import printable
from integrations.providers import PROVIDERS
from integrations.web.moments import used_ago
from integrations.web.presentation import NAME_LIMIT, is_held, provider_name, tenant_of
from integrations.web.standing import Standing, standing_of, words_for
from integrations.web.wording import said

FEATURES_NAMED = 3
#: The columns that a row of the list is made from.
COLUMNS = (
    "uuid",
    "subject",
    "account_label",
    "name",
    "status",
    "granted_scope",
    "last_error_code",
    "last_used_at",
    "variables",
    "registration__slug",
    "registration__provider",
    "registration__variables",
    "registration__enabled",
    "registration__last_error_code",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectionRow:
    """A connection in the list; `action` is the one thing to do with it: open, reconnect or connect.

    `instance` tells several registrations of the provider apart, `tenant` several connections of one registration.
    """

    uuid: UUID
    address: str
    title: str
    account: str
    provider: str
    provider_key: str
    instance: str
    tenant: str
    standing: str
    words: str
    features: str
    used: str
    last_used_at: datetime | None
    action: str
    action_address: str


def connection_rows(
    connections: Iterable[Any], *, instances: Mapping[str, str], now: datetime
) -> tuple[ConnectionRow, ...]:
    """Rows of connections that have what `with_standing` adds; `instances` are names of registrations by slug."""
    page, reconnect = _address_of("integrations:connection"), _address_of("integrations:reconnect")
    return tuple(
        _row(
            connection,
            standing=standing_of(connection.rank),
            instance=instances.get(connection.registration.slug, ""),
            page=page,
            reconnect=reconnect,
            now=now,
        )
        for connection in connections
    )


def _address_of(name: str) -> str:
    # Looking an address up costs as much as the rest of a row: once for all of them, with a place for the id.
    return reverse(name, kwargs={"uuid": UUID(int=0)}).replace(str(UUID(int=0)), "{}")


def _row(
    connection: Any, *, standing: Standing, instance: str, page: str, reconnect: str, now: datetime
) -> ConnectionRow:
    provider = provider_name(connection.registration)
    used = connection.last_used_at
    action, action_address = "open", ""
    if standing in (Standing.NEEDS_YOU, Standing.EXPIRING):
        action, action_address = "reconnect", reconnect.format(connection.uuid)
    elif standing is Standing.DISCONNECTED and _is_offered(connection.registration):
        action, action_address = "connect", reverse("integrations:provider", args=(connection.registration.slug,))
    return ConnectionRow(
        uuid=connection.uuid,
        address=page.format(connection.uuid),
        title=printable(connection.title, limit=NAME_LIMIT),
        account=printable(connection.account_label or connection.subject, limit=NAME_LIMIT),
        provider=provider,
        provider_key=connection.registration.provider,
        instance=instance,
        tenant=tenant_of(connection),
        standing=standing.value,
        words=words_for(connection, standing, provider=provider, ends_at=connection.ends_at, now=now),
        features=_features(connection),
        used=used_ago(now - used) if used else _("Not used yet"),
        last_used_at=used,
        action=action,
        action_address=action_address,
    )


def _is_offered(registration: ClientRegistration) -> bool:
    return registration.enabled and registration.provider in PROVIDERS


def _features(connection: Connection) -> str:
    """What is on, the first few by name."""
    provider = PROVIDERS.get(connection.registration.provider)
    if provider is None or not is_held(connection):
        return ""
    titles = [said(feature.title) for feature in provider.features_of(connection.scope)[0]]
    named, more = ", ".join(titles[:FEATURES_NAMED]), len(titles) - FEATURES_NAMED
    if more <= 0:
        return named
    return ngettext("%(named)s and %(count)d more", "%(named)s and %(count)d more", more) % {
        "named": named,
        "count": more,
    }
