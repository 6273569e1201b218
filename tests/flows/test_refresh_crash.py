"""Workers that die and databases that fail around a refresh: no token is lost by us, none is sent twice."""

import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.db import connection as database
from pytest_django import Settings

from integrations import providers
from integrations.flows import access
from integrations.models import Connection
from integrations.oauth.errors import OAuthError, Remedy
from integrations.providers import get
from tests.fakes.misbehaviour import Behaviour
from tests.flows.journey import Journey, fresh, kinds, stored_tokens
from tests.flows.worker import worker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def short_waits(settings: Settings) -> None:
    settings.HUB_REFRESH_WAIT_SECONDS = 0.05


def borrow(journey: Journey, connection: Connection) -> str:
    return access.token(fresh(connection), clock=journey.clock).value


def expired(journey: Journey) -> Connection:
    connection = journey.connect()
    journey.clock.advance(minutes=61)
    return connection


def refusal(journey: Journey, connection: Connection) -> OAuthError:
    with pytest.raises(OAuthError) as failure:
        borrow(journey, connection)
    return failure.value


def after_the_lease(journey: Journey) -> None:
    journey.clock.advance(seconds=61)


@pytest.mark.requirement(70)
def test_a_worker_killed_before_its_request_costs_the_lease_and_no_more(journey: Journey) -> None:
    connection = expired(journey)
    with worker(connection, clock=journey.clock, point="claimed"):
        pass

    assert fresh(connection).lease_owner
    assert refusal(journey, connection).remedy is Remedy.RETRY
    after_the_lease(journey)

    assert journey.server.is_active(borrow(journey, connection))
    assert len(journey.server.refreshes()) == 1


@pytest.mark.requirement(69, 70)
def test_an_answer_that_was_not_committed_is_found_in_the_journal(journey: Journey, recovery_journal: Path) -> None:
    connection = expired(journey)
    with worker(connection, clock=journey.clock, point="answered"):
        pass

    assert fresh(connection).version == connection.version
    assert len(list(recovery_journal.iterdir())) == 1
    after_the_lease(journey)

    assert journey.server.is_active(borrow(journey, connection))
    assert len(journey.server.refreshes()) == 1
    assert journey.server.memory.reuses_detected == 0
    assert list(recovery_journal.iterdir()) == []


@pytest.mark.requirement(70)
def test_a_worker_killed_after_its_commit_costs_nothing(journey: Journey) -> None:
    connection = expired(journey)
    with worker(connection, clock=journey.clock, point="committed"):
        pass

    assert fresh(connection).lease_owner == ""
    assert journey.server.is_active(borrow(journey, connection))
    assert len(journey.server.refreshes()) == 1


@pytest.mark.requirement(70)
def test_an_answer_that_died_with_its_worker_ends_in_a_clear_reason_and_no_loop(journey: Journey) -> None:
    connection = expired(journey)
    gate = journey.server.misbehave("token", Behaviour.DELAY_AFTER_PROCESSING)
    with worker(connection, clock=journey.clock, point="borrowing") as process:
        gate.wait_for_arrival()
        process.kill()
    journey.server.behave()

    after_the_lease(journey)
    assert refusal(journey, connection).remedy is Remedy.RETRY
    journey.clock.advance(minutes=5)
    final = [refusal(journey, connection) for _ in range(3)]

    assert {error.remedy for error in final} == {Remedy.REAUTHORIZE}
    assert fresh(connection).status == Connection.Status.NEEDS_REAUTHORIZATION
    assert fresh(connection).last_error_code == "rotation_uncertain"
    assert kinds(connection).count("needs_reauthorization") == 1
    assert len(journey.server.refreshes()) == 1
    assert journey.server.memory.reuses_detected == 0


