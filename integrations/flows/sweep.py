"""Refresh every connection that is due, in one pass.

    sweep_source    due rows, claimed in batches and made into requests     ┐ database threads
    sweep_ledger    answers, committed in batches                           ┘
    sweep_lane      which provider may be asked next, and how much          ┐ event loop
    sweep_loop      sends and judges                                        ┘

What one row costs is the same as in `refresh`: a lease, a mark before its request leaves, a commit through the
journal. Two sweeps at once share the work; one that is killed leaves nothing that the next does not mend.
"""

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db import connection, connections
from django.db.models import Count

from integrations.flows import disconnect, hold, recover
from integrations.flows.clients import address_policy
from integrations.flows.rows import Clock
from integrations.flows.sweep_lane import Lanes
from integrations.flows.sweep_loop import Loop
from integrations.flows.sweep_outcome import Outcome, Tally
from integrations.flows.sweep_source import Source
from integrations.models import ClientRegistration, SweepRun
from integrations.oauth.async_transport import AsyncTransport, new_event_loop

REVOKED_AT_MOST = 100
DATABASE_THREADS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepOptions:
    """Which connections, and how many at a time.

    `due_within` also takes what falls due that soon; `provider` is a catalogue key, empty for all; `limit` caps how
    many are asked for, None asks for all. `per_provider` caps what is in flight at one provider; None leaves an eighth
    of `concurrency` to the others.
    """

    due_within: timedelta = timedelta()
    provider: str = ""
    limit: int | None = None
    concurrency: int = 256
    dry_run: bool = False
    per_provider: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepReport:
    """How it ended: connections by outcome, and by provider and outcome; `due` is how many were found.

    `needs_operator`: at least one outcome is for an operator to mend, or a registration is in alarm still.
    """

    counts: dict[str, int] = field(default_factory=dict)
    by_provider: dict[str, dict[str, int]] = field(default_factory=dict)
    due: int = 0
    needs_operator: bool = False
    seconds: float = 0.0


def sweep(
    options: SweepOptions,
    *,
    clock: Clock,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> SweepReport:
    """Refresh what is due. Safe to run twice at once, to interrupt and to kill.

    `progress` is called with how many are done and how many there are. When `stop` says so, or Ctrl-C is pressed, what
    is in flight is finished and nothing more is sent.

    Raises:
        django.db.DatabaseError: the database failed; what providers answered is in the recovery journal.
    """
    began, started = time.monotonic(), clock()
    source = Source(provider=options.provider, started=started, horizon=started + options.due_within, clock=clock)
    if options.dry_run:
        return _dry(source, options)
    if hold.is_on():
        return _dry(source, options, outcome="held")
    recover.replay(now=started)
    run = SweepRun.objects.create(started_at=started)
    with _interruptible(stop) as stopped, _database_threads() as database:
        loop = _loop(source, options, database=database, progress=progress, stop=stopped)
        try:
            asyncio.run(loop.run(), loop_factory=new_event_loop)
        finally:
            run.counts, run.by_provider = loop.tally.as_dicts()
            run.finished_at = clock()
            run.save()
        disconnect.revoke_now(loop.late, now=clock())
        limit = REVOKED_AT_MOST if options.limit is None else min(REVOKED_AT_MOST, options.limit)
        disconnect.retry_revocations(now=clock(), provider=options.provider, limit=limit, stop=stopped)
    return _report(loop.tally, provider=options.provider, seconds=time.monotonic() - began)


def _loop(
    source: Source,
    options: SweepOptions,
    *,
    database: Executor,
    progress: Callable[[int, int], None] | None,
    stop: Callable[[], bool],
) -> Loop:
    concurrency = max(1, options.concurrency)
    total = _limited(source.due(now=source.started).count(), options.limit) if progress else 0

    def tell(tally: Tally) -> None:
        if progress:
            progress(tally.total, max(total, tally.total))

    return Loop(
        source=source,
        lanes=Lanes(cap=options.per_provider or max(1, concurrency - concurrency // 8)),
        transport=AsyncTransport(
            address_policy(), deadline_seconds=settings.HUB_HTTP_DEADLINE_SECONDS, limit=concurrency
        ),
        database=database,
        clock=source.clock,
        concurrency=concurrency,
        limit=options.limit,
        stop=stop,
        told=tell,
    )


def _dry(source: Source, options: SweepOptions, *, outcome: str = "due") -> SweepReport:
    """Count what is due; nothing is changed."""
    rows = source.due(now=source.started).order_by().values_list("registration__provider")
    by_provider = {provider: {outcome: count} for provider, count in rows.annotate(Count("pk"))}
    due = _limited(sum(counts[outcome] for counts in by_provider.values()), options.limit)
    return SweepReport(counts={outcome: due}, by_provider=by_provider, due=due)


def _limited(count: int, limit: int | None) -> int:
    return count if limit is None else min(count, limit)


def _report(tally: Tally, *, provider: str, seconds: float) -> SweepReport:
    counts, by_provider = tally.as_dicts()
    alarmed = ClientRegistration.objects.filter(enabled=True).exclude(last_error_code="")
    if provider:
        alarmed = alarmed.filter(provider=provider)
    return SweepReport(
        counts=counts,
        by_provider=by_provider,
        due=tally.total,
        needs_operator=Outcome.NEEDS_OPERATOR.value in counts or alarmed.exists(),
        seconds=round(seconds, 3),
    )


@contextmanager
def _database_threads() -> Iterator[Executor]:
    """Threads for everything about rows, so that a batch is marked while another one is claimed or committed.

    One is enough for SQLite, which has one writer. A Django connection belongs to its thread, and ends with it. The
    threads know what their caller does: on whose behalf they log is said on their lines, too.
    """
    count = 1 if connection.vendor == "sqlite" else DATABASE_THREADS
    together = threading.Barrier(count)

    def close() -> None:
        together.wait()
        connections.close_all()

    known = list(copy_context().items())

    def begin() -> None:
        for variable, value in known:
            variable.set(value)

    with ThreadPoolExecutor(count, thread_name_prefix="sweep-database", initializer=begin) as executor:
        try:
            yield executor
        finally:
            wait([executor.submit(close) for _ in range(count)])


@contextmanager
def _interruptible(stop: Callable[[], bool] | None) -> Iterator[Callable[[], bool]]:
    """`stop`, or the first Ctrl-C where nobody else listens to it; the second one interrupts at once."""
    pressed = threading.Event()

    def press(_signal: int, _frame: object) -> None:
        pressed.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if ours:
        signal.signal(signal.SIGINT, press)
    try:
        yield lambda: pressed.is_set() or (stop is not None and stop())
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
