"""Sweeps that are killed, or whose database fails: what providers answered is not lost, and nothing is sent twice."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError

from integrations import providers
from integrations.flows import access
from integrations.models import Connection, SweepRun
from integrations.providers import get
from tests.fakes.misbehaviour import Behaviour
from tests.flows.journey import Journey, fresh, kinds
from tests.flows.sweeping import are_idle, are_in_step, around_statements, connect_many, statuses, swept, versions
from tests.flows.worker import sweeper

pytestmark = pytest.mark.django_db(transaction=True)

KILLED = -9
NEEDS_REAUTHORIZATION = Connection.Status.NEEDS_REAUTHORIZATION


def after_the_leases(journey: Journey) -> None:
    journey.clock.advance(seconds=61)


def journaled(journal: Path) -> list[int]:
    """The connections whose new tokens wait on disk."""
    lines = [line for page in journal.glob("*.journal") for line in page.read_bytes().splitlines()]
    return [json.loads(line)["connection"] for line in lines]


def stored(rows: list[Connection]) -> set[int]:
    return {row.pk for row, version in zip(rows, versions(rows), strict=True) if version == 2}


def failing(verb: str, table: str) -> Callable[..., Any]:
    """Every such statement fails, as on a full disk."""

    def wrapper(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(f'{verb} "integrations_{table}"'):
            raise OperationalError("disk is full")
        return execute(sql, params, many, context)

    return wrapper


@pytest.mark.requirement(70)
def test_a_sweep_killed_with_its_leases_taken_costs_the_leases_and_no_more(journey: Journey) -> None:
    rows = connect_many(journey.registration, journey.server, 3, clock=journey.clock)
    with sweeper(clock=journey.clock, point="claimed") as process:
        pass

    assert process.returncode == KILLED
    assert not are_idle(rows)
    assert journey.server.refreshes() == []
    assert swept(journey.clock).counts == {}
    assert SweepRun.objects.order_by("pk")[0].finished_at is None
    after_the_leases(journey)

    assert swept(journey.clock).counts == {"refreshed": 3}
    assert are_in_step(rows, journey.server)


@pytest.mark.requirement(69, 70)
@pytest.mark.parametrize("restore", ["a sweep", "a borrow"])
def test_what_a_killed_sweep_was_answered_is_found_in_its_journal(
    journey: Journey, recovery_journal: Path, restore: str
) -> None:
    rows = connect_many(journey.registration, journey.server, 3, clock=journey.clock)
    with sweeper(clock=journey.clock, point="answered", concurrency=3) as process:
        pass

    assert process.returncode == KILLED
    assert versions(rows) == [1, 1, 1]
    assert sorted(journaled(recovery_journal)) == [row.pk for row in rows]
    after_the_leases(journey)
    if restore == "a sweep":
        swept(journey.clock)
    else:
        access.token(fresh(rows[0]), clock=journey.clock)

    assert set(versions(rows)) == {2}
    assert are_in_step(rows, journey.server)
    assert are_idle(rows)
    assert [kinds(row).count("refreshed") for row in rows] == [1, 1, 1]
    assert journaled(recovery_journal) == []
    assert len(journey.server.refreshes()) == 3
    assert journey.server.memory.reuses_detected == 0


@pytest.mark.requirement(69, 70)
def test_a_killed_sweep_loses_at_most_what_had_not_been_answered(journey: Journey, recovery_journal: Path) -> None:
    rows = connect_many(journey.registration, journey.server, 600, clock=journey.clock)
    with sweeper(clock=journey.clock, point="answered again") as process:
        pass
    committed, on_disk = stored(rows), set(journaled(recovery_journal))
    marked = set(Connection.objects.filter(refresh_sent=True).values_list("pk", flat=True))
    lost = marked - on_disk

    assert process.returncode == KILLED
    assert committed
    assert on_disk
    # A record that was just committed may be on disk still: killed before it went.
    assert on_disk - marked <= committed
    assert len(journey.server.refreshes()) <= len(committed | marked)

    after_the_leases(journey)
    swept(journey.clock)
    journey.clock.advance(minutes=5)
    swept(journey.clock)

    assert stored(rows) == {row.pk for row in rows} - lost
    assert statuses(rows)[NEEDS_REAUTHORIZATION] == len(lost) <= 256
    assert are_in_step([row for row in rows if row.pk not in lost], journey.server)
    assert journey.server.memory.reuses_detected == 0


@pytest.mark.requirement(70)
def test_a_torn_record_costs_its_own_connection_alone(journey: Journey, recovery_journal: Path) -> None:
    rows = connect_many(journey.registration, journey.server, 3, clock=journey.clock)
    with sweeper(clock=journey.clock, point="answered", concurrency=3):
        pass
    (page,) = recovery_journal.glob("*.journal")
    torn = json.loads(page.read_bytes().splitlines()[-1])["connection"]
    page.write_bytes(page.read_bytes()[:-20])
    after_the_leases(journey)

    report = swept(journey.clock)

    assert report.counts == {"uncertain": 1}
    assert stored(rows) == {row.pk for row in rows} - {torn}
    assert journaled(recovery_journal) == []
    assert len(journey.server.refreshes()) == 3


@pytest.mark.requirement(70)
def test_what_was_sent_and_never_answered_is_not_sent_again(journey: Journey) -> None:
    rows = connect_many(journey.registration, journey.server, 2, clock=journey.clock)
    gate = journey.server.misbehave("token", Behaviour.DELAY_AFTER_PROCESSING, times=None)
    with sweeper(clock=journey.clock) as process:
        gate.wait_for_arrival()
        gate.wait_for_arrival()
        process.kill()
    journey.server.behave()

    after_the_leases(journey)
    assert swept(journey.clock).counts == {"uncertain": 2}
    assert statuses(rows) == {"active": 2}
    journey.clock.advance(minutes=5)
    assert swept(journey.clock).counts == {"needs_reauthorization": 2}
    assert swept(journey.clock).counts == {}

    assert {fresh(row).last_error_code for row in rows} == {"rotation_uncertain"}
    assert [kinds(row) for row in rows] == [["needs_reauthorization"]] * 2
    assert len(journey.server.refreshes()) == 2
    assert journey.server.memory.reuses_detected == 0


@pytest.mark.requirement(70)
def test_what_was_sent_and_never_answered_is_sent_again_where_nothing_rotates(
    journey: Journey, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = get("sandbox")
    dialect = replace(sandbox.server.dialect, refresh_token_rotates=False)
    steady = replace(sandbox, server=replace(sandbox.server, dialect=dialect))
    monkeypatch.setattr(providers, "PROVIDERS", {"sandbox": steady})
    vanished: dict[str, Any] = {"lease_owner": "vanished", "lease_until": journey.clock(), "refresh_sent": True}
    alive = vanished | {"lease_until": journey.clock() + timedelta(seconds=1)}
    held = connect_many(journey.registration, journey.server, 1, clock=journey.clock, **alive)
    rows = connect_many(journey.registration, journey.server, 2, clock=journey.clock, **vanished)

    assert swept(journey.clock).counts == {"refreshed": 2}
    assert versions([*held, *rows]) == [1, 2, 2]
    assert are_idle(rows)


@pytest.mark.requirement(69)
@pytest.mark.parametrize("statement", [("INSERT INTO", "vaultentry"), ("INSERT INTO", "event")])
def test_answers_that_cannot_be_stored_wait_in_the_journal(
    journey: Journey, recovery_journal: Path, statement: tuple[str, str]
) -> None:
    rows = connect_many(journey.registration, journey.server, 3, clock=journey.clock)

    with around_statements(failing(*statement)):
        report = swept(journey.clock)

    assert report.counts == {"in_journal": 3}
    assert versions(rows) == [1, 1, 1]
    assert sorted(journaled(recovery_journal)) == [row.pk for row in rows]
    assert SweepRun.objects.get().counts == {"in_journal": 3}

    swept(journey.clock)

    assert versions(rows) == [2, 2, 2]
    assert are_in_step(rows, journey.server)
    assert journaled(recovery_journal) == []
    assert len(journey.server.refreshes()) == 3


def test_a_database_that_fails_before_anything_is_sent_leaves_no_doubt(journey: Journey) -> None:
    rows = connect_many(journey.registration, journey.server, 3, clock=journey.clock)
    fails = iter([False, True])

    def second_update_fails(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if sql.startswith('UPDATE "integrations_connection"') and next(fails, False):
            raise OperationalError("the connection was lost, who knows when")
        return result

    with around_statements(second_update_fails), pytest.raises(DatabaseError):
        swept(journey.clock)

    assert are_idle(rows)
    assert journey.server.refreshes() == []
    assert SweepRun.objects.get().counts == {"not_sent": 3}
    assert swept(journey.clock).counts == {"refreshed": 3}


def test_a_failure_that_cannot_be_written_down_costs_no_answer(journey: Journey) -> None:
    refused, *rows = connect_many(journey.registration, journey.server, 3, clock=journey.clock)
    journey.server.revoke_grants(refused.account_label)

    def ending_fails(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("UPDATE") and NEEDS_REAUTHORIZATION in params:
            raise OperationalError("disk is full")
        return execute(sql, params, many, context)

    with around_statements(ending_fails):
        report = swept(journey.clock)

    assert report.counts == {"refreshed": 2, "uncertain": 1}
    assert are_in_step(rows, journey.server)


def test_a_record_that_does_not_fit_keeps_no_other_from_being_restored(
    journey: Journey, recovery_journal: Path
) -> None:
    poisoned, *rows = connect_many(journey.registration, journey.server, 3, clock=journey.clock)
    with sweeper(clock=journey.clock, point="answered", concurrency=3):
        pass
    (page,) = recovery_journal.glob("*.journal")
    records = [json.loads(line) for line in page.read_bytes().splitlines()]
    for record in records:
        if record["connection"] == poisoned.pk:
            record["fields"]["access_lifetime_seconds"] = -1
    page.write_text("".join(json.dumps(record) + "\n" for record in records))
    (recovery_journal / "unreadable.journal").mkdir()

    swept(journey.clock)

    assert versions([poisoned, *rows]) == [1, 2, 2]
    assert are_in_step(rows, journey.server)
    assert not page.exists()
