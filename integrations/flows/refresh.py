"""Refresh one connection: claim, call, commit.

A compare-and-set UPDATE takes a lease; the HTTP call runs with no transaction open; the commit is a compare-and-set on
version and lease owner (`settle`). Just before the refresh token leaves, the row is marked, under the lease: whoever
finds the lease run out later knows whether the token may have been spent. A lease that ran out unmarked is free. One
that ran out marked is not, where the provider ends the grant on reuse: its holder may come back with the answer, or the
journal may have it; after `vanished.FOR_GOOD` the person is asked to reconnect.

A provider that is known to want a pause, or to be down (`standing`), is not asked: a token that still works is served,
and who has none is told when to come back.
"""

import logging
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from integrations import traces
from integrations.flows import disconnect, lease, settle, standing, vanished, watched
from integrations.flows.clients import client_for, jwks, let_go_of_database, transport
from integrations.flows.errors import ConnectionUnusable, RotationUncertain
from integrations.flows.grant import Grant, renewed, seal
from integrations.flows.journal import Record
from integrations.flows.rows import Clock, end, load, open_tokens, require_usable
from integrations.flows.schedule import is_due
from integrations.flows.sweep_outcome import Outcome
from integrations.models import Connection
from integrations.oauth import id_token
from integrations.oauth.client import Client
from integrations.oauth.errors import AddressRefused, OAuthError, ProviderUnavailable, Remedy
from integrations.oauth.message import Response
from integrations.oauth.token import TokenResponse
from integrations.vault import TokenSet

logger = logging.getLogger(__name__)

PAUSE_FIRST_SECONDS = 0.02
PAUSE_AT_MOST_SECONDS = 0.25


def refresh(
    connection_id: int,
    *,
    clock: Clock = timezone.now,
    seen_version: int | None = None,
    force: bool = False,
    actor: str = "",
    pause: Callable[[float], None] = time.sleep,
) -> Connection:
    """Return the connection with a token worth using, refreshed by us or by somebody else meanwhile.

    `seen_version` is that of a token a provider just refused: refresh unless it was replaced since. `force` refreshes a
    token that is not due, and does not wait for a back-off; `actor` is who asked for that.

    Raises:
        ConnectionUnusable: the person must reconnect, or an operator must act.
        OAuthError: with remedy RETRY, a passing failure; with OPERATOR, the provider refuses our registration.
    """
    with watched.pausing(pause) as counted:
        return _refresh(connection_id, clock=clock, seen_version=seen_version, force=force, actor=actor, pause=counted)


def _refresh(
    connection_id: int,
    *,
    clock: Clock,
    seen_version: int | None,
    force: bool,
    actor: str,
    pause: Callable[[float], None],
) -> Connection:
    for wait in _pauses(settings.HUB_REFRESH_WAIT_SECONDS):
        now = clock()
        connection = load(connection_id)
        require_usable(connection)
        if force and seen_version is None:
            seen_version = connection.version
        if not _is_wanted(connection, now=now, seen_version=seen_version):
            return connection
        taken = lease.take(connection, now=now, force=force)
        if isinstance(taken, lease.Taken):
            refused = seen_version is not None and not force
            with traces.span("refresh", provider=connection.registration.provider):
                renewed_row = _renew(connection, taken, clock=clock, refused=refused, actor=actor)
            if renewed_row is not None:
                return renewed_row
            continue
        if seen_version is None and not connection.has_expired(now=now):
            return connection
        if taken is not None:
            raise taken
        vanished.look_after(connection, now=now)
        let_go_of_database()
        pause(wait)
    raise ProviderUnavailable("Another worker is still refreshing it.", code="refresh_in_progress", retry_after=5)


def _pauses(total_seconds: float) -> Iterator[float]:
    spent, step = 0.0, PAUSE_FIRST_SECONDS
    while spent < total_seconds:
        wait = step * (0.5 + secrets.randbelow(1000) / 1000)
        yield wait
        spent += wait
        step = min(step * 1.5, PAUSE_AT_MOST_SECONDS)


def _is_wanted(connection: Connection, *, now: datetime, seen_version: int | None) -> bool:
    if seen_version is not None:
        return connection.version == seen_version
    return is_due(
        now=now,
        due_at=connection.refresh_due_at,
        expires_at=connection.access_expires_at,
        lifetime_seconds=connection.access_lifetime_seconds,
    )


def _renew(connection: Connection, taken: lease.Taken, *, clock: Clock, refused: bool, actor: str) -> Connection | None:
    """Send and settle under the lease; None when the lease was lost before anything was sent."""
    lease_owner = taken.lease_owner
    try:
        tokens, client = open_tokens(connection), client_for(connection.registration, connection.variables)
        if tokens.refresh_token is None:
            _without_refresh_token(connection, over=refused or connection.has_expired(now=clock()))
        request = client.refresh_request(tokens.refresh_token or "", scope=connection.scope)
    except OAuthError as error:
        settle.release(connection, lease_owner=lease_owner)
        lease.give_turn_back(connection, taken)
        if error.remedy is Remedy.OPERATOR:
            settle.alarm(connection.registration, error, now=clock())
        watched.not_refreshed(connection.registration.provider, error)
        raise _unusable(error) from None
    sent_at = clock()
    standing.take_a_place(connection, client, url=request.url, now=sent_at)
    if not mark_sent([connection.pk], lease_owner=lease_owner, now=sent_at):
        lease.give_turn_back(connection, taken)
        return None
    turn = standing.Turn(tries=taken.tries_provider, out_of_turn=taken.out_of_turn)
    tell = partial(standing.tell, connection, url=request.url, turn=turn)
    try:
        with watched.token_call(connection.registration.provider, grant="refresh_token"):
            response = transport().send(request)
        grant = judge(connection, tokens, client, response, sent_at=sent_at)
    except OAuthError as error:
        tell(error, now=clock())
        return _failed(connection, error, lease_owner=lease_owner, now=clock())
    stored = _stored(connection, grant, lease_owner=lease_owner, now=clock(), actor=actor)
    tell(None, now=clock())
    return stored


