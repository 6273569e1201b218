"""Store what a finished attempt brought: a new connection, or new tokens for the one it belongs to.

The tokens they replace are kept, sealed, to be revoked, where the provider can do that without ending the new ones too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import IntegrityError, transaction

from integrations import vault
from integrations.flows import notices
from integrations.flows.clients import provider_of
from integrations.flows.errors import ConnectionUnusable, ConnectRefused
from integrations.flows.events import record
from integrations.flows.grant import Grant, granted
from integrations.flows.identify import Account
from integrations.models import AuthorizationRequest, Connection, Event, PendingRevocation
from integrations.models.connection import ENDED, RENEWED
from integrations.models.person import people
from integrations.oauth.scope import compare_scope
from integrations.oauth.server import Dialect
from integrations.oauth.token import TokenResponse
from integrations.providers.provider import Feature, Provider
from integrations.vault import SealError, TokenSet


@dataclass(frozen=True, kw_only=True, slots=True)
class Brought:
    """What an attempt brought, and whose account it is.

    `held_before` are the person's connections at this registration just before the code was exchanged: one that was
    ended since then stays ended.
    """

    request: AuthorizationRequest
    answer: TokenResponse
    account: Account
    looked_up: Mapping[str, str]
    dialect: Dialect
    held_before: frozenset[int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """`replaced` holds the connection's earlier tokens, to be revoked; None: none, or it would end the new ones too.

    `lost` are the features that were on before and are not now; `unexpected` is scope that was granted unasked.
    """

    connection: Connection
    created: bool
    lost: tuple[Feature, ...]
    unexpected: frozenset[str]
    replaced: PendingRevocation | None


def keep(
    brought: Brought, *, now: datetime, actor: str, ip: str, user_agent: str, also: Callable[[Kept], None] | None = None
) -> Kept:
    """Store tokens, row and events in one transaction, the notice of a new connection, and what is `also` to be done.

    Raises:
        ConnectRefused: the attempt was to reconnect another account, or its connection was ended meanwhile.
        ConnectionUnusable: the person was deactivated meanwhile.
    """
    for last_try in (False, True):
        try:
            with transaction.atomic():
                kept = _keep(brought, now=now, actor=actor, ip=ip)
                if kept.created:
                    notices.tell_connected(kept.connection, ip=ip, user_agent=user_agent)
                if also is not None:
                    also(kept)
                return kept
        except IntegrityError:
            # The same account was connected in another tab at this very moment: it is an existing one now.
            if last_try:
                raise
    raise AssertionError


def _keep(brought: Brought, *, now: datetime, actor: str, ip: str) -> Kept:
    request, answer, account, dialect = brought.request, brought.answer, brought.account, brought.dialect
    _require_active(request.user_id)
    row = _row(request, account, held_before=brought.held_before)
    asked = frozenset(request.scope.split())
    provider = provider_of(request.registration)
    scope, unexpected = confirmed(provider, asked, answer.scope)
    held = _held(row)
    grant = granted(
        answer,
        scope=scope,
        unexpected=unexpected,
        previous=held if row.status == Connection.Status.ACTIVE else None,
        dialect=dialect,
        sent_at=now,
        seed=f"{account.subject}:{now.timestamp()}",
        kept={**(row.provider_data if row.pk else {}), **brought.looked_up},
    )
    before = row.scope if row.pk and row.status not in ENDED else None
    created = before is None
    _write(row, grant, request=request, account=account)
    replaced = _replaced(row, held, by=grant.tokens, dialect=dialect, now=now)
    say = partial(record, connection=row, actor=actor, ip=ip)
    lost = _lost(provider, before or frozenset(), scope)
    outcome = {"asked": request.features, "lost": [f.slug for f in lost], "unexpected": sorted(unexpected)}
    say(Event.Kind.CONNECTED if created else Event.Kind.RECONNECTED, details=outcome)
    if before is not None and before != scope:
        say(Event.Kind.SCOPE_CHANGED, details={"gained": sorted(scope - before), "lost": sorted(before - scope)})
    if unexpected:
        say(Event.Kind.SCOPE_UNEXPECTED, details={"scope": sorted(unexpected)})
    return Kept(connection=row, created=created, lost=lost, unexpected=unexpected, replaced=replaced)


def _lost(provider: Provider, before: frozenset[str], scope: frozenset[str]) -> tuple[Feature, ...]:
    """Whoever connects anew with less scope does not mean to lose what was on."""
    off = provider.features_of(scope)[1]
    return tuple(feature for feature in provider.features_of(before)[0] if before and feature in off)


def _require_active(user_id: int) -> None:
    """Stop for somebody who was deactivated while the code was exchanged; until this commits, nobody can be."""
    if not people().select_for_update(no_key=True).filter(pk=user_id, is_active=True).values_list("pk").first():
        raise ConnectionUnusable("Your account is not active.", code="owner_inactive")


def confirmed(
    provider: Provider, asked: frozenset[str], answered: frozenset[str] | None
) -> tuple[frozenset[str], frozenset[str]]:
    """The scope that was both asked for and granted, and what was granted unasked.

    A broader scope that was granted in place of what was asked counts as asked for.
    """
    difference = compare_scope(asked, answered)
    standing_in = {s for s in difference.unrequested if provider.covered_by({s}) & difference.missing}
    return (difference.granted & asked) | standing_in, difference.unrequested - standing_in


def _row(request: AuthorizationRequest, account: Account, *, held_before: frozenset[int]) -> Connection:
    """The row the grant belongs to, locked; a new one for an account that was not connected yet."""
    rows = Connection.objects.select_for_update(of=("self",)).select_related("vault_entry")
    if request.connection_id is None:
        known = rows.filter(
            owner_id=request.user_id,
            registration_id=request.registration_id,
            issuer=account.issuer,
            subject=account.subject,
        ).first()
        if known is not None and known.status in ENDED and known.pk in held_before:
            raise ConnectRefused("The connection was ended while you were away.", code="connection_gone")
        return known or Connection(owner_id=request.user_id, registration=request.registration)
    row = rows.filter(pk=request.connection_id).exclude(status__in=ENDED).first()
    if row is None:
        raise ConnectRefused("The connection was ended while you were away.", code="connection_gone")
    if (row.issuer, row.subject) != (account.issuer, account.subject):
        raise ConnectRefused("You signed in to another account than the connected one.", code="other_account")
    return row


def _held(row: Connection) -> TokenSet | None:
    """The tokens that the row has so far; a provider that sends no new refresh token means the old one to be kept."""
    try:
        return vault.read(row) if row.pk else None
    except SealError:
        return None


def _write(row: Connection, grant: Grant, *, request: AuthorizationRequest, account: Account) -> None:
    fields = {
        **grant.fields(),
        **RENEWED,
        "issuer": account.issuer,
        "subject": account.subject,
        "account_label": account.label[:200],
        "variables": request.variables,
        "requested_features": sorted({*row.requested_features, *request.features}),
        "version": row.version + 1,
    }
    for name, value in fields.items():
        setattr(row, name, value)
    row.save()
    vault.store(row, grant.tokens)


def _replaced(
    row: Connection, held: TokenSet | None, *, by: TokenSet, dialect: Dialect, now: datetime
) -> PendingRevocation | None:
    if not dialect.revocation.spares_newer:
        # A revocation that still waits would end what was granted just now.
        PendingRevocation.objects.filter(connection=row).delete()
        return None
    if held is None or {held.access_token, held.refresh_token} & {by.access_token, by.refresh_token} - {None}:
        return None
    pending = vault.seal_for_revocation(row, held)
    pending.created_at = pending.next_attempt_at = now
    pending.save()
    return pending
