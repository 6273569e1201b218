"""Use a connection: the way in for views, tasks and commands.

    with access.session(connection, scope={"calendar.read"}, actor="nightly import") as session:
        session.get("/calendars")

`requests` raises as it always does; what the hub itself has to say is an OAuthError whose `remedy` tells a passing
failure from a final one.
"""

from collections.abc import Collection

import requests
from django.db.models import F
from django.utils import timezone

from integrations.flows.answer import Answer, Call, read
from integrations.flows.borrow import AccessToken, consent_path, renewed_token, token
from integrations.flows.clients import client_for, provider_of, transport
from integrations.flows.errors import NotConnected, ScopeMissing
from integrations.flows.refresh import refresh
from integrations.flows.rows import Clock, load, require_usable
from integrations.flows.session import HubSession
from integrations.models import Connection
from integrations.oauth.transport import unavailable
from integrations.providers import get

__all__ = (
    "AccessToken",
    "Answer",
    "Call",
    "HubSession",
    "call",
    "consent_path",
    "require_feature",
    "session",
    "test_connection",
    "token",
)


def session(
    connection: Connection,
    *,
    scope: Collection[str] = (),
    clock: Clock = timezone.now,
    actor: str = "",
    note_calls: bool = False,
) -> HubSession:
    """A requests session that calls the provider as this account, for as long as you like.

    Each call borrows a valid token first; a 401 refreshes once and is tried once more, where the body can be sent
    again. Paths (`/calendars`) stand on the provider's API base; a token goes to no other host.
    With `note_calls` each call is an event with its method and path; else a day's first use is one.
    """
    return HubSession(connection, scope=frozenset(scope), clock=clock, actor=actor, note_calls=note_calls)


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


def call(
    connection: Connection, what: Call, *, scope: Collection[str] = (), clock: Clock = timezone.now, actor: str = ""
) -> Answer:
    """Make one call as a program makes it, note it as an event of its own, and bring the beginning of the answer.

    Raises:
        ScopeMissing: the connection lacks `scope`; nothing was sent.
        OAuthError: as `session`; ProviderUnavailable also where the answer broke off, so it may have had an effect.
    """
    return _call(session(connection, scope=scope, clock=clock, actor=actor, note_calls=True), what)


def test_connection(connection: Connection, *, clock: Clock = timezone.now, actor: str = "") -> Answer:
    """Ask the provider, really, whether the connection works.

    Raises:
        OAuthError: it could not be asked.
    """
    _try_now(connection, clock=clock)
    path = provider_of(connection.registration).test_path
    if path:
        return _call(session(connection, clock=clock, actor=actor), Call(method="GET", path=path))
    return _ask_userinfo(connection, clock=clock, actor=actor)


def _call(hub_session: HubSession, what: Call) -> Answer:
    given = {} if what.body is None else {"json": what.body}
    try:
        with hub_session, hub_session.request(what.method, what.path, stream=True, **given) as response:
            return read(response, secret=hub_session.token_sent(response))
    except (requests.RequestException, OSError) as error:
        raise unavailable(error, late=False) from None


def _try_now(connection: Connection, *, clock: Clock) -> None:
    """Do not wait for a back-off where somebody wants to know; unless the provider itself said how long to wait."""
    row = load(connection.pk)
    if row.failure_count and row.has_expired(now=clock()) and row.last_error_code != "rate_limited":
        refresh(row.pk, clock=clock, force=True)


def _ask_userinfo(connection: Connection, *, clock: Clock, actor: str) -> Answer:
    client = client_for(connection.registration, connection.variables)
    borrowed = token(connection, clock=clock, actor=actor)
    response = transport().send(client.userinfo_request(borrowed.value))
    if response.status == 401:
        borrowed = renewed_token(connection, seen_version=borrowed.version, clock=clock, actor=actor)
        response = transport().send(client.userinfo_request(borrowed.value))
    return Answer(status=response.status)
