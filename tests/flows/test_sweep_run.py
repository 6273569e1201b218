"""A run is written down truthfully: while it lasts, how it ended, and that it was killed."""

import time

import pytest

from integrations.flows import sweep_loop, sweep_run
from integrations.flows.sweep import SweepOptions, sweep
from integrations.flows.sweep_outcome import Outcome, Result, Tally
from integrations.models import SweepRun
from tests.fakes.misbehaviour import Behaviour
from tests.flows.journey import Journey
from tests.flows.sweeping import connect_many, swept
from tests.flows.threads import started
from tests.flows.worker import sweeper

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_SECONDS = 60


def tally(count: int) -> Tally:
    made = Tally()
    made.add([Result(provider="sandbox", outcome=Outcome.REFRESHED)] * count)
    return made


def test_a_run_tells_who_swept_what_and_that_it_is_complete(journey: Journey) -> None:
    connect_many(journey.registration, journey.server, 2, clock=journey.clock)

    swept(journey.clock, provider="sandbox")

    run = SweepRun.objects.get()
    assert (run.ended, run.provider, run.counts) == ("complete", "sandbox", {"refreshed": 2})
    assert run.worker.rpartition(":")[2].isdigit()
    assert run.finished_at == run.seen_at == journey.clock()


def test_workers_write_a_run_each(journey: Journey) -> None:
    connect_many(journey.registration, journey.server, 20, clock=journey.clock)

    with sweeper(clock=journey.clock) as one, sweeper(clock=journey.clock) as other:
        pass

    assert (one.returncode, other.returncode) == (0, 0)
    runs = SweepRun.objects.all()
    assert len({run.worker for run in runs}) == 2
    assert sum(run.counts.get("refreshed", 0) for run in runs) == 20


@pytest.mark.requirement(70)
def test_a_killed_run_is_called_interrupted_by_a_later_one(journey: Journey) -> None:
    connect_many(journey.registration, journey.server, 3, clock=journey.clock)
    with sweeper(clock=journey.clock, point="claimed"):
        pass
    journey.clock.advance(seconds=90)
    swept(journey.clock)
    assert [run.ended for run in SweepRun.objects.order_by("pk")] == ["", "complete"]

    journey.clock.advance(minutes=5)
    swept(journey.clock)

    killed = SweepRun.objects.order_by("pk")[0]
    assert killed.ended == "interrupted"
    assert killed.finished_at == killed.seen_at == killed.started_at
    assert not SweepRun.objects.under_way().exists()


def test_how_far_a_run_is_can_be_seen_while_it_lasts(journey: Journey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_loop, "NOTED_EVERY_SECONDS", 0.05)
    connect_many(journey.registration, journey.server, 5, clock=journey.clock)
    journey.server.misbehave("token", Behaviour.AS_GIVEN, times=2)
    gate = journey.server.misbehave("token", Behaviour.DELAY_BEFORE_PROCESSING, times=None)

    with started(1, lambda: swept(journey.clock, concurrency=1)):
        gate.wait_for_arrival(PATIENCE_SECONDS)
        until = time.monotonic() + PATIENCE_SECONDS
        while sum(SweepRun.objects.get().counts.values()) < 2:
            assert time.monotonic() < until, "no progress was written down"
        (run,) = SweepRun.objects.under_way()
        assert (run.ended, run.finished_at) == ("", None)
        journey.server.behave()

    assert SweepRun.objects.get().ended == "complete"


def test_a_run_that_seemed_dead_tells_the_truth_when_it_comes_back(journey: Journey) -> None:
    run = sweep_run.begin(provider="", now=journey.clock())
    sweep_run.begin(provider="", now=journey.clock.advance(minutes=5))
    assert SweepRun.objects.get(pk=run.pk).ended == "interrupted"

    sweep_run.note(run, tally(3), now=journey.clock())
    seen = SweepRun.objects.get(pk=run.pk)
    assert (seen.ended, seen.finished_at, seen.counts) == ("", None, {"refreshed": 3})
    sweep_run.end(run, tally(4), ending=SweepRun.Ending.COMPLETE, now=journey.clock())
    sweep_run.note(run, tally(3), now=journey.clock())

    assert (SweepRun.objects.get(pk=run.pk).ended, SweepRun.objects.get(pk=run.pk).counts) == (
        "complete",
        {"refreshed": 4},
    )


def test_a_run_that_was_stopped_or_failed_says_so(journey: Journey) -> None:
    connect_many(journey.registration, journey.server, 3, clock=journey.clock)

    def fail() -> bool:
        raise BrokenPipeError

    sweep(SweepOptions(), clock=journey.clock, stop=lambda: True)
    with pytest.raises(BrokenPipeError):
        sweep(SweepOptions(), clock=journey.clock, stop=fail)

    assert [run.ended for run in SweepRun.objects.order_by("pk")] == ["stopped", "failed"]
