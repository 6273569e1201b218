"""Write down how a refresh ended. One mechanism for one connection, a sweep's batch and the recovery journal.

A result is stored only by who holds the lease, over the version it was made from, on a connection that still wants it:
a compare-and-set. What is refused is never written over a newer token; if the connection was disconnected meanwhile,
the late token is kept, sealed, for one purpose: to be revoked at the provider.
"""

import hashlib
import logging
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from django.db import DatabaseError, transaction

from integrations import vault
from integrations.flows import journal, notices
from integrations.flows.events import event, record, record_all, record_many
from integrations.flows.journal import Record
from integrations.flows.rows import NO_KEYS_YET, end
from integrations.flows.schedule import backoff
from integrations.models import ClientRegistration, Connection, Event, PendingRevocation, VaultEntry
from integrations.models.connection import ENDED, LEASE_RELEASED, RENEWED
from integrations.oauth.errors import OAuthError, Remedy
from integrations.vault import SealError

logger = logging.getLogger(__name__)

UNCERTAIN = "rotation_uncertain"


class KeptForLater(DatabaseError):
    """Nothing was stored, for want of keys; as with a database that fails, the journal keeps it."""


class Judged(NamedTuple):
    """The columns that decide whether a result is stored, and what is told of it."""

    pk: int
    uuid: uuid.UUID
    status: str
    version: int
    lease_owner: str
    lease_until: datetime | None
    granted_scope: str
    unexpected_scope: str
    failure_count: int
    last_error_code: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """Which connections took their result, and the late tokens that wait to be revoked."""

    stored: frozenset[int]
    late: tuple[PendingRevocation, ...]


def commit(records: Sequence[Record], *, now: datetime, page: journal.Page | None = None, actor: str = "") -> Settled:
    """Store results in one transaction, held in the recovery journal (on `page`, if it is there) until it is through.

    Raises:
        django.db.DatabaseError: nothing was stored; the journal keeps it for `replay`.
    """
    with journal.kept(records, page=page):
        return _commit(records, now=now, actor=actor)


def _commit(records: Sequence[Record], *, now: datetime, actor: str) -> Settled:
    if not records:
        return Settled(stored=frozenset(), late=())
    with transaction.atomic():
        rows = locked([record.connection_id for record in records])
        wanted = [record for record in records if _is_wanted(rows.get(record.connection_id), record)]
        late = [record for record in records if _is_late(rows.get(record.connection_id))]
        return write(rows, wanted=wanted, late=late, now=now, details={}, actor=actor)


def write(
    rows: Mapping[int, Judged],
    *,
    wanted: Sequence[Record],
    late: Sequence[Record],
    now: datetime,
    details: Mapping[str, object],
    actor: str = "",
) -> Settled:
    """Store what is wanted, with its events, and keep what is late to be revoked; in the transaction of `locked`."""
    kept = [_late(rows[record.connection_id], record, now=now) for record in late]
    wanted = [_whole(rows[record.connection_id], record) for record in wanted]
    Connection.objects.write_many(
        [{"pk": r.connection_id, "version": r.version + 1, **r.fields} for r in wanted], same=RENEWED
    )
    VaultEntry.objects.put_many((r.connection_id, r.sealed, r.key_id) for r in wanted)
    ids = [record.connection_id for record in wanted]
    record_many(Event.Kind.REFRESHED, ids, actor=actor, details=details)
    record_all(told for r in wanted for told in _told_besides(rows[r.connection_id], r.fields))
    return Settled(stored=frozenset(ids), late=tuple(row for row in kept if row is not None))


def _whole(judged: Judged, record: Record) -> Record:
    """A record with every column: what an older hub did not know of stays as the row has it."""
    if record.fields.keys() >= journal.LATER:
        return record
    # In their order: that is how columns of several records are told apart.
    known = {name: getattr(judged, name) for name in journal.LATER} | dict(record.fields)
    return replace(record, fields={name: known[name] for name in journal.COLUMNS})


def locked(connection_ids: Sequence[int]) -> dict[int, Judged]:
    """What decides about these connections; it stays so until the caller's transaction ends."""
    rows = Connection.objects.among(connection_ids).order_by("pk").select_for_update()
    return {row.pk: row for row in map(Judged._make, rows.values_list(*Judged._fields))}


def _is_wanted(row: Judged | None, record: Record) -> bool:
    if row is None or row.version != record.version or row.lease_owner != record.lease_owner:
        return False
    return is_waited_for(row)


def is_waited_for(row: Judged) -> bool:
    """Whether a connection takes new tokens: it is active, or was given up only for want of them."""
    gave_up_waiting = row.status == Connection.Status.NEEDS_REAUTHORIZATION and row.last_error_code == UNCERTAIN
    return row.status == Connection.Status.ACTIVE or gave_up_waiting


def _is_late(row: Judged | None) -> bool:
    return row is not None and row.status in ENDED


def _late(judged: Judged, record: Record, *, now: datetime) -> PendingRevocation | None:
    row = Connection.objects.get(pk=judged.pk)
    # What is found in the journal again and again is to be revoked once.
    nonce = uuid.UUID(bytes=hashlib.sha256(record.sealed).digest()[:16])
    if PendingRevocation.objects.filter(nonce=nonce).exists():
        return None
    try:
        pending = vault.move_to_revocation(row, record.sealed, version=record.version + 1, nonce=nonce)
    except SealError as error:
        if error.code in NO_KEYS_YET:
            raise KeptForLater(error.code) from None
        logger.warning("late token cannot be opened", extra={"connection": str(row.uuid), "code": error.code})
        return None
    pending.created_at = pending.next_attempt_at = now
    pending.save()
    return pending