@pytest.mark.requirement(65, 67)
def test_a_worker_stopped_past_its_lease_still_stores_what_only_it_has(journey: Journey) -> None:
    connection = expired(journey)
    gate = journey.server.misbehave("token", Behaviour.DELAY_AFTER_PROCESSING)
    with worker(connection, clock=journey.clock, point="borrowing") as process:
        gate.wait_for_arrival()
        process.send_signal(signal.SIGSTOP)
        gate.open()
        after_the_lease(journey)
        assert refusal(journey, connection).remedy is Remedy.RETRY
        process.send_signal(signal.SIGCONT)

    assert journey.server.is_active(borrow(journey, connection))
    assert len(journey.server.refreshes()) == 1


@pytest.mark.requirement(67)
def test_a_worker_stopped_past_its_lease_never_overwrites_a_newer_token(journey: Journey) -> None:
    connection = expired(journey)
    gate = journey.server.misbehave("token", Behaviour.DELAY_AFTER_PROCESSING)
    with worker(connection, clock=journey.clock, point="borrowing") as process:
        gate.wait_for_arrival()
        process.send_signal(signal.SIGSTOP)
        gate.open()
        after_the_lease(journey)
        journey.connect()
        newer = stored_tokens(connection)
        process.send_signal(signal.SIGCONT)

    assert stored_tokens(connection) == newer
    assert borrow(journey, connection) == newer.access_token


LENIENT = pytest.mark.parametrize(
    "dialect", [{"refresh_token_rotates": False}, {"refresh_token_reuse_seconds": 600}], ids=["no rotation", "grace"]
)


def be_lenient(monkeypatch: pytest.MonkeyPatch, dialect: dict[str, Any]) -> None:
    server = get("sandbox").server
    lenient = replace(get("sandbox"), server=replace(server, dialect=replace(server.dialect, **dialect)))
    monkeypatch.setattr(providers, "PROVIDERS", {"sandbox": lenient})


@pytest.mark.requirement(70)
@LENIENT
def test_a_lost_answer_is_asked_for_again_where_that_ends_no_grant(
    journey: Journey, monkeypatch: pytest.MonkeyPatch, dialect: dict[str, Any]
) -> None:
    be_lenient(monkeypatch, dialect)
    connection = expired(journey)
    Connection.objects.update(lease_owner="vanished", lease_until=journey.clock(), refresh_sent=True)

    assert journey.server.is_active(borrow(journey, connection))
    assert len(journey.server.refreshes()) == 1


@pytest.mark.requirement(70)
@LENIENT
def test_an_answer_that_is_in_the_journal_is_not_asked_for_again(
    journey: Journey, monkeypatch: pytest.MonkeyPatch, dialect: dict[str, Any]
) -> None:
    be_lenient(monkeypatch, dialect)
    connection = expired(journey)
    with database.execute_wrapper(failing_writes("vaultentry", journey=journey)):
        refusal(journey, connection)
    after_the_lease(journey)

    assert journey.server.is_active(borrow(journey, connection))
    assert len(journey.server.refreshes()) == 1


@pytest.mark.requirement(69, 71)
@pytest.mark.parametrize("table", ["vaultentry", "connection", "event"])
def test_a_token_that_cannot_be_stored_is_not_handed_out_and_not_lost(journey: Journey, table: str) -> None:
    connection = expired(journey)

    with database.execute_wrapper(failing_writes(table, journey=journey)):
        error = refusal(journey, connection)

    assert (error.code, error.remedy) == ("rotation_uncertain", Remedy.RETRY)
    assert fresh(connection).version == connection.version
    assert refusal(journey, connection).remedy is Remedy.RETRY
    after_the_lease(journey)
    assert journey.server.is_active(borrow(journey, connection))
    assert len(journey.server.refreshes()) == 1
    assert stored_tokens(connection).refresh_token == journey.server.grants()[0].refresh_tokens[-1]


def failing_writes(table: str, *, journey: Journey) -> Callable[..., Any]:
    """Every write to a table fails once the provider was asked."""
    starts = tuple(f'{verb} "integrations_{table}"' for verb in ("INSERT INTO", "UPDATE"))

    def wrapper(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(starts) and journey.server.refreshes():
            raise OperationalError("disk is full")
        return execute(sql, params, many, context)

    return wrapper
