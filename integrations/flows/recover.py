"""Store what killed workers or a failed database left in the recovery journal, and say what became of each answer.

An answer found there is stored as if it came just now: by who holds its lease, over the version it was made from. More
is stored where it can only help: a database that was restored from a backup knows neither the lease nor the newest
versions, and an answer made from its version, or from a later one, is newer than what it has.

Nothing is lost on the way. A file goes when all of it is in the database or was overtaken there; what nobody can use
is kept aside; and a file stays where time, or an operator, may still help.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from django.db import DataError, IntegrityError, transaction

from integrations import vault
from integrations.flows import settle
from integrations.flows.journal import Record
from integrations.flows.left_behind import Aside, KeptAside, Leaf, kept_aside, left_behind
from integrations.flows.rows import NO_KEYS_NOW, OPERATORS_FAULT
from integrations.flows.settle import Judged
from integrations.models import Connection
from integrations.models.connection import ENDED
from integrations.vault import SealError

logger = logging.getLogger(__name__)

#: What is said of a value that the database will not take today nor tomorrow, and Django's fields before it.
UNFIT = (DataError, IntegrityError, ValueError, TypeError, OverflowError)


class Fate(StrEnum):
    """What becomes of an answer that was found. The values are the report's words."""

    STORED = "stored"
    TO_REVOKE = "to_revoke"
    SUPERSEDED = "superseded"
    UNWANTED = "unwanted"
    BEING_REFRESHED = "being_refreshed"
    UNKNOWN_KEY = "unknown_key"
    NO_KEYS = "no_keys"
    GONE = "gone"
    FOREIGN = "foreign"
    UNFIT = "unfit"


#: The file stays where it is.
STAYS = frozenset({Fate.BEING_REFRESHED, Fate.UNKNOWN_KEY, Fate.NO_KEYS})
ASIDE = {Fate.GONE: Aside.GONE, Fate.FOREIGN: Aside.UNREADABLE, Fate.UNFIT: Aside.UNFIT}


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """One answer: whose, when it came, under which key it is sealed, and what became of it.

    `connection` is empty where neither the journal nor the database knows.
    """

    connection: str
    version: int
    answered_at: datetime | None
    key_id: str
    file: str
    fate: Fate


@dataclass(frozen=True, kw_only=True, slots=True)
class Recovery:
    """What lay in the journal, what became of it, and what is kept aside there, from earlier too.

    `unreadable` lines are no records. `in_use` files have a writer that lives, `unopened` ones cannot be read by us.
    """

    files: int
    in_use: int
    unopened: tuple[str, ...]
    unreadable: int
    found: tuple[Found, ...]
    aside: tuple[KeptAside, ...]

    @property
    def counts(self) -> dict[str, int]:
        return dict(Counter(one.fate.value for one in self.found))

    @property
    def needs_operator(self) -> bool:
        """Whether something lies there that time does not mend."""
        stuck = any(one.fate is Fate.UNKNOWN_KEY or one.fate in ASIDE for one in self.found)
        return stuck or bool(self.unreadable or self.unopened or self.aside)


def replay(*, now: datetime) -> int:
    """Store what this host's journal has; how many connections took something.

    Raises:
        django.db.DatabaseError: the database cannot be used; the journal stays as it is.
    """
    _have_keys()
    taken = 0
    for leaf in left_behind():
        fates = _settled(leaf.records, now=now)
        taken += fates.count(Fate.STORED)
        _clear(leaf, fates)
    return taken


def recover(*, now: datetime, directory: Path | None = None, dry_run: bool = False) -> Recovery:
    """Do as `replay`, for this host's journal or one that was brought here, and tell; or only tell what would be done.

    Raises:
        django.db.DatabaseError: the database cannot be used; the journal stays as it is.
    """
    _have_keys()
    leaves: list[Leaf] = []
    found: list[Found] = []
    for leaf in left_behind(directory):
        fates = _foreseen(leaf.records, now=now) if dry_run else _settled(leaf.records, now=now)
        if not dry_run:
            _clear(leaf, fates)
        leaves.append(leaf)
        found += _told(leaf, fates)
    aside, not_opened = kept_aside(directory)
    return Recovery(
        files=len(leaves),
        in_use=sum(leaf.is_in_use and not leaf.error for leaf in leaves),
        unopened=(*(leaf.path.name for leaf in leaves if leaf.error), *not_opened),
        unreadable=sum(len(leaf.unreadable) for leaf in leaves if not leaf.is_in_use),
        found=tuple(found),
        aside=tuple(aside),
    )


