"""Providers that are down, slow or broken: what they cost a sweep, and that it is only theirs."""

import itertools
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from integrations import providers
from integrations.flows.sweep import SweepOptions, SweepReport, sweep
from integrations.models import ClientRegistration, Connection, Event
from integrations.providers import get
from tests.clock import Clock
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.registration import register_oidc, register_sandbox
from tests.flows.journey import Journey, fresh, kinds
from tests.flows.sweeping import are_idle, are_in_step, around_statements, connect_many, statuses, swept, versions
from tests.flows.threads import started

pytestmark = pytest.mark.django_db(transaction=True)

ACTIVE = Connection.Status.ACTIVE
FULL_LANE = 512
CLAIMED_AT_ONCE = 256


@pytest.fixture
def second(second_provider_server: FakeAuthorizationServer, transactional_db: None) -> ClientRegistration:
    """The registration at a provider without faults."""
    return register_sandbox(second_provider_server, slug="second")


@pytest.mark.requirement(73)
@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (Behaviour.DROP_BEFORE_PROCESSING, "connection_lost"),
        (Behaviour.SERVER_ERROR, "server_error"),
        (Behaviour.HTML, "unreadable_response"),
        (Behaviour.EMPTY_BAD_REQUEST, "unreadable_response"),
        (Behaviour.REDIRECT, "unexpected_redirect"),
        (Behaviour.TRUNCATED_JSON_AFTER_PROCESSING, "unreadable_response"),
        (Behaviour.WRONG_TYPES_AFTER_PROCESSING, "unreadable_response"),
    ],
)
def test_a_passing_failure_backs_off_and_ends_nothing(journey: Journey, behaviour: Behaviour, code: str) -> None:
    failed, *others = connect_many(journey.registration, journey.server, 3, clock=journey.clock)
    journey.server.misbehave("token", behaviour)

    report = swept(journey.clock, concurrency=1)

    assert report.counts == {"retry_later": 1, "refreshed": 2}
    assert not report.needs_operator
    row = fresh(failed)
    assert (row.status, row.failure_count, row.last_error_code) == (ACTIVE, 1, code)
    assert row.refresh_due_at > journey.clock()  # type: ignore[operator]
    assert kinds(failed) == ["refresh_failed"]
    assert are_idle([failed, *others])
    assert are_in_step(others, journey.server)
    assert swept(journey.clock).counts == {}


@pytest.mark.requirement(73)
def test_no_answer_in_time_is_a_passing_failure(journey: Journey, settings: Settings) -> None:
    settings.HUB_HTTP_DEADLINE_SECONDS = 0.2
    failed, other = connect_many(journey.registration, journey.server, 2, clock=journey.clock)
    journey.server.misbehave("token", Behaviour.DELAY_BEFORE_PROCESSING)

    report = swept(journey.clock, concurrency=1)

    assert report.counts == {"retry_later": 1, "refreshed": 1}
    assert (fresh(failed).status, fresh(failed).last_error_code) == (ACTIVE, "timeout")
    assert versions([other]) == [2]


@pytest.mark.requirement(73)
def test_a_provider_that_asks_for_a_moment_gets_it(journey: Journey) -> None:
    rows = connect_many(journey.registration, journey.server, 3, clock=journey.clock)
    journey.server.misbehave("token", Behaviour.RATE_LIMITED, retry_after="1")

    report = swept(journey.clock, concurrency=1)

    assert report.counts == {"retry_later": 1, "refreshed": 2}
    assert report.seconds >= 1
    assert fresh(rows[0]).last_error_code == "rate_limited"


@pytest.mark.requirement(73)
def test_a_provider_that_asks_for_an_hour_is_not_asked_again(journey: Journey) -> None:
    first, *others = connect_many(journey.registration, journey.server, 3, clock=journey.clock)
    journey.server.misbehave("token", Behaviour.RATE_LIMITED, retry_after="3600")

    report = swept(journey.clock, concurrency=1)

    assert report.counts == {"retry_later": 1, "not_sent": 2}
    assert fresh(first).refresh_due_at >= journey.clock() + timedelta(hours=1)  # type: ignore[operator]
    assert are_idle([first, *others])
    assert {fresh(row).failure_count for row in others} == {0}
    assert len(journey.server.refreshes()) == 1


