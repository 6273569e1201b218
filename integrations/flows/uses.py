"""Count who uses which connection, without a write per use.

The first use of a connection by an actor in this process is written down at once. Further ones are counted in memory,
and written at most every five minutes for each of them: by whichever use, of any connection, comes next after that,
and when the process ends. So counts are lower bounds: a killed process takes up to five minutes of them along.
"""

import atexit
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from threading import Lock

from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import F, Max, OuterRef, Q, Subquery

from integrations.flows.events import record_many
from integrations.models import Connection, Event, Use
from integrations.models.use import ACTOR_LIMIT, Counted
from integrations.oauth.errors import printable

logger = logging.getLogger(__name__)

WRITTEN_EVERY = timedelta(minutes=5)
WRITTEN_AT_ONCE = 500

type Key = tuple[int, str, date]


@dataclass(kw_only=True, slots=True)
class Tally:
    """What was counted since it was written down."""

    written_at: datetime
    count: int = 0
    last_used_at: datetime


class Tallies:
    """The counts of this process, the one written longest ago first."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._tallies: dict[Key, Tally] = {}

    def count(self, key: Key, *, now: datetime) -> list[Counted]:
        """Count a use; what must be written now, and counts as written."""
        with self._lock:
            known = self._tallies.get(key)
            if known is not None:
                known.count += 1
                known.last_used_at = max(known.last_used_at, now)
                return self._taken(now=now)
            due = self._taken(now=now)
            self._tallies[key] = Tally(written_at=now, last_used_at=now)
            return [*due, _counted(key, count=1, last_used_at=now)]

    def take_all(self) -> list[Counted]:
        """All that is not written yet, and counts as written."""
        with self._lock:
            left = [
                _counted(key, count=tally.count, last_used_at=tally.last_used_at)
                for key, tally in self._tallies.items()
                if tally.count
            ]
            self._tallies.clear()
            return left

    def give_back(self, counted: Sequence[Counted]) -> None:
        """Keep what could not be written, for the next time."""
        with self._lock:
            for row in counted:
                at = row.last_used_at
                key = (row.connection_id, row.actor, row.day)
                self._tallies.setdefault(key, Tally(written_at=at, last_used_at=at)).count += row.count

    def forget(self) -> None:
        """Begin anew, in a process that shares no count with the one it was made from."""
        self._lock = Lock()
        self._tallies = {}

    def _taken(self, *, now: datetime) -> list[Counted]:
        """Take out what was written too long ago; what was not used since then is forgotten."""
        taken = []
        while self._tallies:
            key = next(iter(self._tallies))
            tally = self._tallies[key]
            # A clock that was set back is no reason to wait until it has caught up.
            if now - WRITTEN_EVERY < tally.written_at <= now:
                break
            del self._tallies[key]
            if tally.count:
                taken.append(_counted(key, count=tally.count, last_used_at=tally.last_used_at))
                self._tallies[key] = Tally(written_at=now, last_used_at=tally.last_used_at)
        return taken


_tallies = Tallies()
forget = _tallies.forget


def note(connection: Connection, *, actor: str, now: datetime, is_told: bool = False) -> None:
    """Count one use of a connection; never fails, whatever the database does.

    `is_told`: the caller writes an event of this use, which needs no other one.
    """
    key = (connection.pk, _name_of(actor), now.astimezone(UTC).date())
    due = _tallies.count(key, now=now)
    _write(due, told=key if is_told else None)


def write_all() -> None:
    """Write down what was counted so far."""
    _write(_tallies.take_all())


@lru_cache(maxsize=1024)
def _name_of(actor: str) -> str:
    # Made harmless, for one name that the database refuses would keep everybody's counts from it.
    return printable(actor, limit=ACTOR_LIMIT)


def _counted(key: Key, *, count: int, last_used_at: datetime) -> Counted:
    connection_id, actor, day = key
    return Counted(connection_id=connection_id, actor=actor, day=day, count=count, last_used_at=last_used_at)


def _write(counted: Sequence[Counted], *, told: Key | None = None) -> None:
    for start in range(0, len(counted), WRITTEN_AT_ONCE):
        some = counted[start : start + WRITTEN_AT_ONCE]
        if not _is_written(some, told=told):
            _tallies.give_back(some)


def _is_written(counted: Sequence[Counted], *, told: Key | None) -> bool:
    """Write in a transaction of its own. In a caller's, which may be broken, be undone or last long: not now."""
    try:
        with transaction.atomic(durable=True):
            _store(counted, told=told)
    except RuntimeError:
        return False
    except (DatabaseError, InterfaceError) as error:
        logger.warning("uses could not be written", extra={"rows": len(counted), "kind": type(error).__name__})
        return False
    return True


def _store(counted: Sequence[Counted], *, told: Key | None) -> None:
    """Add the counts; the first use of an actor on a day is an event."""
    first = [row for row in Use.objects.add_many(counted) if (row.connection_id, row.actor, row.day) != told]
    ids = {row.connection_id for row in counted}
    since = min(row.day for row in counted)
    last = Use.objects.since(since).filter(connection_id=OuterRef("pk")).order_by().values("connection_id")
    newest = Subquery(last.annotate(newest=Max("last_used_at")).values("newest"))
    rows = Connection.objects.filter(pk__in=ids).annotate(newest=newest)
    rows.filter(Q(last_used_at__isnull=True) | Q(last_used_at__lt=F("newest"))).update(last_used_at=newest)
    for actor in sorted({row.actor for row in first}):
        record_many(
            Event.Kind.USED, sorted(row.connection_id for row in first if row.actor == actor), details={}, actor=actor
        )


atexit.register(write_all)
# A child would write its parent's counts once more.
os.register_at_fork(after_in_child=forget)
