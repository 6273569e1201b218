"""Workers are killed, the broker forgets, the database stops: no token is lost, none is used twice.

FLEET_SEED chooses what is killed when; a failure tells it.
"""

import os
import random
import signal
from pathlib import Path

import pytest

from bench.fleet import wait_for
from tests.real.fleet import CHILDREN, IN_FLIGHT, Fleet, fleet_marks, out_of_step, running_fleet

pytestmark = fleet_marks
SEED = int(os.environ.get("FLEET_SEED", "20310304"))
COUNT = 2000
MEANWHILE = 500
DELAY_SECONDS = 0.1
#: What a sweep logs whose answers the database did not take.
KEPT = "refreshed tokens are in the recovery journal"


def kill_worker(fleet: Fleet, chance: random.Random) -> int:
    """A machine loses power, and comes back; how many requests nobody may have heard the end of."""
    victim = chance.choice(fleet.workers)
    victim.kill()
    victim.start()
    return CHILDREN * IN_FLIGHT


def kill_child(fleet: Fleet, chance: random.Random) -> int:
    """The system runs out of memory, say; the worker goes on with a new child."""
    children = [child for program in fleet.workers for child in program.children()]
    if not children:
        return 0
    try:
        os.kill(chance.choice(children), signal.SIGKILL)
    except ProcessLookupError:
        return 0
    return IN_FLIGHT


def restart_broker(fleet: Fleet, chance: random.Random) -> int:
    """All that was queued is gone."""
    fleet.broker.kill()
    fleet.broker.start()
    return 0


def kill_beat(fleet: Fleet, chance: random.Random) -> int:
    fleet.beat.kill()
    fleet.beat.start()
    return 0


INCIDENTS = (kill_worker, kill_worker, kill_worker, kill_child, kill_child, restart_broker, kill_beat)


@pytest.mark.requirement(65, 67, 69, 70, 71)
def test_two_thousand_connections_survive_whatever_is_killed_meanwhile(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    incidents = chance.sample(INCIDENTS, len(INCIDENTS))
    moments = sorted(chance.sample(range(COUNT // 20, COUNT * 3 // 4), len(incidents)))
    lost_at_most = 0

    with running_fleet(tmp_path, connections=COUNT, workers=2, delay_seconds=DELAY_SECONDS) as fleet:
        for moment, incident in zip(moments, incidents, strict=True):
            fleet.wait_until_refreshed(moment)
            lost_at_most += incident(fleet, chance)
        fleet.wait_until_settled()
        fleet.beat.stop()
        assert [program.stop() for program in fleet.workers] == [0, 0]
        held = fleet.settle()
        statistics = fleet.provider.statistics()
        lost = out_of_step(held, fleet.provider)
        said_by_database = fleet.database.log.read_text(errors="replace")

    where = f"seed {SEED}, {[incident.__name__ for incident in incidents]} at {moments}"
    working = [row for row in held if row["status"] == "active"]
    others = [row for row in held if row["status"] != "active"]
    assert len(held) == COUNT
    assert statistics["reuses"] == 0, where
    assert {row["generation"] for row in working} == {1}, where
    assert lost <= {row["family"] for row in others}, where
    assert {(row["status"], row["code"]) for row in others} <= {("needs_reauthorization", "rotation_uncertain")}, where
    assert {row["generation"] for row in others} <= {0}
    assert len(others) <= lost_at_most < COUNT / 5, where
    assert {tuple(row["events"]) for row in working} == {("refreshed",)}, where
    assert {tuple(row["events"]) for row in others} <= {("needs_reauthorization",)}, where
    assert "protocol" not in said_by_database


@pytest.mark.requirement(69, 70)
def test_a_database_that_stops_in_the_middle_loses_no_token(tmp_path: Path) -> None:
    with running_fleet(tmp_path, connections=MEANWHILE, workers=1, delay_seconds=DELAY_SECONDS) as fleet:
        fleet.wait_until_refreshed(MEANWHILE // 4)
        fleet.database.stop()
        wait_for(lambda: KEPT in fleet.workers[0].said(), what="nothing was kept:", said=fleet.said)
        fleet.database.start()
        fleet.wait_until_settled()
        fleet.beat.stop()
        assert [program.stop() for program in fleet.workers] == [0]
        held = fleet.settle()
        statistics = fleet.provider.statistics()
        lost = out_of_step(held, fleet.provider)

    assert statistics["reuses"] == 0
    assert lost == set()
    assert len(held) == MEANWHILE
    assert sum(row["generation"] for row in held) == statistics["refreshes"] >= MEANWHILE - CHILDREN * IN_FLIGHT
    assert {row["code"] for row in held} <= {"", "rotation_uncertain"}
    assert all(row["status"] == "active" for row in held if row["generation"] == 1)
    assert list((tmp_path / "var" / "recovery").glob("*.journal")) == []


@pytest.mark.requirement(67)
def test_a_worker_that_is_told_to_stop_finishes_what_it_sent_and_gives_back_the_rest(tmp_path: Path) -> None:
    with running_fleet(
        tmp_path, connections=MEANWHILE, workers=1, delay_seconds=5 * DELAY_SECONDS, HUB_SLICE_SECONDS="600"
    ) as fleet:
        (program,) = fleet.workers
        fleet.wait_until_refreshed(MEANWHILE // 10)
        code = program.stop()
        leases = fleet.database.ask("SELECT count(*) FROM integrations_connection WHERE lease_owner <> ''")
        stored = fleet.database.ask("SELECT count(*) FROM integrations_connection WHERE version = 2")
        refreshed = fleet.refreshed()

    assert code == 0
    assert leases == 0
    assert stored == refreshed < MEANWHILE
