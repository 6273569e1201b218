"""Refreshes, waits, calls and sweeps are counted where they happen."""

from pathlib import Path
from typing import Any

import pytest

from integrations.flows import access, disconnect, refresh
from integrations.measures.gather import gather
from integrations.models import Connection
from integrations.oauth.errors import OAuthError
from tests.clock import Clock
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.receiver import Receiver
from tests.flows.hooking import send
from tests.flows.journaling import left_in_journal
from tests.flows.journey import Journey, fresh
from tests.flows.leases import borrow, lease_to_somebody
from tests.flows.sweeping import connect_many, swept
from tests.flows.threads import started
from tests.lending import make_webhook_delivery, make_webhook_endpoint

pytestmark = pytest.mark.django_db(transaction=True)


def counted(folder: Path, name: str) -> dict[tuple[str, ...], float]:
    """What is counted under a name, by labels; a histogram's values by its labels alone."""
    found: dict[tuple[str, ...], float] = {}
    for (key, *labels), value in gather(folder).counts.items():
        if key == name and "sum" not in labels:
            place = tuple(labels[:-1] if name.endswith("_seconds") else labels)
            found[place] = found.get(place, 0) + value
    return found


def refreshed(journey: Journey, connection: Connection, **options: Any) -> None:
    refresh.refresh(connection.pk, clock=journey.clock, force=True, **options)


@pytest.mark.requirement(157)
def test_a_refresh_is_counted_by_provider_and_outcome(journey: Journey, counting: Path) -> None:
    connection = journey.connect()

    refreshed(journey, connection)

    assert counted(counting, "hub_refreshes") == {("sandbox", "refreshed"): 1}
    assert counted(counting, "hub_refresh_failures") == {}
    calls = counted(counting, "hub_token_endpoint_seconds")
    assert calls == {("sandbox", "authorization_code"): 1, ("sandbox", "refresh_token"): 1}


@pytest.mark.requirement(157)
@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("invalid_grant", "needs_reauthorization"),
        ("server_error", "retry_later"),
        ("invalid_client", "needs_operator"),
    ],
)
def test_a_failed_refresh_is_counted_with_its_reason(
    journey: Journey, counting: Path, error: str, outcome: str
) -> None:
    connection = journey.connect()
    journey.server.misbehave("token", Behaviour.ERROR, error=error)

    with pytest.raises(OAuthError):
        refreshed(journey, connection)

    assert counted(counting, "hub_refreshes") == {("sandbox", outcome): 1}
    assert counted(counting, "hub_refresh_failures") == {("sandbox", error): 1}


@pytest.mark.requirement(157)
@pytest.mark.parametrize("behaviour", [Behaviour.DELAY_AFTER_PROCESSING, Behaviour.DELAY_BEFORE_PROCESSING])
def test_an_answer_for_a_connection_that_moved_on_is_no_success_and_no_failure_of_it(
    journey: Journey, counting: Path, behaviour: Behaviour
) -> None:
    """After processing it brings tokens; before it, the provider refuses what was revoked meanwhile."""
    connection = journey.connect()
    journey.clock.advance(minutes=61)
    gate = journey.server.misbehave("token", behaviour)

    with started(1, lambda: borrow(journey, connection)) as futures:
        gate.wait_for_arrival()
        disconnect.disconnect(fresh(connection), actor="tester", now=journey.clock())
        gate.open()

    assert isinstance(futures[0].exception(), OAuthError)
    assert counted(counting, "hub_refreshes") == {("sandbox", "moved_on"): 1}


@pytest.mark.requirement(157)
def test_an_answer_that_could_not_be_stored_is_counted_as_lying_in_the_journal(
    journey: Journey, counting: Path
) -> None:
    left_in_journal(journey, journey.connect())

    assert counted(counting, "hub_refreshes") == {("sandbox", "in_journal"): 1}
    assert counted(counting, "hub_refresh_failures") == {("sandbox", "rotation_uncertain"): 1}


@pytest.mark.requirement(157)
def test_a_sweep_counts_what_it_asked_for_and_itself(journey: Journey, counting: Path) -> None:
    connect_many(journey.registration, journey.server, 3, clock=journey.clock)
    journey.server.misbehave("token", Behaviour.ERROR, error="invalid_grant")

    swept(journey.clock)

    assert counted(counting, "hub_refreshes") == {("sandbox", "refreshed"): 2, ("sandbox", "needs_reauthorization"): 1}
    assert counted(counting, "hub_refresh_failures") == {("sandbox", "invalid_grant"): 1}
    assert counted(counting, "hub_token_endpoint_seconds") == {("sandbox", "refresh_token"): 3}
    assert counted(counting, "hub_sweeps") == {("done",): 1}
    assert counted(counting, "hub_sweep_seconds") == {(): 1}


@pytest.mark.requirement(157)
def test_waiting_for_somebody_elses_refresh_is_counted_once(journey: Journey, counting: Path) -> None:
    connection = journey.connect()
    journey.clock.advance(minutes=61)
    lease_to_somebody(connection, journey=journey, seconds=2)
    waits: list[float] = []

    def pause(seconds: float) -> None:
        waits.append(seconds)
        journey.clock.advance(seconds=1)

    refresh.refresh(connection.pk, clock=journey.clock, pause=pause)

    assert len(waits) > 1
    assert counted(counting, "hub_lease_wait_seconds") == {(): 1}


def test_who_does_not_wait_is_not_counted_as_waiting(journey: Journey, counting: Path) -> None:
    refreshed(journey, journey.connect())

    assert counted(counting, "hub_lease_wait_seconds") == {}


def test_borrowing_and_calling_are_counted_by_who_calls(journey: Journey, counting: Path) -> None:
    connection = journey.connect("notes.read")
    url = f"{journey.server.origin}/sandbox/api/notes"

    borrow(journey, connection)
    with access.session(fresh(connection), clock=journey.clock) as session:
        session.get(url)
    access.call(fresh(connection), access.Call(method="GET", path=url), clock=journey.clock)

    assert counted(counting, "hub_borrows") == {("sandbox",): 3}
    calls = counted(counting, "hub_api_calls")
    assert {(by, status): count for (_, by, status), count in calls.items()} == {
        ("program", "2xx"): 1,
        ("console", "2xx"): 1,
    }


def test_attempts_to_tell_an_application_are_counted_by_how_they_ended(
    receiver: Receiver, clock: Clock, counting: Path
) -> None:
    endpoint = make_webhook_endpoint(url=receiver.url)
    receiver.answer(500)
    make_webhook_delivery(endpoint)
    send(clock)
    clock.advance(seconds=10)
    send(clock)

    assert counted(counting, "hub_webhook_attempts") == {("refused",): 1, ("delivered",): 1}
