"""Pauses and open circuits outlive a sweep: other sweeps, other workers and callers in a hurry heed them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from integrations import vault
from integrations.flows import access, refresh
from integrations.flows.errors import ConnectionUnusable
from integrations.flows.standing_of_providers import left_alone
from integrations.models import ClientRegistration, Connection, ProviderStanding, SweepRun
from integrations.oauth.errors import ProviderUnavailable
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.registration import register_sandbox
from tests.flows.journey import Journey, fresh, stored_tokens
from tests.flows.sweeping import are_idle, are_in_step, connect_many, swept, versions
from tests.flows.threads import started

pytestmark = pytest.mark.django_db(transaction=True)

STOPS_AFTER = 20


@pytest.fixture
def second(second_provider_server: FakeAuthorizationServer, transactional_db: None) -> ClientRegistration:
    """The registration at a provider without faults."""
    return register_sandbox(second_provider_server, slug="second")


def break_down(journey: Journey, count: int = 60) -> list[Connection]:
    """A sweep that finds the provider down; its connections."""
    rows = connect_many(journey.registration, journey.server, count, clock=journey.clock)
    journey.server.misbehave("token", Behaviour.SERVER_ERROR, times=None)
    swept(journey.clock, concurrency=4)
    assert STOPS_AFTER <= len(journey.server.refreshes()) <= STOPS_AFTER + 4
    journey.server.forget_requests()
    return rows


def asked(server: FakeAuthorizationServer) -> int:
    return len(server.refreshes())


@pytest.mark.requirement(73, 76)
def test_the_next_sweep_does_not_ask_a_provider_that_was_down(
    journey: Journey, second: ClientRegistration, second_provider_server: FakeAuthorizationServer
) -> None:
    down = break_down(journey)
    up = connect_many(second, second_provider_server, 3, clock=journey.clock)
    journey.clock.advance(seconds=10)

    report = swept(journey.clock)

    assert report.counts == {"refreshed": 3}
    assert asked(journey.server) == 0
    assert are_idle([*down, *up])
    circuits = SweepRun.objects.order_by("-pk")[0].circuits
    assert {endpoint: (c["state"], c["code"]) for endpoint, c in circuits.items()} == {
        journey.server.origin.removeprefix("http://"): ("open", "server_error")
    }


@pytest.mark.requirement(73, 76)
def test_one_request_shows_that_a_provider_is_still_down(journey: Journey) -> None:
    break_down(journey)
    journey.clock.advance(seconds=40)

    report = swept(journey.clock)

    assert asked(journey.server) == 1
    assert report.counts["retry_later"] == 1
    row = ProviderStanding.objects.get()
    assert (row.openings, row.state(now=journey.clock())) == (2, "open")
    assert row.until is not None
    assert row.until - journey.clock() >= timedelta(seconds=60)


@pytest.mark.requirement(73, 76)
def test_a_provider_that_answers_again_gets_the_rest_in_the_same_sweep(journey: Journey) -> None:
    rows = break_down(journey)
    journey.server.behave()
    journey.clock.advance(hours=1)

    report = swept(journey.clock)

    assert report.counts == {"refreshed": len(rows)}
    assert are_in_step(rows, journey.server)
    assert left_alone(now=journey.clock()) == []
    assert SweepRun.objects.order_by("-pk")[0].circuits == {}


@pytest.mark.requirement(73, 76)
def test_of_two_sweeps_one_tries_the_provider_with_one_request(journey: Journey) -> None:
    rows = break_down(journey)
    journey.server.behave()
    gate = journey.server.misbehave("token", Behaviour.DELAY_BEFORE_PROCESSING, times=None)
    journey.clock.advance(hours=1)

    with started(1, lambda: swept(journey.clock)) as first:
        gate.wait_for_arrival()
        other = swept(journey.clock)
        assert asked(journey.server) == 1
        journey.server.behave()

    assert other.counts.get("refreshed", 0) == 0
    assert first[0].result().counts["refreshed"] + other.counts.get("not_sent", 0) >= len(rows)
    assert journey.server.memory.reuses_detected == 0


@pytest.mark.requirement(73)
def test_a_pause_that_a_sweep_was_asked_for_keeps_callers_back(journey: Journey) -> None:
    valid, expired, swept_one = (
        *connect_many(journey.registration, journey.server, 1, clock=journey.clock, due_in=-30, expires_in=600),
        *connect_many(journey.registration, journey.server, 1, clock=journey.clock, due_in=-29, expires_in=-1),
        *connect_many(journey.registration, journey.server, 1, clock=journey.clock, due_in=-60),
    )
    journey.server.misbehave("token", Behaviour.RATE_LIMITED, retry_after="100")
    swept(journey.clock, limit=1)
    assert fresh(swept_one).last_error_code == "rate_limited"
    journey.server.forget_requests()

    assert access.token(fresh(valid), clock=journey.clock).value == stored_tokens(valid).access_token
    with pytest.raises(ProviderUnavailable) as told:
        access.token(fresh(expired), clock=journey.clock)

    assert told.value.retry_after == 100
    assert told.value.code == "rate_limited"
    with pytest.raises(ProviderUnavailable):
        refresh.refresh(expired.pk, clock=journey.clock, force=True)
    assert asked(journey.server) == 0
    assert are_idle([valid, expired])
    journey.clock.advance(seconds=100)
    assert access.token(fresh(expired), clock=journey.clock).value == stored_tokens(expired).access_token


@pytest.mark.requirement(73)
def test_a_pause_that_a_caller_was_asked_for_keeps_sweeps_back(
    journey: Journey, second: ClientRegistration, second_provider_server: FakeAuthorizationServer
) -> None:
    caller, *others = connect_many(journey.registration, journey.server, 5, clock=journey.clock, due_in=-61)
    up = connect_many(second, second_provider_server, 2, clock=journey.clock)
    journey.server.misbehave("token", Behaviour.RATE_LIMITED, retry_after="3600")
    with pytest.raises(ProviderUnavailable):
        access.token(fresh(caller), clock=journey.clock)

    report = swept(journey.clock)

    assert report.counts == {"refreshed": 2}
    assert asked(journey.server) == 1
    assert versions([*others, *up]) == [1, 1, 1, 1, 2, 2]
    journey.clock.advance(hours=2)
    swept(journey.clock)
    assert versions([caller, *others]) == [2] * 5


@pytest.mark.requirement(73)
def test_a_caller_tries_a_provider_that_was_down_for_the_others(journey: Journey) -> None:
    rows = break_down(journey)
    first, second = [row for row in rows if fresh(row).failure_count == 0][:2]
    Connection.objects.update(access_expires_at=journey.clock())
    journey.clock.advance(seconds=5)
    with pytest.raises(ProviderUnavailable) as told:
        access.token(fresh(first), clock=journey.clock)
    assert told.value.retry_after
    assert asked(journey.server) == 0

    journey.clock.advance(seconds=40)
    journey.server.behave()
    gate = journey.server.misbehave("token", Behaviour.DELAY_BEFORE_PROCESSING)
    with started(1, lambda: access.token(fresh(first), clock=journey.clock)) as futures:
        gate.wait_for_arrival()
        with pytest.raises(ProviderUnavailable):
            access.token(fresh(second), clock=journey.clock)
        gate.open()

    assert futures[0].result().value == stored_tokens(first).access_token
    assert access.token(fresh(second), clock=journey.clock).value == stored_tokens(second).access_token
    assert asked(journey.server) == 2


@pytest.mark.requirement(73)
def test_who_must_know_asks_a_provider_that_was_down(journey: Journey) -> None:
    (row, *_) = break_down(journey)
    journey.server.behave()

    assert refresh.refresh(row.pk, clock=journey.clock, force=True).version == 2


@pytest.mark.requirement(73)
def test_an_answer_to_who_had_to_know_lets_all_others_ask_again(journey: Journey) -> None:
    rows = break_down(journey)
    with pytest.raises(ProviderUnavailable):
        refresh.refresh(rows[0].pk, clock=journey.clock, force=True)
    (still,) = left_alone(now=journey.clock())
    assert (still.state, still.openings) == ("open", 1)
    journey.server.behave()

    refresh.refresh(rows[0].pk, clock=journey.clock, force=True)

    assert left_alone(now=journey.clock()) == []
    assert access.token(fresh(rows[-1]), clock=journey.clock).value


@pytest.mark.requirement(72, 73)
def test_people_who_withdrew_their_grants_do_not_open_a_circuit(journey: Journey) -> None:
    rows = connect_many(journey.registration, journey.server, STOPS_AFTER + 10, clock=journey.clock)
    for row in rows:
        journey.server.revoke_grants(row.account_label)

    report = swept(journey.clock)

    assert report.counts == {"needs_reauthorization": len(rows)}
    assert not ProviderStanding.objects.exists()


@pytest.mark.requirement(73, 76)
@pytest.mark.parametrize("error", ["invalid_scope", "invalid_client", "invalid_grant"])
def test_an_answer_that_refuses_one_request_shows_that_a_provider_works(journey: Journey, error: str) -> None:
    break_down(journey)
    journey.server.behave()
    journey.clock.advance(hours=1)
    journey.server.misbehave("token", Behaviour.ERROR, error=error)

    swept(journey.clock, limit=1)

    assert asked(journey.server) == 1
    assert left_alone(now=journey.clock()) == []


@pytest.mark.requirement(73)
def test_a_caller_that_sends_nothing_leaves_the_try_to_others(journey: Journey) -> None:
    """Its connection has no refresh token, say, and it asks again and again."""
    first, second = break_down(journey)[:2]
    tokens = replace(stored_tokens(first), refresh_token=None)
    vault.store(fresh(first), tokens)
    Connection.objects.update(access_expires_at=journey.clock(), failure_count=0, refresh_due_at=journey.clock())
    journey.clock.advance(seconds=40)
    journey.server.behave()

    with pytest.raises(ConnectionUnusable):
        access.token(fresh(first), clock=journey.clock)

    assert asked(journey.server) == 0
    assert access.token(fresh(second), clock=journey.clock).value == stored_tokens(second).access_token
