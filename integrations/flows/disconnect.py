"""Disconnect: wiped here at once, revoked at the provider as soon as it answers (RFC 7009)."""

import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.db import transaction
from django.db.models import Subquery

from integrations import vault
from integrations.flows import hold
from integrations.flows.clients import client_for, server_of, transport
from integrations.flows.events import record
from integrations.flows.rows import NO_KEYS_YET, OPERATORS_FAULT, load, no_keys_yet, require_keys
from integrations.flows.schedule import backoff
from integrations.models import Allowance, AuthorizationRequest, Connection, Event, PendingRevocation
from integrations.models.allowance import application_key
from integrations.models.connection import ENDED, NEXT_VERSION
from integrations.oauth.client import Client
from integrations.oauth.errors import InvalidGrant, OAuthError, RequestRefused
from integrations.oauth.token import TokenResponse
from integrations.vault import SealError, TokenSet

logger = logging.getLogger(__name__)

GIVE_UP_AFTER = timedelta(days=7)
ATTEMPT_LEASE = timedelta(minutes=2)
UNSUPPORTED = "unsupported_token_type"
#: How telling a provider ends.
TOLD = (Event.Kind.REVOKED_AT_PROVIDER, Event.Kind.REVOCATION_FAILED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Disconnected:
    """What became of it at the provider.

    `remote`: revoked; pending, retried in the background; unsupported, the provider has no way; untold, what it would
    have to be told could not be opened, so that the grant goes on there until the person ends it.
    """

    connection: Connection
    remote: Literal["revoked", "pending", "unsupported", "untold"]


def disconnect(connection: Connection, *, actor: str, now: datetime, ip: str = "", reason: str = "") -> Disconnected:
    """End a connection. Its tokens are wiped here before the provider is asked; doing it twice changes nothing.

    Attempts to connect that were under way for this owner at this provider are void. A refresh in flight cannot bring
    tokens back: what it brings is revoked too.

    Raises:
        ConnectionUnusable: the key service does not answer, so nobody could tell the provider; nothing was changed.
    """
    require_keys()
    pending = wipe(connection, actor=actor, now=now, ip=ip, reason=reason)
    if pending is not None:
        _attempt(pending, now=now)
    current = load(connection.pk)
    if current.status == Connection.Status.REVOKING:
        return Disconnected(connection=current, remote="pending")
    return Disconnected(connection=current, remote=_remote(current))


def _remote(ended: Connection) -> Literal["revoked", "unsupported", "untold"]:
    """How telling the provider ended, by what was written down since the connection did."""
    since = ended.events.filter(kind=Event.Kind.DISCONNECTED).order_by("-pk").values("pk")[:1]
    told = dict(ended.events.filter(kind__in=TOLD, pk__gt=Subquery(since)).values_list("kind", "details"))
    if Event.Kind.REVOKED_AT_PROVIDER in told:
        return "revoked"
    failed = told.get(Event.Kind.REVOCATION_FAILED, {"code": UNSUPPORTED})
    return "unsupported" if failed.get("code") == UNSUPPORTED else "untold"


def retry_revocations(
    *,
    now: datetime,
    provider: str = "",
    owner_id: int | None = None,
    bulk_id: int | None = None,
    limit: int = 100,
    stop: Callable[[], bool] = lambda: False,
) -> int:
    """Try again what providers could not be told yet, until `stop` says so; how many were revoked."""
    due = PendingRevocation.objects.filter(next_attempt_at__lte=now).select_related("connection", "registration")
    if provider:
        due = due.filter(registration__provider=provider)
    if owner_id is not None:
        due = due.filter(connection__owner_id=owner_id)
    if bulk_id is not None:
        due = due.filter(bulk_id=bulk_id)
    rows = itertools.takewhile(lambda _: not stop(), due.order_by("next_attempt_at")[:limit])
    return sum(_attempt(row, now=now) for row in rows)


def revoke_now(rows: Sequence[PendingRevocation], *, now: datetime) -> None:
    """Revoke tokens that no connection holds any more; what fails is tried again later."""
    for row in rows:
        _attempt(row, now=now)


def hand_back(client: Client, answer: TokenResponse) -> None:
    """Revoke tokens that were granted and are not stored, unless that could end what other connections hold."""
    if hold.is_on() or not client.server.dialect.revocation.spares_newer:
        return
    try:
        _revoke(client, access_token=answer.access_token, refresh_token=answer.refresh_token)
    except OAuthError as error:
        logger.warning("refused tokens could not be revoked", extra={"code": error.code})


def wipe(
    connection: Connection, *, actor: str, now: datetime, ip: str = "", reason: str = ""
) -> PendingRevocation | None:
    """The part of disconnecting that needs nobody else, in one transaction; what the provider must be told, if any.

    A lease stays until it runs out: as long as it does, a refresh in flight may bring tokens that must be revoked, too.
    Whoever calls this in a transaction has the keys at hand (`require_keys`).

    Raises:
        ConnectionUnusable: the key service keeps the keys back; nothing was changed.
    """
    with transaction.atomic():
        if not Connection.objects.select_for_update().filter(pk=connection.pk).values_list("pk"):
            # Somebody else who closes the same account was faster.
            return None
        before = load(connection.pk)
        if before.status in ENDED:
            return None
        pending, untold = _to_revoke(before)
        ended = Connection.Status.REVOKED if pending is None else Connection.Status.REVOKING
        Connection.objects.filter(pk=before.pk).update(
            status=ended, refresh_due_at=None, version=NEXT_VERSION, failure_count=0
        )
        AuthorizationRequest.objects.filter(user=before.owner, registration=before.registration).delete()
        # Whoever it is lent to hears of it, so it is told before it is not lent any more.
        details = {**({"reason": reason} if reason else {}), **_shared_with(before)}
        record(Event.Kind.DISCONNECTED, connection=before, actor=actor, ip=ip, details=details)
        Allowance.objects.filter(connection=before).delete()
        vault.erase(before)
        if untold:
            record(Event.Kind.REVOCATION_FAILED, connection=before, details={"code": untold})
        if pending is not None:
            pending.created_at = pending.next_attempt_at = now
            pending.save()
    return pending


def _shared_with(connection: Connection) -> dict[str, dict[str, bool]]:
    """Which applications have it until now, and for whom: they are told that they do not any more."""
    rules = Allowance.objects.covering(connection).values_list("issuer", "client_id", "subject")
    names = sorted({application_key(*rule) for rule in rules})
    return {"shared_with": dict.fromkeys(names, True)} if names else {}


def _to_revoke(connection: Connection) -> tuple[PendingRevocation | None, str]:
    """The tokens that the provider must be told about; or none, and the code of why it cannot be told.

    No tokens and no code: the provider has no way to be told.
    """
    try:
        if not server_of(connection.registration, connection.variables).revocation_endpoint:
            return None, ""
        return vault.seal_for_revocation(connection, vault.read(connection)), ""
    except (OAuthError, SealError) as error:
        if isinstance(error, SealError) and error.code in NO_KEYS_YET:
            raise no_keys_yet(error) from None
        logger.warning(
            "provider cannot be told to revoke", extra={"connection": str(connection.uuid), "code": error.code}
        )
        if isinstance(error, SealError) and error.code not in OPERATORS_FAULT:
            record(Event.Kind.SEAL_BROKEN, connection=connection, details={"code": error.code})
        return None, error.code


def _attempt(row: PendingRevocation, *, now: datetime) -> bool:
    """Revoke at the provider; one worker at a time, and on failure a later attempt."""
    if hold.is_on():
        return False
    mine = PendingRevocation.objects.filter(pk=row.pk, attempts=row.attempts, next_attempt_at__lte=now)
    if not mine.update(attempts=row.attempts + 1, next_attempt_at=now + ATTEMPT_LEASE):
        return False
    try:
        revoked = _tell_provider(row, now=now)
    except (OAuthError, SealError) as error:
        _postpone(row, error, now=now)
        return False
    if revoked:
        _close(row, Event.Kind.REVOKED_AT_PROVIDER)
    else:
        _close(row, Event.Kind.REVOCATION_FAILED, {"code": UNSUPPORTED})
    return revoked


def _tell_provider(row: PendingRevocation, *, now: datetime) -> bool:
    """Revoke what a row holds; whether any of it was."""
    client = client_for(row.registration, row.connection.variables)
    try:
        tokens = _live_tokens(row, client, now=now)
    except InvalidGrant:
        return True
    return _revoke(client, access_token=tokens.access_token, refresh_token=tokens.refresh_token)


def _revoke(client: Client, *, access_token: str, refresh_token: str | None) -> bool:
    revoked = False
    for request in client.revocation_requests(access_token=access_token, refresh_token=refresh_token):
        response = transport().send(request)
        try:
            client.judge_revocation(response)
        except RequestRefused as error:
            # RFC 7009 §2.2.1: this server does not revoke this kind of token; the other kind may take it along.
            if error.code != UNSUPPORTED:
                raise
        else:
            revoked = True
    return revoked


def _live_tokens(row: PendingRevocation, client: Client, *, now: datetime) -> TokenSet:
    """The tokens to revoke; where only a live access token ends the grant, an expired one is refreshed first.

    Raises:
        InvalidGrant: the provider has ended the grant already.
        OAuthError: the provider cannot be asked now.
    """
    tokens = vault.open_for_revocation(row)
    ends_by_refresh_token = not client.server.dialect.revocation.needs_access_token
    if ends_by_refresh_token or tokens.refresh_token is None or not row.connection.has_expired(now=now):
        return tokens
    answer = client.judge_token(transport().send(client.refresh_request(tokens.refresh_token)))
    renewed = TokenSet.of(answer, previous=tokens)
    sealed = vault.seal_for_revocation(row.connection, renewed, nonce=row.nonce)
    PendingRevocation.objects.filter(pk=row.pk).update(sealed=sealed.sealed, key_id=sealed.key_id)
    return renewed


def _postpone(row: PendingRevocation, error: OAuthError | SealError, *, now: datetime) -> None:
    logger.warning("revocation failed", extra={"connection": row.connection_id, "code": error.code})
    if now - row.created_at > GIVE_UP_AFTER:
        _close(row, Event.Kind.REVOCATION_FAILED, {"code": error.code})
        return
    retry_after = error.retry_after if isinstance(error, OAuthError) else None
    wait = backoff(row.attempts + 1, retry_after=retry_after, seed=row.nonce.hex)
    PendingRevocation.objects.filter(pk=row.pk).update(next_attempt_at=now + wait, last_error_code=error.code)


def give_up(row: PendingRevocation, *, code: str) -> None:
    """Do not try to revoke any more what a row holds."""
    _close(row, Event.Kind.REVOCATION_FAILED, {"code": code})


def _close(row: PendingRevocation, kind: Event.Kind, details: Mapping[str, object] | None = None) -> None:
    """Drop the tokens; when they were the connection's last, it is revoked.

    What becomes of tokens that a reconnect replaced is no event of a connection that lives on.
    """
    left = PendingRevocation.objects.filter(connection_id=row.connection_id)
    with transaction.atomic():
        if not PendingRevocation.objects.filter(pk=row.pk).delete()[0]:
            return
        connection = Connection.objects.get(pk=row.connection_id)
        if connection.status in ENDED:
            record(kind, connection=connection, details=details)
        if not left.exists():
            revoking = Connection.objects.filter(pk=row.connection_id, status=Connection.Status.REVOKING)
            revoking.update(status=Connection.Status.REVOKED)
