"""Who used which connection, how often: counted in memory, written now and then, lost by nobody who reads a token."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from integrations.flows import access, uses
from integrations.flows.uses import Tallies
from integrations.models import Connection, Event, Use
from tests.clock import Clock
from tests.factories import make_connection
from tests.flows.journey import Journey
from tests.flows.threads import in_threads
from tests.flows.worker import started_process


def written() -> dict[str, int]:
    """Uses that the database knows, by actor."""
    return {row.actor: row.count for row in Use.objects.all()}


@pytest.fixture
def used(db: None, clock: Clock) -> Connection:
    return make_connection(now=clock())


def test_every_program_is_seen_from_its_first_use_on(journey: Journey) -> None:
    held = journey.connect()

    access.token(held, clock=journey.clock, actor="nightly import")
    access.token(held, clock=journey.clock, actor="report")

    assert written() == {"nightly import": 1, "report": 1}
    held.refresh_from_db()
    assert held.last_used_at == journey.clock()


def test_further_uses_are_counted_without_a_write(used: Connection, clock: Clock) -> None:
    uses.note(used, actor="report", now=clock())
    clock.advance(minutes=4)

    with CaptureQueriesContext(connection) as queries:
        for _ in range(20):
            uses.note(used, actor="report", now=clock())

    assert len(queries) == 0
    assert written() == {"report": 1}


def test_whoever_comes_next_writes_what_everybody_counted(used: Connection, clock: Clock) -> None:
    other = make_connection(now=clock())
    for actor in ("a", "b", "a", "b", "b"):
        uses.note(used, actor=actor, now=clock())
    clock.advance(minutes=5)

    uses.note(other, actor="c", now=clock())

    assert written() == {"a": 2, "b": 3, "c": 1}
    used.refresh_from_db()
    assert used.last_used_at == clock() - timedelta(minutes=5)


def test_one_key_is_written_at_most_every_five_minutes(used: Connection, clock: Clock) -> None:
    seen = []
    for _ in range(60):
        uses.note(used, actor="a", now=clock())
        seen.append(written()["a"])
        clock.advance(minutes=1)

    assert sum(after != before for before, after in pairwise(seen)) <= 12
    assert seen[-1] >= 55


def test_a_batch_is_written_with_a_few_statements(db: None, clock: Clock) -> None:
    held = [make_connection(now=clock(), sealed=False) for _ in range(3)]
    for row in held * 2:
        uses.note(row, actor="a", now=clock())
    clock.advance(minutes=6)

    with CaptureQueriesContext(connection) as queries:
        uses.note(held[0], actor="a", now=clock())

    changing = [query["sql"] for query in queries if query["sql"].startswith(("INSERT", "UPDATE"))]
    assert len(changing) == 2
    assert sorted(Use.objects.values_list("count", flat=True)) == [2, 2, 3]


def test_each_day_has_a_row_and_an_event_of_its_own(used: Connection, clock: Clock) -> None:
    for _ in range(3):
        for _ in range(5):
            uses.note(used, actor="report", now=clock())
            clock.advance(minutes=6)
        clock.advance(days=1)

    days = Use.objects.values_list("day", flat=True)
    assert len(set(days)) == len(days) == 3
    events = used.events.filter(kind=Event.Kind.USED)
    assert [event.actor for event in events] == ["report"] * 3


def test_what_an_actor_is_called_is_bounded_and_harmless(used: Connection, clock: Clock) -> None:
    uses.note(used, actor="\x00\u202eimport " + "a" * 300, now=clock())

    (actor,) = written()
    assert actor.startswith("import a")
    assert len(actor) == 150


def test_uses_of_a_connection_that_is_gone_keep_nobody_elses(used: Connection, clock: Clock) -> None:
    gone = make_connection(now=clock())
    for row in (used, gone) * 2:
        uses.note(row, actor="a", now=clock())
    gone.delete()
    clock.advance(minutes=6)

    uses.note(used, actor="a", now=clock())

    assert written() == {"a": 3}


@pytest.fixture
def broken_writes() -> Iterator[list[str]]:
    """Every write fails, until the list is emptied."""
    failing = ["INSERT", "UPDATE"]

    def stop(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        if sql.startswith(tuple(failing)) and failing:
            raise DatabaseError("disk full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(stop):
        yield failing


def test_a_failing_write_loses_no_token_and_no_count(journey: Journey, broken_writes: list[str]) -> None:
    saved = list(broken_writes)
    broken_writes.clear()
    held = journey.connect()
    broken_writes.extend(saved)

    assert access.token(held, clock=journey.clock, actor="a").value
    assert access.token(held, clock=journey.clock, actor="a").value
    broken_writes.clear()
    journey.clock.advance(minutes=6)
    access.token(held, clock=journey.clock, actor="a")

    assert written() == {"a": 3}


@pytest.mark.django_db(transaction=True)
def test_nothing_is_written_in_somebody_elses_transaction(clock: Clock) -> None:
    used = make_connection(now=clock())

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        uses.note(used, actor="a", now=clock())
        raise ZeroDivisionError
    assert written() == {}
    clock.advance(minutes=6)
    uses.note(used, actor="a", now=clock())

    assert written() == {"a": 2}


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_is_broken_already_is_no_reason_to_fail(clock: Clock) -> None:
    used = make_connection(now=clock())

    with transaction.atomic():
        transaction.set_rollback(True)
        uses.note(used, actor="a", now=clock())

    assert written() == {}


@pytest.mark.django_db(transaction=True)
def test_threads_lose_no_count(clock: Clock) -> None:
    used = make_connection(now=clock())
    now = clock()

    def use_often() -> None:
        for _ in range(50):
            uses.note(used, actor="a", now=now)

    for future in in_threads(8, use_often):
        future.result()
    uses.write_all()

    assert written() == {"a": 400}


@pytest.mark.django_db(transaction=True)
def test_two_processes_add_up_and_what_they_counted_is_written_when_they_end(clock: Clock) -> None:
    used = make_connection(now=clock())

    for _ in range(2):
        with started_process("tests.flows.using", str(used.pk), clock().isoformat(), "7") as process:
            assert process.wait(60) == 0

    assert written() == {"another process": 14}
    assert used.events.filter(kind=Event.Kind.USED).count() == 1


def test_a_child_does_not_write_its_parents_counts() -> None:
    code = (
        "import os, django; django.setup(); from integrations.flows import uses\n"
        "from datetime import date, datetime, UTC\n"
        "key, now = (1, 'a', date(2026, 1, 1)), datetime.now(UTC)\n"
        "uses._tallies.give_back([uses._counted(key, count=3, last_used_at=now)])\n"
        "child = os.fork()\n"
        "left = len(uses._tallies.take_all())\n"
        "if not child: os._exit(left)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), left)\n"
    )

    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"DJANGO_SETTINGS_MODULE": "tests.settings"},
    )

    assert run.stdout.split() == ["0", "1"]


def test_what_is_not_used_any_more_is_forgotten(clock: Clock) -> None:
    tallies = Tallies()
    for number in range(1000):
        tallies.count((number, "a", clock().date()), now=clock())
    clock.advance(minutes=6)

    tallies.count((0, "b", clock().date()), now=clock())

    assert len(tallies._tallies) == 1


def test_a_clock_that_is_set_back_stops_nothing(used: Connection, clock: Clock) -> None:
    uses.note(used, actor="a", now=clock())

    uses.note(used, actor="a", now=clock() - timedelta(minutes=1))

    assert written() == {"a": 2}


def test_counting_is_safe_in_threads(clock: Clock) -> None:
    tallies, now = Tallies(), clock()
    before = sys.getswitchinterval()

    def count() -> int:
        return sum(row.count for key in range(3000) for row in tallies.count((key, "a", now.date()), now=now))

    sys.setswitchinterval(1e-6)
    try:
        at_once = [future.result() for future in in_threads(8, count)]
    finally:
        sys.setswitchinterval(before)

    assert sum(at_once) + sum(row.count for row in tallies.take_all()) == 24_000
    assert sum(at_once) == 3000


def test_a_use_that_is_told_apart_is_counted_and_told_once(used: Connection, clock: Clock) -> None:
    uses.note(used, actor="console", now=clock(), is_told=True)
    uses.note(used, actor="import", now=clock())

    assert written() == {"console": 1, "import": 1}
    assert [event.actor for event in used.events.all()] == ["import"]
