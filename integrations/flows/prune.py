"""Delete what has served its time, a few rows a transaction, so that nobody who writes has to wait for it.

What goes is found by an index and costs by how much of it there is, not by how much stays. It may be stopped anywhere,
run beside anything and begun again. Sessions and what the hub's authorization server issued are pruned by commands of
their own, which `manage.py prune` calls.

A table that grows gets a line in `RULES`: its name in the report, and what of it is over at a moment, as one or more
queries whose order an index serves.

Not here, as they go by themselves: account closures and pending revocations, which are done or given up by the sweep.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from integrations.flows import notices
from integrations.models import AuthorizationRequest, Event, Notice, SweepRun, Use

#: One transaction's rows: a few milliseconds of SQLite's one writer.
BATCH = 500
#: For others to write between two of ours.
PAUSE_SECONDS = 0.01

type Expired = Callable[[datetime], Iterator[QuerySet[Any]]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pruned:
    """How many rows went, by rule; `complete`: nothing is left that was over."""

    deleted: dict[str, int] = field(default_factory=dict)
    complete: bool = True


def _requests(now: datetime) -> Iterator[QuerySet[Any]]:
    yield AuthorizationRequest.objects.filter(expires_at__lte=now).order_by("expires_at")


def _events(now: datetime) -> Iterator[QuerySet[Any]]:
    """Kind by kind, as the index has them: routine, which is nearly all of it, goes sooner."""
    for kind in Event.Kind:
        days = settings.HUB_EVENT_RETENTION_DAYS if kind in Event.ROUTINE else settings.HUB_AUDIT_RETENTION_DAYS
        yield Event.objects.filter(kind=kind, created_at__lte=now - timedelta(days=days)).order_by("created_at")


def _uses(now: datetime) -> Iterator[QuerySet[Any]]:
    last = (now - timedelta(days=settings.HUB_USE_RETENTION_DAYS)).date()
    yield Use.objects.filter(day__lte=last).order_by("day")


def _sweep_runs(now: datetime) -> Iterator[QuerySet[Any]]:
    last = now - timedelta(days=settings.HUB_EVENT_RETENTION_DAYS)
    yield SweepRun.objects.filter(started_at__lte=last).order_by("started_at")


def _notices(now: datetime) -> Iterator[QuerySet[Any]]:
    """Those that are sent are gone already; these nobody will send any more. They live for days: no index."""
    yield Notice.objects.filter(created_at__lte=now - notices.GIVE_UP_AFTER).order_by("pk")


RULES: tuple[tuple[str, Expired], ...] = (
    ("authorization_requests", _requests),
    ("events", _events),
    ("uses", _uses),
    ("sweep_runs", _sweep_runs),
    ("notices", _notices),
)


def prune(
    *,
    now: datetime,
    dry_run: bool = False,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
    pause: Callable[[float], None] = time.sleep,
) -> Pruned:
    """Delete what is over by `now`, until `stop` says so; with `dry_run` only count it.

    `progress` is called with how many rows went so far.

    Raises:
        django.db.DatabaseError: what was deleted before stays deleted.
    """
    deleted = {name: 0 for name, _ in RULES}
    if dry_run:
        counted = {name: sum(rows.order_by().count() for rows in expired(now)) for name, expired in RULES}
        return Pruned(deleted=counted)
    for name, expired in RULES:
        for rows in expired(now):
            for count in _batches(rows, pause=pause):
                deleted[name] += count
                progress(sum(deleted.values()), None)
                if stop():
                    return Pruned(deleted=deleted, complete=False)
    return Pruned(deleted=deleted)


def _batches(rows: QuerySet[Any], *, pause: Callable[[float], None]) -> Iterator[int]:
    """Delete batch after batch; how many rows went with each. Rows that somebody else deleted first do not count."""
    while ids := list(rows.values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic():
            count = rows.model._default_manager.filter(pk__in=ids).delete()[0]
        yield count
        if len(ids) < BATCH:
            return
        pause(PAUSE_SECONDS)
