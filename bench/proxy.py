"""Call a provider's API through the hub, over 32 connections: granian with two workers, bearer check and all.

`figure` is calls per second of an API that answers at once, `floor` the same asked directly. `added_ms` is what the hub
adds at p50 to an API that takes 50 ms; `cpu_us` what a call costs the server's processes; `grown_mb` by how much the
larger of them grew while a gigabyte went through, down and up. Exit code 1 where memory is not flat.
"""

import socket
import sys
from statistics import median

from bench import hub
from bench.lending import call_of, lend_many
from bench.load import Load, run
from bench.site import Site
from bench.upstream import Upstream
from integrations.models import ClientRegistration

CONNECTIONS = 32
THREADS = 20
PEOPLE = 200
CALLS = 4000
SLOW_CALLS = 2000
ROUNDS = 3
GIGABYTE = 2**30
FLAT_MEGABYTES = 24
WIDE = {
    "HUB_PROXY_AT_ONCE": "64",
    "HUB_PROXY_AT_ONCE_PER_PROVIDER": "64",
    "HUB_PROXY_AT_ONCE_PER_PERSON": "64",
    "HUB_PROXY_AT_ONCE_PER_CONNECTION": "64",
}


def main() -> int:
    hub.empty_database()
    with Upstream() as fast, Upstream(delay_seconds=0.05) as slow:
        lent = lend_many(fast.origin, PEOPLE, scope="connections:call")
        direct = call_of("GET", "/sandbox/api/notes", "x")
        through = [
            call_of("GET", f"/api/v1/connections/{uuid}/proxy/notes", token)
            for uuid, token in (lent * (CALLS // PEOPLE + 1))[:CALLS]
        ]
        with Site("hub.wsgi:application", threads=THREADS, environment=WIDE) as site:
            run(site.port, through[:1000], connections=CONNECTIONS)
            floors, loads, cpu_us = [], [], []
            for _ in range(ROUNDS):
                floors.append(run(fast.port, [direct] * CALLS, connections=CONNECTIONS))
                before = site.cpu_seconds()
                loads.append(run(site.port, through, connections=CONNECTIONS))
                cpu_us.append((site.cpu_seconds() - before) / CALLS * 1e6)
            grown = {way: megabytes_grown(site, way, *lent[0]) for way in ("down", "up")}
            at(slow.origin)
            run(site.port, through[:500], connections=CONNECTIONS)
            slow_floor = run(slow.port, [direct] * SLOW_CALLS, connections=CONNECTIONS)
            slow_load = run(site.port, through[:SLOW_CALLS], connections=CONNECTIONS)
    hub.report(
        "proxy",
        figure=median(load.per_second for load in loads),
        unit="calls/s",
        floor=median(load.per_second for load in floors),
        n=CALLS,
        rounds=[round(load.per_second) for load in loads],
        floor_rounds=[round(load.per_second) for load in floors],
        cpu_us=round(min(cpu_us)),
        **of_slow(slow_load, slow_floor),
        grown_mb=grown,
    )
    return 0 if max(grown.values()) < FLAT_MEGABYTES else 1


def at(origin: str) -> None:
    """From now on the provider's API is there."""
    ClientRegistration.objects.update(variables={"origin": origin})


def of_slow(load: Load, floor: Load) -> dict[str, float]:
    return {
        "added_ms": round(load.p50_ms - floor.p50_ms, 1),
        "p50_ms": round(load.p50_ms, 1),
        "p99_ms": round(load.p99_ms, 1),
        "floor_p50_ms": round(floor.p50_ms, 1),
        "floor_p99_ms": round(floor.p99_ms, 1),
    }


def megabytes_grown(site: Site, way: str, uuid: object, token: str) -> int:
    """By how much the server's larger process is larger, at its largest, while a gigabyte goes through it."""
    path = f"/api/v1/connections/{uuid}/proxy/"
    before = largest = site.resident_megabytes()
    with socket.create_connection(("127.0.0.1", site.port)) as sock:
        if way == "down":
            sock.sendall(call_of("GET", f"{path}bytes/{GIGABYTE}", token))
        else:
            head = call_of("POST", f"{path}notes", token).replace(
                b"Content-Length: 0", b"Content-Length: %d" % GIGABYTE
            )
            sock.sendall(head)
            piece = bytes(2**20)
            for _ in range(GIGABYTE // len(piece)):
                sock.sendall(piece)
                largest = max(largest, site.resident_megabytes())
        received, wanted, buffer = 0, GIGABYTE if way == "down" else 1, bytearray(2**20)
        while received < wanted and (count := sock.recv_into(buffer)):
            received += count
            largest = max(largest, site.resident_megabytes())
        assert received >= wanted, buffer[:received]
    return round(largest - before)


if __name__ == "__main__":
    sys.exit(main())
