"""A sweep is not alone: other sweeps, callers in a hurry, people who disconnect."""

import itertools

import pytest
from django.db import connections

from integrations.flows import access, disconnect
from integrations.models import Connection, Event, PendingRevocation
from tests.factories import make_pending_revocation
from tests.fakes.misbehaviour import Behaviour
from tests.flows.journey import Journey, fresh, kinds, stored_tokens
from tests.flows.sweeping import are_idle, are_in_step, connect_many, swept, versions
from tests.flows.threads import in_threads, started
from tests.flows.worker import sweeper

pytestmark = pytest.mark.django_db(transaction=True)


def assert_each_was_refreshed_once(rows: list[Connection], journey: Journey) -> None:
    assert len(journey.server.refreshes()) == len(rows)
    assert journey.server.memory.reuses_detected == 0
    assert set(versions(rows)) == {2}
    assert Event.objects.filter(kind=Event.Kind.REFRESHED).count() == len(rows)
    assert are_idle(rows)
    assert are_in_step(rows, journey.server)


@pytest.mark.requirement(65)
def test_sweeps_in_threads_share_the_work(journey: Journey) -> None:
    rows = connect_many(journey.registration, journey.server, 150, clock=journey.clock)

    reports = [future.result() for future in in_threads(4, lambda: swept(journey.clock, concurrency=8))]

    assert sum(report.counts.get("refreshed", 0) for report in reports) == 150
    assert_each_was_refreshed_once(rows, journey)


@pytest.mark.requirement(65)
def test_sweeps_in_processes_share_the_work(journey: Journey) -> None:
    rows = connect_many(journey.registration, journey.server, 600, clock=journey.clock)
    gate = journey.server.misbehave("token", Behaviour.DELAY_BEFORE_PROCESSING, times=None)

    with sweeper(clock=journey.clock, concurrency=4) as one, sweeper(clock=journey.clock, concurrency=4) as other:
        # Each has 4 in flight: with 8 at the gate, both have claimed.
        for _ in range(8):
            gate.wait_for_arrival()
        journey.server.behave()

    assert (one.returncode, other.returncode) == (0, 0)
    assert_each_was_refreshed_once(rows, journey)


@pytest.mark.requirement(65, 67)
def test_callers_and_a_sweep_refresh_each_connection_once(journey: Journey) -> None:
    rows = connect_many(journey.registration, journey.server, 24, clock=journey.clock, due_in=-61)
    turns = itertools.count()

    def call() -> str:
        turn = next(turns)
        if turn == 0:
            return str(swept(journey.clock, concurrency=4).counts)
        return access.token(fresh(rows[turn % len(rows)]), clock=journey.clock).value

    futures = in_threads(1 + 2 * len(rows), call)

    values = {future.result() for future in futures} - {futures[0].result()}
    assert values == {stored_tokens(row).access_token for row in rows}
    assert_each_was_refreshed_once(rows, journey)


@pytest.mark.requirement(68)
def test_a_sweep_holds_no_row_while_providers_think(journey: Journey) -> None:
    rows = connect_many(journey.registration, journey.server, 8, clock=journey.clock)
    gate = journey.server.misbehave("token", Behaviour.DELAY_BEFORE_PROCESSING, times=None)
    database = connections["default"]

    with started(1, lambda: swept(journey.clock)):
        for _ in rows:
            gate.wait_for_arrival()
        with database.cursor() as cursor:
            cursor.execute(
                "PRAGMA busy_timeout = 0" if database.vendor == "sqlite" else "SET SESSION lock_timeout = '1ms'"
            )
        Connection.objects.update(name="written meanwhile")
        if database.vendor != "sqlite":
            with database.cursor() as cursor:
                cursor.execute("RESET lock_timeout")
        journey.server.behave()

    database.close()
    assert {fresh(row).name for row in rows} == {"written meanwhile"}
    assert set(versions(rows)) == {2}


@pytest.mark.requirement(107)
def test_a_connection_that_is_ended_in_flight_stays_ended_and_its_late_token_is_revoked(journey: Journey) -> None:
    ended, other = connect_many(journey.registration, journey.server, 2, clock=journey.clock)
    gate = journey.server.misbehave("token", Behaviour.DELAY_AFTER_PROCESSING, times=None)

    with started(1, lambda: swept(journey.clock)) as futures:
        gate.wait_for_arrival()
        gate.wait_for_arrival()
        disconnect.disconnect(fresh(ended), actor="alice", now=journey.clock())
        journey.server.forget_requests()
        journey.server.behave()

    assert futures[0].result().counts == {"moved_on": 1, "refreshed": 1}
    assert fresh(ended).status == Connection.Status.REVOKED
    assert not hasattr(Connection.objects.get(pk=ended.pk), "vault_entry")
    assert "refreshed" not in kinds(ended)
    late = journey.server.grants(ended.account_label)[0].refresh_tokens[-1]
    assert late in [request.form["token"] for request in journey.server.requests("revoke")]
    assert not PendingRevocation.objects.exists()
    assert are_in_step([other], journey.server)


@pytest.mark.requirement(107)
def test_a_late_token_that_cannot_be_revoked_yet_is_revoked_by_a_later_sweep(journey: Journey) -> None:
    (ended,) = connect_many(journey.registration, journey.server, 1, clock=journey.clock)
    gate = journey.server.misbehave("token", Behaviour.DELAY_AFTER_PROCESSING)

    with started(1, lambda: swept(journey.clock)):
        gate.wait_for_arrival()
        journey.server.misbehave("revoke", Behaviour.UNAVAILABLE, times=None)
        disconnect.disconnect(fresh(ended), actor="alice", now=journey.clock())
        gate.open()

    assert fresh(ended).status == Connection.Status.REVOKING
    assert PendingRevocation.objects.count() == 2
    journey.server.behave()
    journey.clock.advance(hours=2)
    swept(journey.clock)

    assert fresh(ended).status == Connection.Status.REVOKED
    assert not PendingRevocation.objects.exists()


@pytest.mark.requirement(105)
def test_what_providers_could_not_be_told_is_tried_again_at_the_end(journey: Journey) -> None:
    ended, later = connect_many(journey.registration, journey.server, 2, clock=journey.clock)
    tokens = [stored_tokens(row) for row in (ended, later)]
    Connection.objects.update(status=Connection.Status.REVOKING, refresh_due_at=None)
    make_pending_revocation(connection=ended, tokens=tokens[0], now=journey.clock())
    make_pending_revocation(connection=later, tokens=tokens[1], now=journey.clock(), due_in=60)

    swept(journey.clock)

    assert fresh(ended).status == Connection.Status.REVOKED
    assert fresh(later).status == Connection.Status.REVOKING
    assert [journey.server.is_active(token.refresh_token or "") for token in tokens] == [False, True]
