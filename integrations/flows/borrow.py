"""Borrow: be handed an access token that is valid now. At most two queries, and no write, while it is fresh."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hmac import compare_digest
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone

from integrations import measures
from integrations.flows import uses
from integrations.flows.clients import provider_of
from integrations.flows.errors import ScopeMissing
from integrations.flows.events import record
from integrations.flows.refresh import refresh
from integrations.flows.rows import Clock, load, open_tokens, require_usable
from integrations.flows.schedule import is_due
from integrations.models import Connection, Event
from integrations.oauth.errors import OAuthError, Remedy

REFUSED_AGAIN = timedelta(minutes=1)
#: How often a borrower's word is taken for it, of one connection.
TAKEN_AT_THEIR_WORD = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessToken:
    """A borrowed access token; it is good now, and belongs to nobody but this connection's account."""

    value: str = field(repr=False)
    token_type: str
    expires_at: datetime | None
    scope: frozenset[str]
    version: int


def token(
    connection: Connection,
    *,
    scope: Collection[str] = (),
    clock: Clock = timezone.now,
    actor: str = "",
    details: Mapping[str, object] | None = None,
) -> AccessToken:
    """Return an access token that is valid now and covers `scope`; refreshed first if need be.

    A token that is still good is served while the provider's token endpoint is down. A use with `details` (no
    secrets) is an event of its own; else only an actor's first use on a day is one.

    Raises:
        ScopeMissing: the person has not granted that; carries the page where they can.
        ConnectionUnusable: the person must reconnect, or an operator must act.
        OAuthError: a passing failure (remedy RETRY, with `retry_after` seconds), or our registration is refused.
    """
    row = load(connection.pk)
    require_usable(row)
    return token_of(row, scope=scope, clock=clock, actor=actor, details=details)


def token_of(
    row: Connection,
    *,
    scope: Collection[str] = (),
    clock: Clock,
    actor: str,
    details: Mapping[str, object] | None = None,
) -> AccessToken:
    """As `token`, of a row that was just loaded, with its vault entry, and found usable."""
    now = clock()
    require_scope(row, scope)
    if _is_due(row, now=now):
        row = _refreshed(row, clock=clock)
        require_scope(row, scope)
    return borrow(row, now=now, actor=actor, details=details)


def renewed_token(
    connection: Connection, *, seen_version: int, clock: Clock = timezone.now, actor: str = ""
) -> AccessToken:
    """The token to try after the provider refused one with 401: refreshed, unless it was replaced since.

    One that was refreshed less than a minute ago is not refreshed again: a provider that refuses it refuses the next
    one too, and nobody is helped by a refresh a call.

    Raises:
        OAuthError: as `token`.
    """
    row, now = load(connection.pk), clock()
    if row.is_usable and row.version == seen_version and _is_new(row, now=now, for_=REFUSED_AGAIN):
        return borrow(row, now=now, actor=actor)
    return borrow(refresh(connection.pk, clock=clock, seen_version=seen_version), now=clock(), actor=actor)


def heed(row: Connection, *, refused: str, clock: Clock, actor: str) -> Connection:
    """The row to borrow of, after a borrower said that the provider refused a token: renewed if that is the one.

    It is their word alone. So they must have the token that there is, it is done once in some minutes, and a connection
    without a refresh token is not given up for it. With one the provider decides: its `invalid_grant` ends it for all.

    Raises:
        OAuthError: as `token`.
    """
    if not row.has_refresh_token or _is_new(row, now=clock(), for_=TAKEN_AT_THEIR_WORD):
        return row
    if not compare_digest(open_tokens(row).access_token.encode(), refused.encode()):
        return row
    return refresh(row.pk, clock=clock, seen_version=row.version, actor=actor)


def _is_new(row: Connection, *, now: datetime, for_: timedelta) -> bool:
    # The first token came with the connection, and was not refreshed.
    if row.version == 1 or row.last_refreshed_at is None:
        return False
    return row.last_refreshed_at <= now < row.last_refreshed_at + for_


def borrow(row: Connection, *, now: datetime, actor: str, details: Mapping[str, object] | None = None) -> AccessToken:
    """Open the token of a row that was just loaded and found usable, and note its use."""
    tokens = open_tokens(row)
    uses.note(row, actor=actor, now=now, is_told=bool(details))
    measures.count(measures.BORROWS, row.registration.provider)
    if details:
        record(Event.Kind.USED, connection=row, actor=actor, details=details)
    return AccessToken(
        value=tokens.access_token,
        token_type=tokens.token_type,
        expires_at=row.access_expires_at,
        scope=row.scope,
        version=row.version,
    )


def require_scope(connection: Connection, scope: Collection[str]) -> None:
    """Stop unless the connection was granted all of `scope`.

    Raises:
        ScopeMissing
    """
    provider = provider_of(connection.registration)
    missing = frozenset(scope) - provider.covered_by(connection.scope)
    if missing:
        feature = next((f for f in provider.features if missing <= f.scope), None)
        raise ScopeMissing(
            f"The connection to {provider.name} lacks {' '.join(sorted(missing))}.",
            scope=missing,
            consent_path=consent_path(connection.registration.provider, feature.slug if feature else ""),
        )


def consent_path(provider_slug: str, feature_slug: str) -> str:
    """The page where a person grants a feature."""
    query = {"provider": provider_slug, **({"feature": feature_slug} if feature_slug else {})}
    return f"{reverse('integrations:consent')}?{urlencode(query)}"


def _is_due(row: Connection, *, now: datetime) -> bool:
    return is_due(
        now=now,
        due_at=row.refresh_due_at,
        expires_at=row.access_expires_at,
        lifetime_seconds=row.access_lifetime_seconds,
    )


def _refreshed(row: Connection, *, clock: Clock) -> Connection:
    """Refresh; a passing failure is not the caller's concern while the token they need is still good."""
    try:
        return refresh(row.pk, clock=clock)
    except OAuthError as error:
        current = load(row.pk)
        final = error.remedy is Remedy.REAUTHORIZE or not current.is_usable
        if final or current.has_expired(now=clock()):
            raise
        return current
