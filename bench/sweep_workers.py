"""Two Celery workers sweep beside one, on PostgreSQL and Redis; on SQLite, which has one writer, nothing is measured.

Figure: connections per second by two workers with a child each; floor: by one of them, in the same run. `_latency`: the
provider takes long and a sweep has few requests in flight, so a worker mostly waits. `_cores`: many in flight at a
quick provider, so that one worker needs a core, and what the two gain ends where the machine's cores are full.
`cores` is how many were busy on average, the database's, the provider's and this machine's other work included.
"""

import os
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from django.db import connection as database
from django.utils import timezone

from bench import fleet, hub
from bench.provider import Provider
from hub import engine
from hub.celery import app
from integrations import tasks
from integrations.models import Connection

ROUNDS = 3
WORKERS = 2


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What one worker has to do."""

    name: str
    count: int
    delay_seconds: float
    in_flight: int


VARIANTS = (
    Variant(name="sweep_workers_latency", count=2000, delay_seconds=0.2, in_flight=48),
    Variant(name="sweep_workers_cores", count=4000, delay_seconds=0.05, in_flight=256),
)


@dataclass(frozen=True, kw_only=True)
class Measured:
    per_second: float
    cores: float


def main() -> int:
    if database.vendor == "sqlite":
        print("sweep_workers: measured on PostgreSQL only", file=sys.stderr)
        return 0
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as name, fleet.Redis(Path(name)) as broker:
        connect(broker)
        for variant in VARIANTS:
            measure(variant, broker, Path(name))
    return 0


def measure(variant: Variant, broker: fleet.Redis, folder: Path) -> None:
    hub.empty_database()
    with ExitStack() as stack:
        provider = stack.enter_context(Provider(delay_seconds=variant.delay_seconds))
        hub.connect_many(hub.register(provider.origin), variant.count)
        started = [stack.enter_context(program) for program in workers(variant, broker, folder)]
        fleet.wait_for(lambda: all(" ready." in program.said() for program in started), what="no worker is ready")
        swept(variant, workers=WORKERS)
        one, two = [], []
        for _ in range(ROUNDS):
            one.append(swept(variant, workers=1))
            two.append(swept(variant, workers=WORKERS))
        reuses = provider.statistics()["reuses"]
    hub.report(
        variant.name,
        figure=median(result.per_second for result in two),
        unit="refreshes/s",
        floor=median(result.per_second for result in one),
        n=variant.count,
        rounds=[round(result.per_second) for result in two],
        floor_rounds=[round(result.per_second) for result in one],
        cores=[round(median(result.cores for result in results), 2) for results in (one, two)],
        cores_there=os.cpu_count(),
        reuses=reuses,
    )


def connect(broker: fleet.Redis) -> None:
    """Let this process ask for tasks."""
    app.conf.update(
        engine.configuration(broker_url=broker.url, sweep_every_seconds=60, slice_seconds=600, longest_seconds=100)
    )


def workers(variant: Variant, broker: fleet.Redis, folder: Path) -> list[fleet.Program]:
    environment = {
        "HUB_BROKER_URL": broker.url,
        "HUB_SWEEP_CONCURRENCY": str(variant.in_flight),
        "HUB_SLICE_SECONDS": "600",
        "LOG_LEVEL": "INFO",
    }
    names = [f"{variant.name}{number}" for number in range(WORKERS)]
    return [fleet.worker(name, "--concurrency", "1", folder=folder, environment=environment) for name in names]


def swept(variant: Variant, *, workers: int) -> Measured:
    """Have everything refreshed by so many slices, which is so many workers: each takes one."""
    hub.due_again(timezone.now())
    busy, began = busy_seconds(), time.perf_counter()
    for _ in range(workers):
        assert tasks.enqueue(tasks.sweep_slice), "the broker took no task"
    fleet.wait_for(is_nothing_due, what="connections are left")
    spent = time.perf_counter() - began
    return Measured(per_second=variant.count / spent, cores=(busy_seconds() - busy) / spent)


def is_nothing_due() -> bool:
    return not Connection.objects.filter(refresh_due_at__lte=timezone.now()).exists()


def busy_seconds() -> float:
    """What all cores of this machine have worked so far."""
    user, nice, system, _, _, *interrupts = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:])
    return (user + nice + system + sum(interrupts[:2])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