def mark_sent(connection_ids: list[int], *, lease_owner: str, now: datetime) -> int:
    """Note on rows still under this lease that their refresh token is about to leave; how many they are.

    The lease runs anew from here, so that it outlives the call however long the row waited for its turn.
    """
    held = Connection.objects.among(connection_ids).filter(lease_owner=lease_owner, lease_until__gt=now)
    lease_until = now + timedelta(seconds=settings.HUB_LEASE_SECONDS)
    return held.filter(status=Connection.Status.ACTIVE).update(refresh_sent=True, lease_until=lease_until)


def judge(connection: Connection, tokens: TokenSet, client: Client, response: Response, *, sent_at: datetime) -> Grant:
    """What the provider's answer makes of the connection.

    Raises:
        OAuthError: the provider refused, or we do: IdentityRefused when a new id_token speaks of somebody else.
    """
    return accept(connection, tokens, client, client.judge_token(response), sent_at=sent_at)


def accept(
    connection: Connection, tokens: TokenSet, client: Client, answer: TokenResponse, *, sent_at: datetime
) -> Grant:
    """What a good answer makes of the connection. An id_token in it may cost a call for the provider's keys.

    Raises:
        IdentityRefused: the new id_token speaks of somebody else.
    """
    if answer.id_token is not None:
        answer = _with_known_identity(connection, tokens, client, answer, now=sent_at)
    return renewed(connection, answer, previous=tokens, dialect=client.server.dialect, sent_at=sent_at)


def _with_known_identity(
    connection: Connection, tokens: TokenSet, client: Client, answer: TokenResponse, *, now: datetime
) -> TokenResponse:
    """The answer, its id_token validated (OpenID Connect Core §12.2), or left out where that cannot be done.

    Key endpoint down: the id_token is left out rather than a rotated refresh token lost with it.
    """
    server = client.server
    if not server.jwks_uri:
        return replace(answer, id_token=None)
    try:
        id_token.validate(
            answer.id_token or "",
            jwks=jwks().at(server.jwks_uri),
            issuer=server.issuer,
            client_id=client.client_id,
            algorithms=server.id_token_signing_alg_values_supported,
            nonce=None,
            access_token=answer.access_token,
            now=now,
            leeway_seconds=client.leeway_seconds,
            previous=id_token.remembered(tokens.id_token, issuer=connection.issuer, subject=connection.subject),
        )
    except (ProviderUnavailable, AddressRefused):
        # The keys are not to be had, or not where they may be fetched: no reason to lose a rotated refresh token.
        return replace(answer, id_token=None)
    return answer


def record_of(connection: Connection, grant: Grant, *, lease_owner: str) -> Record:
    """The result of a refresh, sealed and ready to be committed."""
    sealed, key_id = seal(connection, grant)
    return Record.of(connection, lease_owner, grant, sealed, key_id)


def _stored(connection: Connection, grant: Grant, *, lease_owner: str, now: datetime, actor: str) -> Connection:
    try:
        settled = settle.commit([record_of(connection, grant, lease_owner=lease_owner)], now=now, actor=actor)
    except DatabaseError as error:
        logger.warning("refreshed token is in the recovery journal", extra={"connection": str(connection.uuid)})
        uncertain = RotationUncertain("The new token could not be stored yet.")
        watched.not_refreshed(connection.registration.provider, uncertain, outcome=Outcome.IN_JOURNAL)
        raise uncertain from error
    watched.stored(connection.registration.provider, took=connection.pk in settled.stored)
    settle.clear_alarm(connection.registration)
    disconnect.revoke_now(settled.late, now=now)
    current = load(connection.pk)
    require_usable(current)
    return current


def _failed(connection: Connection, error: OAuthError, *, lease_owner: str, now: datetime) -> Connection:
    logger.warning("refresh failed", extra={"connection": str(connection.uuid), "code": error.code})
    settled = settle.fail(connection, error, lease_owner=lease_owner, now=now)
    outcome = Outcome.of(error) if settled else Outcome.MOVED_ON
    watched.not_refreshed(connection.registration.provider, error, outcome=outcome)
    current = load(connection.pk)
    if not settled and current.version != connection.version:
        require_usable(current)
        return current
    raise _unusable(error) from None


def _without_refresh_token(connection: Connection, *, over: bool) -> None:
    if over:
        end(connection, code="no_refresh_token")
        raise ConnectionUnusable("The access ended and the provider gave no means to renew it. Reconnect the account.")
    raise ConnectionUnusable(
        "The provider gives no refresh token; the access token is used as long as it lasts.", code="no_refresh_token"
    )


def _unusable(error: OAuthError) -> OAuthError:
    if error.remedy is Remedy.REAUTHORIZE and not isinstance(error, ConnectionUnusable):
        return ConnectionUnusable(error.description, code=error.code)
    return error
