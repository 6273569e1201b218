"""Requests a minute are capped per provider, over all workers; a storm is spread."""

import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from integrations import providers
from integrations.flows import access
from integrations.flows.schedule import refresh_due_at
from integrations.flows.sweep import SweepOptions, sweep
from integrations.models import ClientRegistration, Connection, ProviderStanding
from integrations.providers import get
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.registration import register_sandbox
from tests.flows.journey import Journey, fresh
from tests.flows.sweeping import are_idle, are_in_step, connect_many, swept, versions
from tests.flows.threads import in_threads, started

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_SECONDS = 60


def cap(registration: ClientRegistration, per_minute: int) -> None:
    """As an operator does."""
    registration.token_requests_per_minute = per_minute
    registration.save()


@pytest.mark.requirement(76)
def test_a_capped_provider_is_asked_no_faster(journey: Journey) -> None:
    cap(journey.registration, 3000)
    rows = connect_many(journey.registration, journey.server, 51, clock=journey.clock)

    report = swept(journey.clock)

    assert report.counts == {"refreshed": 51}
    assert report.seconds >= 1
    assert are_in_step(rows, journey.server)


@pytest.mark.requirement(76)
def test_the_catalogues_cap_holds_where_an_operator_set_none(journey: Journey, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = get("sandbox")
    dialect = replace(sandbox.server.dialect, token_requests_per_minute=3000)
    slow = replace(sandbox, server=replace(sandbox.server, dialect=dialect))
    monkeypatch.setattr(providers, "PROVIDERS", {"sandbox": slow})
    connect_many(journey.registration, journey.server, 51, clock=journey.clock)

    assert swept(journey.clock).seconds >= 1


@pytest.mark.requirement(76)
def test_workers_share_a_cap(journey: Journey) -> None:
    cap(journey.registration, 3000)
    rows = connect_many(journey.registration, journey.server, 75, clock=journey.clock)
    began = time.monotonic()

    reports = [future.result() for future in in_threads(3, lambda: swept(journey.clock, limit=25))]

    assert time.monotonic() - began >= 74 / 50
    assert [report.counts for report in reports] == [{"refreshed": 25}] * 3
    assert set(versions(rows)) == {2}
    assert journey.server.memory.reuses_detected == 0


@pytest.mark.requirement(76)
def test_a_capped_provider_keeps_no_other_waiting(
    journey: Journey, second: ClientRegistration, second_provider_server: FakeAuthorizationServer
) -> None:
    cap(journey.registration, 60)
    capped = connect_many(journey.registration, journey.server, 40, clock=journey.clock, due_in=-120)
    free = connect_many(second, second_provider_server, 8, clock=journey.clock)
    gate = second_provider_server.misbehave("token", Behaviour.DELAY_BEFORE_PROCESSING, times=None)
    told_to: list[bool] = []

    with started(1, lambda: swept_until(journey, told_to)) as futures:
        for _ in free:
            gate.wait_for_arrival(PATIENCE_SECONDS)
        assert few_are_leased(capped)
        second_provider_server.behave()
        told_to.append(True)

    assert futures[0].result().get("refreshed", 0) >= 8
    assert set(versions(free)) == {2}
    assert are_idle([*capped, *free])


def swept_until(journey: Journey, told_to: list[bool]) -> dict[str, int]:

    return sweep(SweepOptions(), clock=journey.clock, stop=lambda: bool(told_to)).counts


def few_are_leased(rows: list[Connection]) -> bool:
    """Whether what cannot leave in time is given back: a lease must not run out in a queue."""
    until = time.monotonic() + PATIENCE_SECONDS
    leased = Connection.objects.filter(pk__in=[row.pk for row in rows]).exclude(lease_owner="")
    while time.monotonic() < until:
        if leased.count() <= 16:
            return True
    return False


@pytest.fixture
def second(second_provider_server: FakeAuthorizationServer, transactional_db: None) -> ClientRegistration:
    """The registration at a provider without a cap."""
    return register_sandbox(second_provider_server, slug="second")


@pytest.mark.requirement(76)
def test_a_caller_is_counted_and_not_kept_waiting(journey: Journey) -> None:
    cap(journey.registration, 1)
    rows = connect_many(journey.registration, journey.server, 3, clock=journey.clock, due_in=-61)

    for row in rows:
        access.token(fresh(row), clock=journey.clock)

    assert len(journey.server.refreshes()) == 3
    assert ProviderStanding.objects.get().next_request_at == journey.clock() + timedelta(minutes=3)


@pytest.mark.requirement(76)
def test_ten_thousand_that_end_in_the_same_second_fall_due_over_minutes(journey: Journey) -> None:
    moments = Counter(
        refresh_due_at(
            sent_at=journey.clock(), expires_in=3600, has_refresh_token=True, keepalive_days=0, seed=str(number)
        ).replace(microsecond=0)  # type: ignore[union-attr]
        for number in range(10_000)
    )

    assert len(moments) >= 150
    assert max(moments.values()) <= 120


@pytest.mark.requirement(76)
def test_a_storm_is_capped_while_it_lasts_and_spread_afterwards(journey: Journey) -> None:
    rows = connect_many(journey.registration, journey.server, 800, clock=journey.clock)
    gate = journey.server.misbehave("token", Behaviour.DELAY_BEFORE_PROCESSING, times=None)

    with started(2, lambda: swept(journey.clock, per_provider=10)) as futures:
        for _ in range(20):
            gate.wait_for_arrival(PATIENCE_SECONDS)
        assert len(journey.server.refreshes()) == 20
        journey.server.behave()

    assert sum(future.result().counts["refreshed"] for future in futures) == 800
    due = Counter(Connection.objects.values_list("refresh_due_at", flat=True))
    # Drawn at random, to the microsecond: two may be the same once in many runs.
    assert len(due) >= len(rows) - 2
    seconds = Counter(moment.replace(microsecond=0) for moment in due if moment)
    assert max(seconds.values()) <= 30
