"""Borrow a fresh access token over the API, over 32 connections: granian with two workers, bearer check and all.

Floor: a plain Django view behind no middleware that asks the database for 1, served alike. `queries` and `writes`
are the most that one call made; `cpu_us` is what a call costs the server's processes, `floor_cpu_us` the floor's.
Exit code 1 when a call makes more than 3 queries, or writes.
"""

import re
import sys
from collections.abc import Callable
from statistics import median
from typing import Any

from django.db import connection as database
from django.test import Client

from bench import hub
from bench.lending import call_of, lend_many
from bench.load import Load, run
from bench.site import Site

CONNECTIONS = 32
THREADS = 16
PEOPLE = 500
CALLS = 4000
WARM_UP = 8
ROUNDS = 3
MOST_QUERIES = 3
WRITING = re.compile(r"\b(INSERT|UPDATE|DELETE)\b")


def main() -> int:
    hub.empty_database()
    lent = lend_many("http://127.0.0.1:1", PEOPLE, scope="connections:borrow")
    queries, writes = most_statements([(path_of(uuid), token) for uuid, token in lent[:50]])
    calls = [call_of("POST", path_of(uuid), token, body=b"{}") for uuid, token in lent * (CALLS // PEOPLE)]
    loads, cpu = served("hub.wsgi:application", calls, {})
    floor_call = [call_of("GET", "/", "x")] * CALLS
    floors, floor_cpu = served(
        "bench.plain:application", floor_call, {"DJANGO_SETTINGS_MODULE": "bench.plain_settings"}
    )
    hub.report(
        "borrow",
        figure=median(load.per_second for load in loads),
        unit="calls/s",
        floor=median(load.per_second for load in floors),
        n=CALLS,
        rounds=[round(load.per_second) for load in loads],
        floor_rounds=[round(load.per_second) for load in floors],
        p50_ms=round(median(load.p50_ms for load in loads), 1),
        p99_ms=round(median(load.p99_ms for load in loads), 1),
        cpu_us=round(cpu),
        floor_cpu_us=round(floor_cpu),
        queries=queries,
        writes=writes,
    )
    return 1 if queries > MOST_QUERIES or writes else 0


def path_of(uuid: object) -> str:
    return f"/api/v1/connections/{uuid}/token"


def served(application: str, calls: list[bytes], environment: dict[str, str]) -> tuple[list[Load], float]:
    """What came of each round, and the least that a call cost in microseconds."""
    loads, costs = [], []
    with Site(application, threads=THREADS, environment=environment) as site:
        # Each worker writes down the first use of each connection; what is measured is the reading.
        run(site.port, calls[: WARM_UP * PEOPLE], connections=CONNECTIONS)
        for _ in range(ROUNDS):
            before = site.cpu_seconds()
            loads.append(run(site.port, calls, connections=CONNECTIONS))
            costs.append((site.cpu_seconds() - before) / len(calls) * 1e6)
    return loads, min(costs)


def most_statements(calls: list[tuple[str, str]]) -> tuple[int, int]:
    """The most statements that one call made, and the most of them that write or lock; after a first one."""
    seen: list[str] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(sql)
        return execute(sql, params, many, context)

    counts = []
    client = Client(headers={"host": "127.0.0.1"})
    with database.execute_wrapper(note):
        for path, token in [*calls, *calls]:
            seen.clear()
            answer = client.post(
                path, b"{}", content_type="application/json", headers={"Authorization": f"Bearer {token}"}
            )
            assert answer.status_code == 200, answer.content
            counts.append((len(seen), sum(bool(WRITING.search(sql)) for sql in seen)))
    warm = counts[len(calls) :]
    return max(queries for queries, _ in warm), max(writes for _, writes in warm)


if __name__ == "__main__":
    sys.exit(main())