@pytest.mark.requirement(73, 76)
@pytest.mark.parametrize("limit", [None, 40])
def test_a_provider_that_is_down_costs_few_calls_and_no_other_provider(
    journey: Journey, second: ClientRegistration, second_provider_server: FakeAuthorizationServer, limit: int | None
) -> None:
    down = connect_many(journey.registration, journey.server, 300, clock=journey.clock, due_in=-120)
    up = connect_many(second, second_provider_server, 10, clock=journey.clock)
    journey.server.misbehave("token", Behaviour.SERVER_ERROR, times=None)

    report = swept(journey.clock, concurrency=16, limit=limit)

    asked = len(journey.server.refreshes())
    assert 20 <= asked <= 40
    assert report.counts["retry_later"] == asked
    assert report.counts["refreshed"] == 10
    assert set(versions(up)) == {2}
    assert statuses(down) == {ACTIVE: 300}
    assert Connection.objects.filter(failure_count=0, registration=journey.registration).count() == 300 - asked
    assert are_idle([*down, *up])


@pytest.mark.requirement(68, 76)
@pytest.mark.parametrize("count", [FULL_LANE + 48, FULL_LANE * 2])
def test_a_provider_that_does_not_answer_keeps_no_other_waiting(
    journey: Journey, second: ClientRegistration, second_provider_server: FakeAuthorizationServer, count: int
) -> None:
    slow = connect_many(journey.registration, journey.server, count, clock=journey.clock, due_in=-120)
    quick = connect_many(second, second_provider_server, 8, clock=journey.clock)
    held = journey.server.misbehave("token", Behaviour.DELAY_BEFORE_PROCESSING, times=None)
    last_of_the_quick = second_provider_server.misbehave("token", Behaviour.DELAY_BEFORE_PROCESSING, times=None)

    with started(1, lambda: swept(journey.clock)) as futures:
        held.wait_for_arrival()
        for _ in quick:
            last_of_the_quick.wait_for_arrival(timeout_seconds=8)
        claimed = Connection.objects.exclude(lease_owner="").count()
        assert claimed < FULL_LANE * 2
        last_of_the_quick.open()
        journey.server.behave()

    assert futures[0].result().counts == {"refreshed": count + 8}
    assert set(versions([*slow, *quick])) == {2}


@pytest.mark.requirement(76)
def test_a_provider_is_asked_no_more_at_a_time_than_its_cap(
    journey: Journey, second: ClientRegistration, second_provider_server: FakeAuthorizationServer
) -> None:
    connect_many(journey.registration, journey.server, 9, clock=journey.clock, due_in=-120)
    connect_many(second, second_provider_server, 9, clock=journey.clock)
    journey.server.misbehave("token", Behaviour.DELAY_BEFORE_PROCESSING, times=None)
    others_done = threading.Event()

    def note(done: int, _total: int) -> None:
        if done == 9:
            others_done.set()

    def capped_sweep() -> SweepReport:
        return sweep(SweepOptions(concurrency=8, per_provider=3), clock=journey.clock, progress=note)

    with started(1, capped_sweep) as futures:
        assert others_done.wait(timeout=8)
        assert len(journey.server.refreshes()) == 3
        journey.server.behave()

    assert futures[0].result().counts == {"refreshed": 18}


