"""A lease fences: before its request, for as long as its call, in its answer, its failure and its release."""

import itertools
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from pytest_django import Settings

from integrations.flows import refresh, settle
from integrations.models import Connection
from integrations.oauth.errors import OAuthError, Remedy
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.registration import register_oauth2
from tests.flows.journey import Journey, fresh, kinds, stored_tokens
from tests.flows.leases import borrow, lease_to_somebody, not_at_all
from tests.flows.threads import started

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.requirement(67)
def test_the_lease_outlives_the_longest_call(settings: Settings) -> None:
    assert settings.HUB_LEASE_SECONDS > settings.HUB_HTTP_DEADLINE_SECONDS


@pytest.mark.requirement(67)
def test_a_lease_that_ran_out_before_its_request_is_free(journey: Journey) -> None:
    connection = journey.connect()
    journey.clock.advance(minutes=61)
    lease_to_somebody(connection, journey=journey, seconds=-1)

    assert journey.server.is_active(borrow(journey, connection))
    assert len(journey.server.refreshes()) == 1


@pytest.mark.requirement(65, 67)
def test_a_holder_stopped_before_its_request_finds_the_lease_gone_and_sends_nothing(journey: Journey) -> None:
    connection = journey.connect()
    journey.clock.advance(minutes=61)
    readings = itertools.count(1)

    def clock() -> datetime:
        if next(readings) == 2:
            journey.clock.advance(minutes=2)
            borrow(journey, connection)
        return journey.clock()

    refresh.refresh(connection.pk, clock=clock)

    assert len(journey.server.refreshes()) == 1
    assert journey.server.is_active(stored_tokens(connection).access_token)
    assert kinds(connection).count("refreshed") == 1


@pytest.mark.requirement(67)
def test_the_lease_runs_anew_from_the_moment_the_request_leaves(journey: Journey, settings: Settings) -> None:
    connection = journey.connect()
    journey.clock.advance(minutes=61)
    readings = itertools.count(1)
    gate = journey.server.misbehave("token", Behaviour.DELAY_BEFORE_PROCESSING)

    def clock() -> datetime:
        if next(readings) == 2:
            journey.clock.advance(seconds=settings.HUB_LEASE_SECONDS - 1)
        return journey.clock()

    with started(1, lambda: refresh.refresh(connection.pk, clock=clock)):
        gate.wait_for_arrival()
        lease_until = fresh(connection).lease_until
        gate.open()

    assert lease_until is not None
    assert lease_until - journey.clock() > timedelta(seconds=settings.HUB_HTTP_DEADLINE_SECONDS)


@pytest.mark.requirement(67)
def test_a_lease_is_given_back_by_nobody_but_its_holder(journey: Journey) -> None:
    connection = journey.connect()
    holder = lease_to_somebody(connection, journey=journey, seconds=30)

    settle.release(connection, lease_owner="somebody else")
    assert fresh(connection).lease_owner == holder
    settle.release(connection, lease_owner=holder)
    assert fresh(connection).lease_owner == ""


@pytest.mark.requirement(67)
def test_a_failure_that_comes_late_says_nothing_of_a_newer_token(journey: Journey) -> None:
    # Where reconnecting leaves the older grant alone, so that its refresh ends in what the provider then says.
    journey = replace(journey, registration=register_oauth2(journey.server))
    connection = journey.connect()
    journey.clock.advance(minutes=61)
    gate = journey.server.misbehave("token", Behaviour.DELAY_BEFORE_PROCESSING)

    with started(1, lambda: borrow(journey, connection)) as futures:
        gate.wait_for_arrival()
        journey.connect()
        journey.server.conduct.extra_token_members = {"token_type": "not what was asked for"}
        gate.open()

    assert futures[0].result() == stored_tokens(connection).access_token
    assert (fresh(connection).failure_count, fresh(connection).last_error_code) == (0, "")
    assert "refresh_failed" not in kinds(connection)


@pytest.mark.requirement(67, 75)
def test_a_holder_that_comes_back_late_never_overwrites_a_newer_token(journey: Journey) -> None:
    connection = journey.connect()
    journey.clock.advance(minutes=61)
    gate = journey.server.misbehave("token", Behaviour.DELAY_AFTER_PROCESSING)

    with started(1, lambda: borrow(journey, connection)) as futures:
        gate.wait_for_arrival()
        journey.clock.advance(minutes=2)
        journey.connect()
        newer = stored_tokens(connection)
        gate.open()

    assert futures[0].result() == newer.access_token
    assert stored_tokens(connection) == newer
    assert fresh(connection).status == Connection.Status.ACTIVE


@pytest.mark.requirement(67, 70)
def test_a_holder_that_comes_back_after_it_was_given_up_stores_what_only_it_has(journey: Journey) -> None:
    connection = journey.connect()
    journey.clock.advance(minutes=61)
    gate = journey.server.misbehave("token", Behaviour.DELAY_AFTER_PROCESSING)

    with started(1, lambda: borrow(journey, connection)) as futures:
        gate.wait_for_arrival()
        journey.clock.advance(minutes=10)
        with pytest.raises(OAuthError) as given_up:
            refresh.refresh(connection.pk, clock=journey.clock, pause=not_at_all)
        status = fresh(connection).status
        gate.open()

    assert (given_up.value.remedy, status) == (Remedy.REAUTHORIZE, Connection.Status.NEEDS_REAUTHORIZATION)
    assert journey.server.is_active(futures[0].result())
    assert borrow(journey, connection) == futures[0].result()
    assert "recovered" in kinds(connection)
