"""How the hub is, for those who run it: numbers by provider and hour, and what somebody should look at.

What must read every row (connections by status, values by key) is counted at most once a minute for all who look, and
says of when it is; the rest is read by index. `overview` takes ten queries, and four when the numbers of the
last minute are at hand, whatever there is in the tables.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import BigIntegerField, Count, Min, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, TruncHour

from integrations import vault
from integrations.flows.connection_counts import Counts, Group, connection_counts, kept
from integrations.flows.rows import Clock
from integrations.flows.selection import Attention, needing
from integrations.flows.standing_of_providers import left_alone
from integrations.flows.sweep_outcome import Outcome
from integrations.models import (
    BulkRevocation,
    ClientRegistration,
    Connection,
    PendingRevocation,
    ProviderStanding,
    SweepRun,
    VaultEntry,
)
from integrations.vault import SealError

DAYS, HOURS, SWEEPS_SHOWN, LEFT_ALONE_SHOWN = 14, 24, 10, 10
STALE_AFTER = timedelta(hours=1)
JOURNAL_MAY_WAIT = timedelta(minutes=5)
REVOCATION_MAY_WAIT = timedelta(days=1)
#: From which share of a registration's active connections on its provider counts as failing.
FAILING_SHARE = 0.1
FAILURES = (Outcome.RETRY_LATER, Outcome.NEEDS_REAUTHORIZATION, Outcome.NEEDS_OPERATOR, Outcome.UNCERTAIN)


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """What sweeps did in one hour or one day that begins then."""

    start: datetime
    refreshed: int
    failed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyUse:
    """How many connections' tokens are sealed under a key."""

    key_id: str
    entries: int
    is_primary: bool
    is_known: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Concern:
    """Something to look at: `kind` names it, `subject` is a slug or a key where it has one, `since` when it began."""

    kind: str
    subject: str = ""
    code: str = ""
    count: int = 0
    since: datetime | None = None
    key: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """What is counted once for everybody; `late` and `unrevoked` are a number and since when."""

    counts: Counts
    keys: tuple[KeyUse, ...]
    keys_are_broken: bool
    hours: tuple[Span, ...]
    late: tuple[int, datetime | None]
    unrevoked: tuple[int, datetime | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """Everything that the page shows."""

    now: datetime
    snapshot: Snapshot
    sweeps: tuple[SweepRun, ...]
    concerns: tuple[Concern, ...]

    def last_hours(self) -> tuple[Span, ...]:
        """The last day, hour by hour, the present one included."""
        this_hour = self.now.replace(minute=0, second=0, microsecond=0)
        starts = [this_hour - timedelta(hours=HOURS - 1 - number) for number in range(HOURS)]
        return _gathered(self.snapshot.hours, starts, lambda start: start)

    def last_days(self) -> tuple[Span, ...]:
        """The last two weeks, day by day (UTC), today included."""
        today = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        starts = [today - timedelta(days=DAYS - 1 - number) for number in range(DAYS)]
        return _gathered(self.snapshot.hours, starts, lambda start: start.replace(hour=0))


def overview(*, clock: Clock) -> Overview:
    """The state of the hub now. Reads the folder of the recovery journal, which is that of this host."""
    now, snapshot = clock(), _snapshot(clock=clock)
    sweeps = tuple(SweepRun.objects.order_by("-started_at")[:SWEEPS_SHOWN])
    concerns = (
        *_of_registrations(snapshot.counts),
        *_of_providers(now=now),
        *_of_sweeps(sweeps, snapshot, now=now),
        *_of_keys(snapshot),
        *_of_leftovers(snapshot, now=now),
    )
    return Overview(now=now, snapshot=snapshot, sweeps=sweeps, concerns=concerns)


def _snapshot(*, clock: Clock) -> Snapshot:
    counts = connection_counts(clock=clock)
    return kept("snapshot", lambda: _take(counts, now=clock()))


def _take(counts: Counts, *, now: datetime) -> Snapshot:
    keys, broken = _keys()
    late = Connection.objects.filter(needing(Attention.OVERDUE, now=now))
    overdue = late.aggregate(count=Count("pk"), since=Min("refresh_due_at"))
    waiting = PendingRevocation.objects.aggregate(count=Count("pk"), since=Min("created_at"))
    return Snapshot(
        counts=counts,
        keys=keys,
        keys_are_broken=broken,
        hours=_hours(now=now),
        late=(overdue["count"], overdue["since"]),
        unrevoked=(waiting["count"], waiting["since"]),
    )


def _keys() -> tuple[tuple[KeyUse, ...], bool]:
    """Keys of the ring, the primary first, then those that values are under and the ring does not have."""
    totals = dict(VaultEntry.objects.order_by().values_list("key_id").annotate(Count("pk")))
    try:
        ring = vault.keyring()
    except SealError:
        return tuple(KeyUse(key_id=k, entries=n, is_primary=False, is_known=False) for k, n in totals.items()), True
    ids = (*ring.key_ids, *sorted(totals.keys() - set(ring.key_ids)))
    uses = [
        KeyUse(key_id=k, entries=totals.get(k, 0), is_primary=k == ring.primary, is_known=k in ring.key_ids)
        for k in ids
    ]
    return tuple(uses), False


def _hours(*, now: datetime) -> tuple[Span, ...]:
    """What sweeps did, by hour, for as long as the charts reach back; the database adds it up."""
    recent = SweepRun.objects.filter(started_at__gte=now - timedelta(days=DAYS)).order_by()
    hours = recent.annotate(hour=TruncHour("started_at")).values("hour")
    rows: Any = hours.annotate(refreshed=_sum(Outcome.REFRESHED), **{name.value: _sum(name) for name in FAILURES})
    return tuple(
        Span(start=row["hour"], refreshed=row["refreshed"], failed=sum(row[name.value] for name in FAILURES))
        for row in rows.order_by("hour")
    )


def _sum(outcome: Outcome) -> Coalesce:
    return Coalesce(Sum(Cast(KeyTextTransform(outcome.value, "counts"), BigIntegerField())), 0)


def _gathered(
    hours: Iterable[Span], starts: Iterable[datetime], place: Callable[[datetime], datetime]
) -> tuple[Span, ...]:
    refreshed: Counter[datetime] = Counter()
    failed: Counter[datetime] = Counter()
    for span in hours:
        refreshed[place(span.start)] += span.refreshed
        failed[place(span.start)] += span.failed
    return tuple(Span(start=start, refreshed=refreshed[start], failed=failed[start]) for start in starts)


def _of_registrations(counts: Counts) -> Iterator[Concern]:
    enabled = ClientRegistration.objects.filter(enabled=True).order_by("slug")
    groups: Mapping[int, Group] = {
        group.registration_id: group for group in counts.groups if group.status == Connection.Status.ACTIVE
    }
    for row in enabled.only("slug", "last_error_code", "last_error_at"):
        if row.last_error_code:
            yield Concern(kind="alarm", subject=row.slug, code=row.last_error_code, since=row.last_error_at, key=row.pk)
        group = groups.get(row.pk)
        if group is not None and group.failing and group.failing >= group.total * FAILING_SHARE:
            yield Concern(kind="failing", subject=row.slug, count=group.failing, key=row.pk)


def _of_providers(*, now: datetime) -> Iterator[Concern]:
    """Those that nobody asks for a while."""
    for one in left_alone(now=now)[:LEFT_ALONE_SHOWN]:
        kind = "down" if one.reason == ProviderStanding.Reason.DOWN else "paused"
        yield Concern(
            kind=kind,
            subject=f"{one.registration} ({one.endpoint})",
            code=one.error_code,
            since=one.since,
            key=one.registration_id,
        )


def _of_sweeps(sweeps: Iterable[SweepRun], snapshot: Snapshot, *, now: datetime) -> Iterator[Concern]:
    last = max((run.finished_at for run in sweeps if run.finished_at), default=None)
    if snapshot.counts.active and last is None:
        yield Concern(kind="no_sweep")
    elif snapshot.counts.active and last is not None and now - last > STALE_AFTER:
        yield Concern(kind="stale_sweep", since=last)
    count, since = snapshot.late
    if count:
        yield Concern(kind="overdue", count=count, since=since)


def _of_keys(snapshot: Snapshot) -> Iterator[Concern]:
    if snapshot.keys_are_broken:
        yield Concern(kind="keys_broken")
        return
    for key in snapshot.keys:
        if key.entries and not key.is_known:
            yield Concern(kind="key_missing", subject=key.key_id, count=key.entries)
        elif key.entries and not key.is_primary:
            yield Concern(kind="key_old", subject=key.key_id, count=key.entries)


def _of_leftovers(snapshot: Snapshot, *, now: datetime) -> Iterator[Concern]:
    files, since = _journal(now=now)
    if files:
        yield Concern(kind="journal", count=files, since=since)
    waiting, first = snapshot.unrevoked
    if waiting and first is not None and now - first > REVOCATION_MAY_WAIT:
        yield Concern(kind="unrevoked", count=waiting, since=first)
    for order in BulkRevocation.objects.under_way().order_by("pk").only("pk", "started_at")[:SWEEPS_SHOWN]:
        yield Concern(kind="bulk", since=order.started_at, key=order.pk)


def _journal(*, now: datetime) -> tuple[int, datetime | None]:
    """Files of the recovery journal that no live refresh can still be writing, and the oldest one's time."""
    limit = (now - JOURNAL_MAY_WAIT).timestamp()
    times = []
    try:
        for path in Path(settings.HUB_RECOVERY_JOURNAL).glob("*.journal"):
            times.append(path.stat().st_mtime)
    except OSError:
        # A file that was committed meanwhile; what is left is seen by the next look.
        pass
    waiting = [moment for moment in times if moment < limit]
    return len(waiting), datetime.fromtimestamp(min(waiting), tz=now.tzinfo) if waiting else None
