"""One refresh at a time, whatever the number of callers; and never without the lease."""

import threading

import pytest
from django.db import connections, transaction
from pytest_django import Settings

from integrations.flows import refresh
from integrations.models import Connection
from integrations.oauth.errors import OAuthError, Remedy
from tests.fakes.misbehaviour import Behaviour
from tests.flows.journey import Journey, fresh, kinds, stored_tokens
from tests.flows.leases import borrow, lease_to_somebody, not_at_all
from tests.flows.threads import in_threads, started

PATIENCE_SECONDS = 60
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.requirement(65)
def test_fifty_callers_of_an_expired_token_cost_one_refresh(journey: Journey) -> None:
    connection = journey.connect()
    journey.clock.advance(minutes=61)

    values = {future.result() for future in in_threads(50, lambda: borrow(journey, connection))}

    assert len(journey.server.refreshes()) == 1
    assert values == {stored_tokens(connection).access_token}
    assert journey.server.memory.reuses_detected == 0
    assert kinds(connection).count("refreshed") == 1


@pytest.mark.requirement(65)
def test_callers_wait_for_a_slow_token_endpoint(journey: Journey) -> None:
    connection = journey.connect()
    journey.clock.advance(minutes=61)
    gate = journey.server.misbehave("token", Behaviour.DELAY_AFTER_PROCESSING)

    with started(8, lambda: borrow(journey, connection)) as futures:
        gate.wait_for_arrival()
        assert not any(future.done() for future in futures)
        gate.open()

    assert {future.result() for future in futures} == {stored_tokens(connection).access_token}
    assert len(journey.server.refreshes()) == 1


@pytest.mark.requirement(65, 73)
def test_callers_of_a_token_that_still_works_do_not_wait(journey: Journey) -> None:
    connection = journey.connect()
    old = stored_tokens(connection).access_token
    journey.clock.advance(minutes=58)
    gate = journey.server.misbehave("token", Behaviour.DELAY_BEFORE_PROCESSING)

    with started(1, lambda: borrow(journey, connection)) as futures:
        gate.wait_for_arrival()
        refresh.refresh(connection.pk, clock=journey.clock, pause=not_at_all)
        assert borrow(journey, connection) == old
        gate.open()

    assert futures[0].result() == stored_tokens(connection).access_token


@pytest.mark.requirement(66)
def test_who_cannot_get_the_lease_is_told_to_come_back(journey: Journey, settings: Settings) -> None:
    settings.HUB_REFRESH_WAIT_SECONDS = 0.05
    connection = journey.connect()
    journey.clock.advance(minutes=61)
    lease_to_somebody(connection, journey=journey, seconds=30)

    with pytest.raises(OAuthError) as failure:
        borrow(journey, connection)

    assert failure.value.remedy is Remedy.RETRY
    assert journey.server.refreshes() == []


@pytest.mark.requirement(66)
def test_who_cannot_get_the_lease_uses_what_still_works(journey: Journey) -> None:
    connection = journey.connect()
    journey.clock.advance(minutes=58)
    lease_to_somebody(connection, journey=journey, seconds=30)

    assert borrow(journey, connection) == stored_tokens(connection).access_token
    assert journey.server.refreshes() == []


@pytest.mark.requirement(75)
def test_invalid_grant_is_not_final_when_the_token_was_replaced_meanwhile(journey: Journey) -> None:
    connection = journey.connect()
    journey.clock.advance(minutes=61)
    gate = journey.server.misbehave("token", Behaviour.DELAY_BEFORE_PROCESSING)

    with started(1, lambda: borrow(journey, connection)) as futures:
        gate.wait_for_arrival()
        journey.server.revoke_grants("alice")
        journey.connect()
        gate.open()

    assert futures[0].result() == stored_tokens(connection).access_token
    assert fresh(connection).status == Connection.Status.ACTIVE
    assert "needs_reauthorization" not in kinds(connection)


@pytest.mark.requirement(68)
def test_no_transaction_is_open_while_the_provider_thinks(journey: Journey) -> None:
    connection = journey.connect()
    journey.clock.advance(minutes=61)
    gate = journey.server.misbehave("token", Behaviour.DELAY_BEFORE_PROCESSING)
    database = connections["default"]

    with started(1, lambda: borrow(journey, connection)):
        gate.wait_for_arrival()
        with database.cursor() as cursor:
            if database.vendor == "sqlite":
                cursor.execute("PRAGMA busy_timeout = 0")
            with transaction.atomic():
                if database.vendor == "postgresql":
                    cursor.execute("SET LOCAL lock_timeout = '1ms'")
                Connection.objects.filter(pk=connection.pk).update(name="written meanwhile")
        gate.open()

    database.close()
    assert fresh(connection).name == "written meanwhile"


@pytest.mark.requirement(68)
def test_twenty_four_slow_providers_do_not_keep_others_from_the_database(journey: Journey) -> None:
    names = [f"account{number}" for number in range(24)]
    for name in names:
        journey.server.add_account(name)
    rows = [journey.connect(account=name) for name in names]
    journey.clock.advance(minutes=61)
    gate = journey.server.misbehave("token", Behaviour.DELAY_BEFORE_PROCESSING, times=24)
    waiting = iter(rows)

    with started(24, lambda: borrow(journey, next(waiting))) as futures:
        for _ in names:
            gate.wait_for_arrival()
        others = in_threads(4, Connection.objects.count)
        gate.open()

    assert [other.result() for other in others] == [24] * 4
    assert all(journey.server.is_active(future.result()) for future in futures)


class Enough(Exception):
    """Ends a wait."""


@pytest.mark.requirement(68)
def test_twenty_four_who_wait_for_anothers_refresh_do_not_keep_others_from_the_database(journey: Journey) -> None:
    connection = journey.connect()
    journey.clock.advance(minutes=61)
    lease_to_somebody(connection, journey=journey, seconds=30)
    all_wait, over = threading.Barrier(25), threading.Event()

    def pause(seconds: float) -> None:
        all_wait.wait(PATIENCE_SECONDS)
        over.wait(PATIENCE_SECONDS)
        raise Enough

    with started(24, lambda: refresh.refresh(connection.pk, clock=journey.clock, pause=pause)) as futures:
        all_wait.wait(PATIENCE_SECONDS)
        others = in_threads(4, Connection.objects.count)
        over.set()

    assert [other.result() for other in others] == [1] * 4
    assert {type(future.exception()) for future in futures} == {Enough}


@pytest.mark.requirement(31)
def test_two_callbacks_at_once_send_one_token_request(journey: Journey) -> None:
    pairs = journey.server.authorize(journey.begin())

    futures = in_threads(8, lambda: journey.complete(pairs))

    assert len(journey.server.requests("token")) == 1
    assert [future.exception() is None for future in futures].count(True) == 1
    assert Connection.objects.count() == 1


@pytest.mark.requirement(70)
def test_a_forced_refresh_does_not_repeat_what_somebody_else_just_did(journey: Journey) -> None:
    connection = journey.connect()

    refreshed = refresh.refresh(connection.pk, clock=journey.clock, seen_version=connection.version)
    again = refresh.refresh(connection.pk, clock=journey.clock, seen_version=connection.version)

    assert (refreshed.version, again.version) == (connection.version + 1, connection.version + 1)
    assert len(journey.server.refreshes()) == 1