@pytest.mark.requirement(68)
def test_a_provider_whose_keys_do_not_come_keeps_no_other_waiting(
    second_provider_server: FakeAuthorizationServer, provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    oidc = register_oidc(provider_server, clock=clock)
    by_name = register_sandbox(second_provider_server, slug="by-name")
    by_name.variables = {"origin": second_provider_server.origin.replace("127.0.0.1", "localhost")}
    by_name.save()
    signed_in = {"scope": "openid", "issuer": provider_server.origin}
    signed = connect_many(oidc, provider_server, CLAIMED_AT_ONCE, clock=clock, **signed_in, due_in=-120)
    quick = connect_many(by_name, second_provider_server, 1, clock=clock)
    keys = provider_server.misbehave("jwks", Behaviour.DELAY_BEFORE_PROCESSING, times=None)
    arrived = second_provider_server.misbehave("token", Behaviour.DELAY_BEFORE_PROCESSING)
    claims = itertools.count(1)

    def once_keys_are_waited_for(execute: Callable[..., Any], sql: str, *context: Any) -> Any:
        if sql.startswith("SELECT") and "LIMIT 256" in sql and next(claims) == 2:
            keys.wait_for_arrival()
        return execute(sql, *context)

    with around_statements(once_keys_are_waited_for), started(1, lambda: swept(clock)) as futures:
        arrived.wait_for_arrival(timeout_seconds=8)
        arrived.open()
        provider_server.behave()

    assert futures[0].result().counts == {"refreshed": CLAIMED_AT_ONCE + 1}
    assert set(versions([*signed, *quick])) == {2}


@pytest.mark.requirement(72)
def test_invalid_grant_ends_one_connection_with_one_event(journey: Journey) -> None:
    rows = connect_many(journey.registration, journey.server, 4, clock=journey.clock)
    ended = rows[2]
    journey.server.revoke_grants(ended.account_label)

    report = swept(journey.clock)
    again = swept(journey.clock, due_within=timedelta(days=1))

    assert report.counts == {"refreshed": 3, "needs_reauthorization": 1}
    assert not report.needs_operator
    assert again.counts == {}
    assert (fresh(ended).status, fresh(ended).refresh_due_at) == ("needs_reauthorization", None)
    assert kinds(ended) == ["needs_reauthorization"]
    assert statuses([row for row in rows if row is not ended]) == {ACTIVE: 3}
    assert len(journey.server.refreshes()) == 4


@pytest.mark.requirement(74)
@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client"])
def test_a_refused_registration_alarms_once_and_spares_its_connections(
    journey: Journey, second: ClientRegistration, second_provider_server: FakeAuthorizationServer, error: str
) -> None:
    refused = connect_many(journey.registration, journey.server, 30, clock=journey.clock, due_in=-120)
    sound = connect_many(second, second_provider_server, 3, clock=journey.clock)
    journey.server.misbehave("token", Behaviour.ERROR, error=error, times=None)

    report = swept(journey.clock, concurrency=4)

    asked = len(journey.server.refreshes())
    assert asked <= 4
    assert report.counts == {"needs_operator": asked, "not_sent": 30 - asked, "refreshed": 3}
    assert report.needs_operator
    assert statuses(refused) == {ACTIVE: 30}
    assert are_idle([*refused, *sound])
    alarms = Event.objects.filter(kind=Event.Kind.REGISTRATION_BROKEN)
    assert [(alarm.registration_id, alarm.details) for alarm in alarms] == [(journey.registration.pk, {"code": error})]
    assert Event.objects.filter(kind=Event.Kind.NEEDS_REAUTHORIZATION).count() == 0


def test_a_refused_request_speaks_for_itself_alone(journey: Journey) -> None:
    rows = connect_many(journey.registration, journey.server, 5, clock=journey.clock)
    journey.server.misbehave("token", Behaviour.ERROR, error="invalid_scope")

    report = swept(journey.clock, concurrency=1)

    assert report.counts == {"needs_operator": 1, "refreshed": 4}
    assert versions(rows) == [1, 2, 2, 2, 2]


def test_requests_that_are_refused_one_and_all_cost_few_calls(journey: Journey) -> None:
    connect_many(journey.registration, journey.server, 100, clock=journey.clock)
    journey.server.misbehave("token", Behaviour.ERROR, error="invalid_request", times=None)

    report = swept(journey.clock, concurrency=4)

    assert report.needs_operator
    assert report.counts["not_sent"] >= 75


@pytest.mark.requirement(37, 44)
@pytest.mark.parametrize(
    ("members", "outcome"),
    [
        ({"expires_in": 10**400}, "refreshed"),
        ({"expires_in": -1}, "refreshed"),
        ({"expires_in": {"in": [1]}, "scope": {"a": [1]}}, "refreshed"),
        ({"scope": "profile\x00", "account": "a\x00b\ud800", "expires_in": "\x00"}, "refreshed"),
        ({"junk": "x" * 2**21}, "retry_later"),
        ({"access_token": 7}, "retry_later"),
    ],
    ids=["endless", "over", "objects", "unstorable", "too large", "no token"],
)
def test_no_answer_stops_a_sweep(
    journey: Journey, monkeypatch: pytest.MonkeyPatch, members: dict[str, Any], outcome: str
) -> None:
    sandbox = get("sandbox")
    dialect = replace(sandbox.server.dialect, kept_paths={"account": "account"})
    monkeypatch.setattr(
        providers, "PROVIDERS", {"sandbox": replace(sandbox, server=replace(sandbox.server, dialect=dialect))}
    )
    rows = connect_many(journey.registration, journey.server, 3, clock=journey.clock)
    journey.server.conduct.extra_token_members = members

    report = swept(journey.clock)

    assert report.counts == {outcome: 3}
    assert statuses(rows) == {ACTIVE: 3}
    assert are_idle(rows)
