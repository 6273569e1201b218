"""A sweep that is told to stop, or that its caller trips up: what is in flight is finished, the rest is left."""

import signal

import pytest

from integrations.flows.sweep import SweepOptions, sweep
from integrations.models import Connection, PendingRevocation, SweepRun
from tests.factories import make_pending_revocation
from tests.fakes.misbehaviour import Behaviour
from tests.flows.journey import Journey, stored_tokens
from tests.flows.sweeping import are_idle, are_in_step, connect_many, statuses, swept, versions
from tests.flows.threads import started
from tests.flows.worker import sweeper

pytestmark = pytest.mark.django_db(transaction=True)


def test_stop_finishes_what_is_in_flight_and_gives_the_rest_back(journey: Journey) -> None:
    rows = connect_many(journey.registration, journey.server, 20, clock=journey.clock)
    gate = journey.server.misbehave("token", Behaviour.DELAY_AFTER_PROCESSING, times=None)
    told_to: list[bool] = []

    def stopped_sweep() -> dict[str, int]:
        return sweep(SweepOptions(concurrency=4), clock=journey.clock, stop=lambda: bool(told_to)).counts

    with started(1, stopped_sweep) as futures:
        for _ in range(4):
            gate.wait_for_arrival()
        told_to.append(True)
        journey.server.behave()

    assert futures[0].result() == {"refreshed": 4, "not_sent": 16}
    assert versions(rows) == [2] * 4 + [1] * 16
    assert are_in_step(rows, journey.server)
    assert are_idle(rows)
    assert SweepRun.objects.get().finished_at is not None
    assert swept(journey.clock).counts == {"refreshed": 16}


def test_ctrl_c_finishes_what_is_in_flight_and_gives_the_rest_back(journey: Journey) -> None:
    rows = connect_many(journey.registration, journey.server, 20, clock=journey.clock)
    gate = journey.server.misbehave("token", Behaviour.DELAY_AFTER_PROCESSING, times=None)

    with sweeper(clock=journey.clock, concurrency=4) as process:
        for _ in range(4):
            gate.wait_for_arrival()
        process.send_signal(signal.SIGINT)
        journey.server.behave()

    assert process.returncode == 0
    assert SweepRun.objects.get().counts == {"refreshed": 4, "not_sent": 16}
    assert versions(rows) == [2] * 4 + [1] * 16
    assert are_in_step(rows, journey.server)
    assert are_idle(rows)


def test_progress_that_fails_costs_no_answer(journey: Journey) -> None:
    rows = connect_many(journey.registration, journey.server, 20, clock=journey.clock)
    gate = journey.server.misbehave("token", Behaviour.DELAY_AFTER_PROCESSING, times=None)
    told_to: list[bool] = []

    def fail(_done: int, _total: int) -> None:
        raise BrokenPipeError

    def tripped_sweep() -> None:
        with pytest.raises(BrokenPipeError):
            sweep(SweepOptions(concurrency=4), clock=journey.clock, progress=fail, stop=lambda: bool(told_to))

    with started(1, tripped_sweep) as futures:
        for _ in range(4):
            gate.wait_for_arrival()
        told_to.append(True)
        journey.server.behave()

    futures[0].result()
    assert versions(rows) == [2] * 4 + [1] * 16
    assert are_in_step(rows, journey.server)
    assert are_idle(rows)
    assert SweepRun.objects.get().counts == {"refreshed": 4, "not_sent": 16}


def test_a_stop_that_fails_costs_no_answer(journey: Journey) -> None:
    rows = connect_many(journey.registration, journey.server, 20, clock=journey.clock)

    def fail_in_the_middle() -> bool:
        if journey.server.refreshes():
            raise BrokenPipeError
        return False

    with pytest.raises(BrokenPipeError):
        sweep(SweepOptions(concurrency=4), clock=journey.clock, stop=fail_in_the_middle)

    assert are_idle(rows)
    assert are_in_step(rows, journey.server)
    assert SweepRun.objects.get().finished_at is not None


def test_a_sweep_that_is_stopped_leaves_older_disconnections_to_the_next(journey: Journey) -> None:
    rows = connect_many(journey.registration, journey.server, 3, clock=journey.clock)
    for row in rows:
        make_pending_revocation(connection=row, tokens=stored_tokens(row), now=journey.clock())
    Connection.objects.update(status=Connection.Status.REVOKING, refresh_due_at=None)
    heard = journey.server.requests

    sweep(SweepOptions(), clock=journey.clock, stop=lambda: bool(heard("revoke")))

    assert PendingRevocation.objects.filter(attempts=0).count() == 2
    swept(journey.clock)
    assert statuses(rows) == {Connection.Status.REVOKED: 3}
