"""Delete what has served its time, a few rows a transaction, so that nobody who writes has to wait for it.

What goes is looked for from the oldest on, by an index, until something is not over: it costs by how much goes, not by
how much stays. It may be stopped anywhere, run beside anything and begun again. What the hub's authorization server
issued is pruned by a command of its own, which `manage.py prune` calls.

A table that grows gets a line in `RULES`: its name in the report, and what of it is over at a moment.

Not here, as they go by themselves: account closures and pending revocations, which are done or given up by the sweep.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import takewhile
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from integrations.flows import notices
from integrations.models import (
    AnsweredRequest,
    AuthorizationRequest,
    ConnectLink,
    Event,
    Notice,
    SweepRun,
    Use,
    WebhookDelivery,
)
from integrations.models.person import sessions

#: One transaction's rows: a few milliseconds of SQLite's one writer.
BATCH = 500
#: For others to write between two of ours.
PAUSE_SECONDS = 0.01


class Expiring(NamedTuple):
    """Rows in an order that an index serves, the oldest first, and up to which value of a column they are over."""

    rows: QuerySet[Any]
    column: str
    last: datetime | date


type Rule = Callable[[datetime], Iterator[Expiring]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pruned:
    """How many rows went, by rule; `complete`: nothing is left that was over."""

    deleted: dict[str, int] = field(default_factory=dict)
    complete: bool = True


def _requests(now: datetime) -> Iterator[Expiring]:
    yield Expiring(AuthorizationRequest.objects.order_by("expires_at"), "expires_at", now)


def _connect_links(now: datetime) -> Iterator[Expiring]:
    """A day after they ended: until then whoever opens one again is told what became of it."""
    yield Expiring(ConnectLink.objects.order_by("expires_at"), "expires_at", now - timedelta(days=1))


def _answered_requests(now: datetime) -> Iterator[Expiring]:
    yield Expiring(AnsweredRequest.objects.order_by("expires_at"), "expires_at", now)


def _events(now: datetime) -> Iterator[Expiring]:
    """Kind by kind, as the index has them: routine, which is nearly all of it, goes sooner. Ids grow with time."""
    for kind in Event.Kind:
        days = settings.HUB_EVENT_RETENTION_DAYS if kind in Event.ROUTINE else settings.HUB_AUDIT_RETENTION_DAYS
        yield Expiring(Event.objects.filter(kind=kind).order_by("pk"), "created_at", now - timedelta(days=days))


def _uses(now: datetime) -> Iterator[Expiring]:
    last = (now - timedelta(days=settings.HUB_USE_RETENTION_DAYS)).date()
    yield Expiring(Use.objects.order_by("day"), "day", last)


def _sweep_runs(now: datetime) -> Iterator[Expiring]:
    last = now - timedelta(days=settings.HUB_EVENT_RETENTION_DAYS)
    yield Expiring(SweepRun.objects.order_by("started_at"), "started_at", last)


def _notices(now: datetime) -> Iterator[Expiring]:
    """Those that were sent are gone already; these nobody will send any more."""
    yield Expiring(Notice.objects.order_by("pk"), "created_at", now - notices.GIVE_UP_AFTER)


def _sessions(now: datetime) -> Iterator[Expiring]:
    yield Expiring(sessions().order_by("expire_date"), "expire_date", now)


def _webhook_deliveries(now: datetime) -> Iterator[Expiring]:
    """Those of endpoints that are gone, too."""
    last = now - timedelta(days=settings.HUB_EVENT_RETENTION_DAYS)
    yield Expiring(WebhookDelivery.objects.order_by("created_at"), "created_at", last)


RULES: tuple[tuple[str, Rule], ...] = (
    ("authorization_requests", _requests),
    ("connect_links", _connect_links),
    ("answered_requests", _answered_requests),
    ("events", _events),
    ("uses", _uses),
    ("sweep_runs", _sweep_runs),
    ("notices", _notices),
    ("sessions", _sessions),
    ("webhook_deliveries", _webhook_deliveries),
)


def prune(
    *,
    now: datetime,
    rules: tuple[tuple[str, Rule], ...] = RULES,
    dry_run: bool = False,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
    pause: Callable[[float], None] = time.sleep,
) -> Pruned:
    """Delete what is over by `now`, until `stop` says so; with `dry_run` only count it.

    `rules` are those of other tables where the project around has some, whose columns have indexes too.

    `progress` is called with how many rows went so far.

    Raises:
        django.db.DatabaseError: what was deleted before stays deleted.
    """
    if dry_run:
        return Pruned(deleted={name: sum(map(_count, rule(now))) for name, rule in rules})
    deleted = {name: 0 for name, _ in rules}
    for name, rule in rules:
        for expiring in rule(now):
            for count in _batches(expiring, pause=pause):
                deleted[name] += count
                progress(sum(deleted.values()), None)
                if stop():
                    return Pruned(deleted=deleted, complete=False)
    return Pruned(deleted=deleted)


def _count(expiring: Expiring) -> int:
    return expiring.rows.order_by().filter(**{f"{expiring.column}__lte": expiring.last}).count()


def _batches(expiring: Expiring, *, pause: Callable[[float], None]) -> Iterator[int]:
    """Delete batch after batch; how many rows went with each. Rows that somebody else deleted first do not count."""
    rows, column, last = expiring
    while oldest := list(rows.values_list("pk", column)[:BATCH]):
        ids = [pk for pk, value in takewhile(lambda row: row[1] <= last, oldest)]
        if ids:
            with transaction.atomic():
                count = rows.model._default_manager.filter(pk__in=ids).delete()[0]
            yield count
        if len(ids) < BATCH:
            return
        pause(PAUSE_SECONDS)
