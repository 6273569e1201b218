"""Refresh every connection that is due, in one pass.

    sweep_due       due rows, claimed in batches                            ┐
    sweep_source    made into requests                                      │ database threads
    sweep_ledger    answers, committed in batches                           ┘
    sweep_lane      which provider may be asked next, and how much          ┐ event loop
    sweep_loop      sends and judges                                        ┘
    sweep_run       how far it is and how it ended, for whoever looks
    standing        pauses, circuits and rates of providers, shared with other sweeps and with callers

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

from integrations.flows import disconnect, hold, recover, standing, sweep_run, watched
from integrations.flows.clients import address_policy
from integrations.flows.rows import Clock
from integrations.flows.sweep_due import DueRows
from integrations.flows.sweep_lane import PAUSE_AT_MOST_SECONDS, Lanes
from integrations.flows.sweep_loop import Loop
from integrations.flows.sweep_outcome import Outcome, Tally
from integrations.flows.sweep_source import Source
from integrations.models import ClientRegistration, Connection, SweepRun
from integrations.oauth.async_transport import AsyncTransport, new_event_loop

REVOKED_AT_MOST = 100
DATABASE_THREADS = 3
#: What is due is counted up to here, so that looking costs the same however large the table is.
COUNTED_AT_MOST = 100_000


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

    `due_is_capped`: a dry run stopped counting there, and more are due.
    `needs_operator`: at least one outcome is for an operator to mend, or a registration is in alarm still.
    """

    counts: dict[str, int] = field(default_factory=dict)
    by_provider: dict[str, dict[str, int]] = field(default_factory=dict)
    due: int = 0
    due_is_capped: bool = False
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
    rows = DueRows(provider=options.provider, started=started, horizon=started + options.due_within)
    source = Source(rows=rows, clock=clock)
    if options.dry_run:
        return _dry(source, options)
    if hold.is_on():
        return _dry(source, options, outcome="held")
    recover.replay(now=started)
    run = sweep_run.begin(provider=options.provider, now=started)
    with watched.sweeping(), _interruptible(stop) as stopped, _database_threads() as database:
        loop = _loop(source, options, run=run, database=database, progress=progress, stop=stopped)
        ending = SweepRun.Ending.FAILED
        try:
            asyncio.run(loop.run(), loop_factory=new_event_loop)
            ending = SweepRun.Ending.STOPPED if loop.was_stopped else SweepRun.Ending.COMPLETE
        finally:
            sweep_run.end(run, loop.tally, ending=ending, now=clock())
        disconnect.revoke_now(loop.late, now=clock())
        limit = REVOKED_AT_MOST if options.limit is None else min(REVOKED_AT_MOST, options.limit)
        disconnect.retry_revocations(now=clock(), provider=options.provider, limit=limit, stop=stopped)
    return _report(loop.tally, provider=options.provider, seconds=time.monotonic() - began)


def _loop(
    source: Source,
    options: SweepOptions,
    *,
    run: SweepRun,
    database: Executor,
    progress: Callable[[int, int], None] | None,
    stop: Callable[[], bool],
) -> Loop:
    concurrency = max(1, options.concurrency)
    total = _counted(source, options) if progress else 0
    left_alone = standing.closed_instances(
        now=source.rows.started, longer_than=timedelta(seconds=PAUSE_AT_MOST_SECONDS)
    )

    def tell(tally: Tally) -> None:
        if progress:
            progress(tally.total, max(total, tally.total))

    return Loop(
        source=source,
        lanes=Lanes(cap=options.per_provider or max(1, concurrency - concurrency // 8), closed=left_alone),
        transport=AsyncTransport(
            address_policy(), deadline_seconds=settings.HUB_HTTP_DEADLINE_SECONDS, limit=concurrency
        ),
        database=database,
        clock=source.clock,
        concurrency=concurrency,
        limit=options.limit,
        stop=stop,
        told=tell,
        noted=lambda tally: sweep_run.note(run, tally, now=source.clock()),
    )


def _dry(source: Source, options: SweepOptions, *, outcome: str = "due") -> SweepReport:
    """Count what is due, up to a bound; nothing is changed."""
    at_most = COUNTED_AT_MOST if options.limit is None else min(COUNTED_AT_MOST, options.limit)
    first = source.rows.due(now=source.rows.started).order_by("refresh_due_at", "pk").values("pk")[: at_most + 1]
    rows = Connection.objects.filter(pk__in=first).order_by().values_list("registration__provider")
    counted = dict(rows.annotate(Count("pk")))
    found = sum(counted.values())
    due = min(found, at_most)
    by_provider = {provider: {outcome: count} for provider, count in counted.items()}
    capped = found > COUNTED_AT_MOST
    return SweepReport(counts={outcome: due}, by_provider=by_provider, due=due, due_is_capped=capped)


def _counted(source: Source, options: SweepOptions) -> int:
    """How many are due, for a progress bar: up to a bound, beyond which the bar grows as it goes."""
    at_most = COUNTED_AT_MOST if options.limit is None else min(COUNTED_AT_MOST, options.limit)
    return source.rows.due(now=source.rows.started).order_by("refresh_due_at", "pk")[:at_most].count()


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
