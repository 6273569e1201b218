"""Use a connection: the way in for views, tasks and commands.

    with access.session(connection, scope={"calendar.read"}, actor="nightly import") as session:
        session.get("/calendars")

`requests` raises as it always does; what the hub itself has to say is an OAuthError whose `remedy` tells a passing
failure from a final one.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

import requests
from django.db.models import F
from django.utils import timezone

from integrations.flows.borrow import AccessToken, consent_path, renewed_token, token
from integrations.flows.clients import client_for, provider_of, transport
from integrations.flows.errors import NotConnected, ScopeMissing
from integrations.flows.refresh import refresh
from integrations.flows.rows import Clock, load, require_usable
from integrations.flows.session import HubSession
from integrations.models import Connection
from integrations.oauth.errors import ProviderUnavailable
from integrations.providers import get

ANSWER_LIMIT_BYTES = 64 * 1024

__all__ = (
    "AccessToken",
    "HubSession",
    "Trial",
    "consent_path",
    "require_feature",
    "session",
    "test_connection",
    "token",
    "try_path",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """What a provider's API answered: HTTP status, and the first 64 KiB as text, to be escaped where it is shown."""

    ok: bool
    status: int
    text: str = field(repr=False)


def session(
    connection: Connection, *, scope: Collection[str] = (), clock: Clock = timezone.now, actor: str = ""
) -> HubSession:
    """A requests session that calls the provider as this account, for as long as you like.

    Each call borrows a valid token first; a 401 refreshes once and is tried once more, where the body can be sent
    again. Paths (`/calendars`) stand on the provider's API base; a token goes to no other host.
    """
    return HubSession(connection, scope=frozenset(scope), clock=clock, actor=actor)


def require_feature(user_id: int, provider_slug: str, feature_slug: str) -> Connection:
    """A person's connection at a provider that has a feature switched on; the most recently used of several.

    Raises:
        UnknownProvider, UnknownFeature: the catalogue has none of that slug.
        NotConnected: they have none; carries the page where they make one.
        ScopeMissing: they have not granted the feature; carries the page where they do.
        ConnectionUnusable: they have, but must reconnect.
    """
    rows = Connection.objects.visible().filter(owner_id=user_id, registration__provider=provider_slug)
    found = list(rows.select_related("registration", "owner").order_by(F("last_used_at").desc(nulls_last=True), "-pk"))
    feature = get(provider_slug).feature(feature_slug)
    path = consent_path(provider_slug, feature_slug)
    if not found:
        raise NotConnected(f"No account at {provider_slug} is connected.", consent_path=path)
    usable = [row for row in found if row.is_usable]
    for row in usable:
        if feature.scope <= provider_of(row.registration).covered_by(row.scope):
            return row
    if not usable:
        require_usable(found[0])
    raise ScopeMissing(
        f"{feature.title} is not switched on for {provider_slug}: it needs {' '.join(sorted(feature.scope))}.",
        scope=feature.scope,
        consent_path=path,
    )


def test_connection(connection: Connection, *, clock: Clock = timezone.now, actor: str = "") -> Trial:
    """Ask the provider, really, whether the connection works.

    Raises:
        OAuthError: it could not be asked.
    """
    _try_now(connection, clock=clock)
    path = provider_of(connection.registration).test_path
    if path:
        return try_path(connection, path, clock=clock, actor=actor)
    return _ask_userinfo(connection, clock=clock, actor=actor)


def try_path(connection: Connection, path: str, *, clock: Clock = timezone.now, actor: str = "") -> Trial:
    """GET a path of the provider's API.

    Raises:
        OAuthError: it could not be asked.
    """
    try:
        with session(connection, clock=clock, actor=actor) as hub_session:
            answer = hub_session.get(path, stream=True)
            with answer:
                text = _beginning(answer).decode(errors="replace")
    except (requests.RequestException, OSError):
        raise ProviderUnavailable("The provider's API did not answer.", code="connection_failed") from None
    return Trial(ok=answer.ok, status=answer.status_code, text=text)


def _try_now(connection: Connection, *, clock: Clock) -> None:
    """Do not wait for a back-off where somebody wants to know; unless the provider itself said how long to wait."""
    row = load(connection.pk)
    if row.failure_count and row.has_expired(now=clock()) and row.last_error_code != "rate_limited":
        refresh(row.pk, clock=clock, force=True)


def _beginning(answer: requests.Response) -> bytes:
    # Not answer.raw.read: only iter_content turns what urllib3 raises into what requests promises.
    body = b""
    for piece in answer.iter_content(ANSWER_LIMIT_BYTES):
        body += piece
        if len(body) >= ANSWER_LIMIT_BYTES:
            break
    return body[:ANSWER_LIMIT_BYTES]


def _ask_userinfo(connection: Connection, *, clock: Clock, actor: str) -> Trial:
    client = client_for(connection.registration, connection.variables)
    borrowed = token(connection, clock=clock, actor=actor)
    response = transport().send(client.userinfo_request(borrowed.value))
    if response.status == 401:
        borrowed = renewed_token(connection, seen_version=borrowed.version, clock=clock, actor=actor)
        response = transport().send(client.userinfo_request(borrowed.value))
    text = response.body[:ANSWER_LIMIT_BYTES].decode(errors="replace")
    return Trial(ok=response.status < 400, status=response.status, text=text)