def _told_besides(judged: Judged, fields: Mapping[str, object]) -> list[Event]:
    recovered = judged.failure_count or judged.status != Connection.Status.ACTIVE
    granted_scope = str(fields["granted_scope"])
    unexpected = frozenset(str(fields["unexpected_scope"]).split()) - frozenset(judged.unexpected_scope.split())
    if not recovered and not unexpected and granted_scope == judged.granted_scope:
        return []
    told, row = [], Connection.objects.get(pk=judged.pk)
    if recovered:
        told.append(event(Event.Kind.RECOVERED, connection=row))
    if granted_scope != judged.granted_scope:
        lost = sorted(frozenset(judged.granted_scope.split()) - frozenset(granted_scope.split()))
        told.append(event(Event.Kind.SCOPE_CHANGED, connection=row, details={"lost": lost}))
    if unexpected:
        told.append(event(Event.Kind.SCOPE_UNEXPECTED, connection=row, details={"scope": sorted(unexpected)}))
    return told


def fail(connection: Connection, error: OAuthError, *, lease_owner: str, now: datetime) -> bool:
    """Write down why a refresh failed, by who can mend it; False when the row has moved on and nothing was changed.

    Time: a backed-off next attempt, one event for a row of failures. The person: needs_reauthorization, one event, no
    more attempts. An operator: one alarm on the registration; the connection only waits.
    """
    if error.remedy is Remedy.REAUTHORIZE:
        return _end_if_held(connection, error, lease_owner=lease_owner)
    if error.remedy is Remedy.OPERATOR:
        alarm(connection.registration, error, now=now)
    return _postpone(connection, error, lease_owner=lease_owner, now=now)


def end_many(failed: Sequence[tuple[Connection, str]], *, lease_owners: Sequence[str]) -> frozenset[int]:
    """Write down what only their owners can mend, as `fail` does for one; which connections were changed.

    Each failure is a connection as it was claimed and an error code, under the lease at the same place in
    `lease_owners`. One transaction, whose cost hardly grows with how many there are.

    Raises:
        django.db.DatabaseError: nothing was changed.
    """
    with transaction.atomic():
        rows = locked([connection.pk for connection, _ in failed])
        by_code: defaultdict[str, list[int]] = defaultdict(list)
        for (connection, code), lease_owner in zip(failed, lease_owners, strict=True):
            if _is_held(rows.get(connection.pk), connection, lease_owner=lease_owner):
                by_code[code].append(connection.pk)
        for code, ids in by_code.items():
            Connection.objects.filter(pk__in=ids).update(
                status=Connection.Status.NEEDS_REAUTHORIZATION,
                refresh_due_at=None,
                last_error_code=code,
                **LEASE_RELEASED,
            )
            record_many(Event.Kind.NEEDS_REAUTHORIZATION, ids, details={"code": code})
        ended = frozenset(pk for ids in by_code.values() for pk in ids)
        notices.tell_needs_you(ended)
    return ended


def _is_held(row: Judged | None, claimed: Connection, *, lease_owner: str) -> bool:
    return (
        row is not None
        and row.status == Connection.Status.ACTIVE
        and (row.version, row.lease_owner) == (claimed.version, lease_owner)
    )


def release(connection: Connection, *, lease_owner: str) -> None:
    """Give a lease back with nothing sent."""
    Connection.objects.filter(pk=connection.pk, lease_owner=lease_owner).update(**LEASE_RELEASED)


def alarm(registration: ClientRegistration, error: OAuthError, *, now: datetime) -> None:
    """Tell operators, once, that a provider refuses our registration; the row in hand knows it, too."""
    with transaction.atomic():
        quiet = ClientRegistration.objects.filter(pk=registration.pk).exclude(last_error_code=error.code)
        if quiet.update(last_error_code=error.code, last_error_at=now):
            record(Event.Kind.REGISTRATION_BROKEN, registration=registration, details={"code": error.code})
            logger.warning("provider refuses our registration", extra={"slug": registration.slug, "code": error.code})
    registration.last_error_code, registration.last_error_at = error.code, now


def clear_alarm(registration: ClientRegistration) -> None:
    if registration.last_error_code:
        ClientRegistration.objects.filter(pk=registration.pk).update(last_error_code="", last_error_at=None)
        registration.last_error_code, registration.last_error_at = "", None


def _end_if_held(connection: Connection, error: OAuthError, *, lease_owner: str) -> bool:
    held = Connection.objects.filter(pk=connection.pk, lease_owner=lease_owner, version=connection.version)
    with transaction.atomic():
        return held.select_for_update().exists() and end(connection, code=error.code)


def _postpone(connection: Connection, error: OAuthError, *, lease_owner: str, now: datetime) -> bool:
    count = connection.failure_count + 1
    wait = backoff(count, retry_after=error.retry_after, seed=str(connection.uuid))
    held = Connection.objects.filter(
        pk=connection.pk, lease_owner=lease_owner, version=connection.version, status=Connection.Status.ACTIVE
    )
    changes = {"failure_count": count, "last_error_code": error.code, "refresh_due_at": now + wait}
    with transaction.atomic():
        if not held.update(**changes, **LEASE_RELEASED):
            return False
        if count == 1:
            record(Event.Kind.REFRESH_FAILED, connection=connection, details={"code": error.code})
    return True
