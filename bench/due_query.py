"""What it costs to find what is due and to lease 500 of it, in tables of 10,000, 100,000 and a million connections.

Floor: the smallest table; the ratio is that of the largest to it. `few`: the due are as many in each table. `all`: the
whole table is due, after a day off, say. `left_out`: all is due, and all but one of twenty registrations are not to be
asked. `rare`: all is due, and one provider is swept that has 600 connections in each table.
DUE_QUERY_SIZES and DUE_QUERY_ROUNDS change sizes and rounds.
"""

import os
import sys
import time
from collections.abc import Callable, Collection
from datetime import datetime
from itertools import count
from statistics import median

from django.db import transaction
from django.utils import timezone

from bench import crowd, hub
from integrations.flows.clients import Instance
from integrations.flows.sweep import COUNTED_AT_MOST, SweepOptions, sweep
from integrations.flows.sweep_due import DueRows
from integrations.models import ClientRegistration, Connection
from integrations.models.connection import LEASE_RELEASED

SIZES = tuple(int(size) for size in os.environ.get("DUE_QUERY_SIZES", "10000,100000,1000000").split(","))
ROUNDS = int(os.environ.get("DUE_QUERY_ROUNDS", "21"))
AT_ONCE = 500
FEW = 2000
_owners = count()


def main() -> None:
    at, now = crowd.registrations(), timezone.now()
    figures: dict[str, list[float]] = {}
    done = 0
    for size in SIZES:
        began = time.perf_counter()
        crowd.grow(done + 1, size, at=at, now=now)
        print(f"{size:,} connections after {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
        done = size
        for name, milliseconds in measured(size, at=at, now=now).items():
            figures.setdefault(name, []).append(milliseconds)
            print(f"{size:,}: {name} {milliseconds:.2f} ms", file=sys.stderr, flush=True)
    for name, found in figures.items():
        # What is counted is counted up to a bound, which small tables do not reach.
        sizes = {f"at_{size}": round(figure, 2) for size, figure in zip(SIZES[-len(found) :], found, strict=True)}
        hub.report(f"due_query.{name}", figure=found[-1], unit="ms", floor=found[0], n=SIZES[-1], **sizes)


def measured(size: int, *, at: list[ClientRegistration], now: datetime) -> dict[str, float]:
    """Milliseconds by what was done."""
    later, soon = now + 2 * crowd.LIFETIME, now + crowd.LIFETIME * FEW / size
    others: list[Instance] = [(row.pk, ()) for row in at if row.slug != "crowd-0"]
    found = {
        "few": timed(lambda: find(soon)),
        "few_claimed": timed(lambda: claim(soon)),
        "all": timed(lambda: find(later)),
        "all_claimed": timed(lambda: claim(later)),
        "left_out": timed(lambda: find(later, without=others)),
        "rare": timed(lambda: find(later, provider=at[-1].provider)),
    }
    if size >= COUNTED_AT_MOST:
        found["counted"] = timed(lambda: dry_run(later), rounds=3)
    if size == SIZES[-1]:
        show("due", rows_at(later), now=later)
        show("rare", rows_at(later, provider=at[-1].provider), now=later)
    return found


def timed(call: Callable[[], object], *, rounds: int = ROUNDS) -> float:
    """The median of some rounds, in milliseconds, after one that does not count."""
    call()
    spent = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        spent.append(time.perf_counter() - began)
    return median(spent) * 1000


def rows_at(now: datetime, *, provider: str = "") -> DueRows:
    return DueRows(provider=provider, started=now, horizon=now)


def find(now: datetime, *, provider: str = "", without: Collection[Instance] = ()) -> int:
    """What a claim reads: the next rows, by index."""
    with transaction.atomic():
        queries = rows_at(now, provider=provider).queries(AT_ONCE, without=without, now=now)
        return sum(len(list(query)) for query in queries)


def claim(now: datetime) -> None:
    """Find and lease, and give back: three statements in two transactions."""
    lease_owner = f"bench {next(_owners)}"
    found, _ = rows_at(now).lease(AT_ONCE, without=(), lease_owner=lease_owner, now=now)
    given_back = Connection.objects.filter(pk__in=[row.pk for row in found]).update(**LEASE_RELEASED)
    assert given_back == min(AT_ONCE, len(found)), given_back


def dry_run(now: datetime) -> None:
    sweep(SweepOptions(dry_run=True), clock=lambda: now)


def show(name: str, rows: DueRows, *, now: datetime) -> None:
    """Print how the database finds them; by a partial index, or the bench fails."""
    with transaction.atomic():
        plans = [query.explain() for query in rows.queries(AT_ONCE, without=(), now=now)]
    for plan in plans:
        print(f"-- {name}", *plan.splitlines(), sep="\n   ", file=sys.stderr, flush=True)
        assert "connection_due" in plan, "the partial index is not used"
        assert "TEMP B-TREE" not in plan, "all that is due is sorted"


if __name__ == "__main__":
    main()
