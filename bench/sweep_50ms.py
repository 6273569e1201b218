"""A sweep of 5,000 due connections at a provider that takes 50 ms, 256 in flight.

Floor: the same requests by bare asyncio and aiohttp at the same provider, and one batched write; no Django. Beside it:
what the provider does alone, asked over bare sockets, and what a plain loop of refreshes does. `cpu_microseconds` is
what a refresh takes of a processor in the sweep's process, `floor_cpu_microseconds` in the floor's: on a machine that
has other things to do, their ratio tells more than that of the figures.
"""

import time
from collections.abc import Callable
from statistics import median

from django.db.models import Max
from django.utils import timezone

from bench import floor, hub
from bench.provider import Provider
from integrations.flows import refresh
from integrations.flows.sweep import SweepOptions, sweep
from integrations.models import Connection, Event

COUNT = 5000
IN_FLIGHT = 256
ROUNDS = 3
LOOPED = 60
DELAY_SECONDS = 0.05


def main() -> None:
    measure("sweep_50ms", delay_seconds=DELAY_SECONDS)


def measure(name: str, *, delay_seconds: float) -> None:
    hub.empty_database()
    with Provider(delay_seconds=delay_seconds) as provider:
        ids = hub.connect_many(hub.register(provider.origin), COUNT)
        alone = floor.provider_alone(provider, amount=COUNT * 2, in_flight=IN_FLIGHT)
        swept, bare = Rounds(), Rounds()
        for _ in range(ROUNDS):
            bare.add(lambda: floor.bare_refreshes(provider, amount=COUNT, in_flight=IN_FLIGHT))
            hub.due_again(timezone.now())
            swept.add(swept_per_second)
        hub.report(
            name,
            figure=median(swept.figures),
            unit="refreshes/s",
            floor=median(bare.figures),
            n=COUNT,
            rounds=[round(figure) for figure in swept.figures],
            floor_rounds=[round(figure) for figure in bare.figures],
            cpu_microseconds=round(median(swept.cpu_microseconds)),
            floor_cpu_microseconds=round(median(bare.cpu_microseconds)),
            provider_alone=round(alone),
            plain_loop=round(looped_per_second(ids[:LOOPED]), 1),
            longest_commit_delay_seconds=round(longest_commit_delay(delay_seconds), 3),
        )


class Rounds:
    """Refreshes per second, round by round, and what each took of a processor."""

    def __init__(self) -> None:
        self.figures: list[float] = []
        self.cpu_microseconds: list[float] = []

    def add(self, per_second: Callable[[], float]) -> None:
        before = time.process_time()
        self.figures.append(per_second())
        self.cpu_microseconds.append((time.process_time() - before) / COUNT * 1e6)


def swept_per_second() -> float:
    report = sweep(SweepOptions(concurrency=IN_FLIGHT, per_provider=IN_FLIGHT), clock=timezone.now)
    assert report.counts == {"refreshed": COUNT}, report
    return COUNT / report.seconds


def looped_per_second(ids: list[int]) -> float:
    Connection.objects.filter(pk__in=ids).update(access_expires_at=timezone.now())
    hub.due_again(timezone.now())
    began = time.perf_counter()
    for pk in ids:
        refresh.refresh(pk)
    return len(ids) / (time.perf_counter() - began)


def longest_commit_delay(delay_seconds: float) -> float:
    """From an answer to its commit, at most: what the event says less when the request left, less the provider."""
    refreshed = Event.objects.filter(kind=Event.Kind.REFRESHED)
    latest = (
        refreshed.values("connection")
        .annotate(told=Max("created_at"))
        .values_list("told", "connection__last_refreshed_at")
    )
    return max((told - sent).total_seconds() for told, sent in latest) - delay_seconds


if __name__ == "__main__":
    main()