def _have_keys() -> None:
    """A key service is not asked with a transaction open; where it does not answer now, what needs it stays."""
    with suppress(SealError):
        vault.keyring()


def _settled(records: Sequence[Record], *, now: datetime) -> list[Fate]:
    """Store what can be; where one does not fit, each by itself: it must not keep the others."""
    try:
        return _stored(records, now=now)
    except UNFIT:
        return [_stored_alone(record, now=now) for record in records]


def _stored_alone(record: Record, *, now: datetime) -> Fate:
    try:
        return _stored([record], now=now)[0]
    except UNFIT:
        logger.exception("recovered token does not fit its row", extra={"connection": record.connection_id})
        return Fate.UNFIT


def _stored(records: Sequence[Record], *, now: datetime) -> list[Fate]:
    if not records:
        return []
    with transaction.atomic():
        rows = settle.locked([record.connection_id for record in records])
        fates = _fates(records, rows, now=now)
        by_fate = {
            fate: [record for record, its in zip(records, fates, strict=True) if its is fate]
            for fate in (Fate.STORED, Fate.TO_REVOKE)
        }
        settle.write(
            rows,
            wanted=by_fate[Fate.STORED],
            late=by_fate[Fate.TO_REVOKE],
            now=now,
            details={"replayed": True},
        )
    return fates


def _foreseen(records: Sequence[Record], *, now: datetime) -> list[Fate]:
    with transaction.atomic():
        return _fates(records, settle.locked([record.connection_id for record in records]), now=now)


def _fates(records: Sequence[Record], rows: dict[int, Judged], *, now: datetime) -> list[Fate]:
    """One for each record; of several for one connection, the newest is the one to store."""
    connections = Connection.objects.in_bulk([record.connection_id for record in records])
    newest: dict[int, Record] = {}
    for record in records:
        known = newest.setdefault(record.connection_id, record)
        if record.version > known.version:
            newest[record.connection_id] = record
    fates = []
    for record in records:
        fate = _fate(rows.get(record.connection_id), record, now=now)
        if fate is Fate.STORED and newest[record.connection_id] is not record:
            fate = Fate.SUPERSEDED
        if fate in (Fate.STORED, Fate.TO_REVOKE):
            fate = _unopened(connections[record.connection_id], record) or fate
        fates.append(fate)
    return fates


def _fate(row: Judged | None, record: Record, *, now: datetime) -> Fate:
    if row is None or record.uuid not in ("", str(row.uuid)):
        return Fate.GONE
    if row.status in ENDED:
        return Fate.TO_REVOKE
    if row.version > record.version:
        return Fate.SUPERSEDED
    if not settle.is_waited_for(row):
        return Fate.UNWANTED
    is_holder = (row.version, row.lease_owner) == (record.version, record.lease_owner)
    if not is_holder and row.lease_until is not None and row.lease_until > now:
        return Fate.BEING_REFRESHED
    return Fate.STORED


def _unopened(connection: Connection, record: Record) -> Fate | None:
    """Why a sealed value is not to be stored: nobody could use it."""
    try:
        vault.open_tokens(connection, record.sealed, version=record.version + 1, noting=False)
    except SealError as error:
        logger.warning("recovered token does not open", extra={"connection": record.uuid, "code": error.code})
        if error.code == NO_KEYS_NOW:
            return Fate.NO_KEYS
        return Fate.UNKNOWN_KEY if error.code in OPERATORS_FAULT else Fate.FOREIGN
    return None


def _clear(leaf: Leaf, fates: Sequence[Fate]) -> None:
    if STAYS.intersection(fates):
        return
    aside: dict[Aside, list[Record]] = {}
    for record, fate in zip(leaf.records, fates, strict=True):
        if fate in ASIDE:
            aside.setdefault(ASIDE[fate], []).append(record)
    leaf.strike(aside)


def _told(leaf: Leaf, fates: Sequence[Fate]) -> list[Found]:
    nameless = [record.connection_id for record in leaf.records if not record.uuid]
    named = dict(Connection.objects.filter(pk__in=nameless).values_list("pk", "uuid")) if nameless else {}
    found = []
    for record, fate in zip(leaf.records, fates, strict=True):
        answered_at = record.fields["last_refreshed_at"]
        found.append(
            Found(
                connection=record.uuid or str(named.get(record.connection_id, "")),
                version=record.version,
                answered_at=answered_at if isinstance(answered_at, datetime) else None,
                key_id=record.key_id,
                file=leaf.path.name,
                fate=fate,
            )
        )
    return found
