"""64 callers in 4 processes want one expired token: one refresh at a provider that ends the grant on reuse, no failure.

`refresh_stampede` is just that. `_slow`: the token endpoint takes far longer than any poll. In the others one more
caller holds the lease when the 64 come. `_killed`: it is dead, with nothing sent, and somebody takes over. `_stopped`:
it was stopped with the answer in hand, and lives on when its lease is over and the others were served from its journal.
`_stopped_sending`: it was stopped with its request about to leave; the others are told to come back, and do.

Figure: from the first caller's start to the last one's token. Floor: what nobody can be quicker than, which is one bare
refresh, after the rest of the lease (`_killed`, `_stopped`) or after the holder lives on (`_stopped_sending`).
`retried` counts the answers that said to come back; a failure is final. Exit code 1: not one refresh, or a failure.
"""

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta

from django.utils import timezone

from bench import floor, hub
from bench.callers import Callers, Result
from bench.provider import Provider
from integrations.models import Connection

PROCESSES = 4
THREADS = 16
SLOW_SECONDS = 3.0
#: The shortest lease that the hub's own check accepts at this deadline; who waits waits for longer than that.
SHORT = {"HUB_HTTP_DEADLINE_SECONDS": "5", "HUB_LEASE_SECONDS": "15", "HUB_REFRESH_WAIT_SECONDS": "17"}


@dataclass(frozen=True, kw_only=True)
class Variant:
    """How one stampede differs from the plain one; `point` is where its holder halts (see `callers`)."""

    name: str
    delay_seconds: float = 0.0
    point: str = ""
    settings: dict[str, str] = field(default_factory=dict)


VARIANTS = (
    Variant(name="refresh_stampede"),
    Variant(name="refresh_stampede_slow", delay_seconds=SLOW_SECONDS),
    Variant(name="refresh_stampede_killed", point="claimed", settings=SHORT),
    Variant(name="refresh_stampede_stopped", point="answered", settings=SHORT),
    Variant(name="refresh_stampede_stopped_sending", point="marked", settings=SHORT),
)


def main() -> int:
    passed = [stampede(variant) for variant in VARIANTS]
    return 0 if all(passed) else 1


def stampede(variant: Variant) -> bool:
    """Measure and report one variant; whether it did what it must."""
    hub.empty_database()
    with Provider(delay_seconds=variant.delay_seconds) as provider, ExitStack() as stack:
        connection = expired_connection(provider)
        bare_seconds = floor.one_refresh(provider)
        before = provider.statistics()
        crowd = [
            stack.enter_context(Callers(connection.pk, threads=THREADS, settings=variant.settings))
            for _ in range(PROCESSES)
        ]
        if variant.point:
            holder = Callers(connection.pk, threads=1, settings=variant.settings, point=variant.point)
            results, free_at = run_into(stack.enter_context(holder), crowd, connection, point=variant.point)
        else:
            results, free_at = run(crowd), 0.0
        counts = {name: count - before[name] for name, count in provider.statistics().items()}
    began = min(result.began for result in results)
    failures = [code for result in results for code in result.failures]
    tokens: set[str] = set().union(*(result.tokens for result in results))
    hub.report(
        variant.name,
        figure=1000 * (max(result.ended for result in results) - began),
        unit="ms",
        floor=1000 * (max(free_at - began, 0.0) + bare_seconds),
        n=PROCESSES * THREADS,
        **counts,
        failures=len(failures),
        retried=sum(result.retried for result in results),
        tokens=len(tokens),
    )
    for code in sorted(set(failures)):
        print(f"{variant.name}: {failures.count(code)} x {code}", file=sys.stderr)
    return counts == {"refreshes": 1, "reuses": 0} and not failures and len(tokens) == 1


def expired_connection(provider: Provider) -> Connection:
    ids = hub.connect_many(hub.register(provider.origin), 1)
    Connection.objects.update(access_expires_at=timezone.now() - timedelta(seconds=1))
    return Connection.objects.get(pk=ids[0])


def run(crowd: Sequence[Callers]) -> list[Result]:
    """Start all at once; what came of them."""
    start(crowd)
    for callers in crowd:
        callers.met()
    return [callers.result() for callers in crowd]


def start(crowd: Sequence[Callers]) -> None:
    for callers in crowd:
        callers.ready()
    for callers in crowd:
        callers.start()


def run_into(
    holder: Callers, crowd: Sequence[Callers], connection: Connection, *, point: str
) -> tuple[list[Result], float]:
    """Start all while the holder is halted; what came of them, and from when on that was to be had.

    A holder that was stopped lives on once its lease is over and every caller has had an answer of some kind.
    """
    start([holder])
    holder.halted()
    connection.refresh_from_db()
    assert connection.lease_until is not None, "the holder has no lease"
    free_at = connection.lease_until.timestamp()
    start(crowd)
    for callers in crowd:
        callers.met()
    if point == "claimed":
        return [callers.result() for callers in crowd], free_at
    assert time.time() > free_at, "somebody was answered before the lease was over"
    if point == "marked":
        free_at = time.time()
    holder.resume()
    holder.met()
    return [callers.result() for callers in crowd] + [only_answer(holder)], free_at


def only_answer(holder: Callers) -> Result:
    """What the holder got; it is not one of those whose time is measured."""
    result = holder.result()
    result.began, result.ended = float("inf"), 0.0
    return result


if __name__ == "__main__":
    sys.exit(main())
