"""A sweep refreshes what is due, and only that."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from integrations import providers
from integrations.flows.sweep import SweepOptions, sweep
from integrations.models import Connection, Event, SweepRun, VaultEntry
from integrations.providers import get
from tests.factories import make_user
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.registration import register_oauth2, register_sandbox
from tests.flows.journey import Journey, fresh, kinds, stored_tokens
from tests.flows.sweeping import are_idle, are_in_step, connect_many, swept, versions

pytestmark = pytest.mark.django_db(transaction=True)


def as_it_is(rows: list[Connection]) -> list[dict[str, Any]]:
    return [dict(row) for row in Connection.objects.filter(pk__in=[row.pk for row in rows]).order_by("pk").values()]


@pytest.mark.requirement(76)
def test_a_sweep_refreshes_what_is_due_and_leaves_the_rest(journey: Journey) -> None:
    server, clock = journey.server, journey.clock
    due = connect_many(journey.registration, server, 3, clock=clock, due_in=0)
    later = connect_many(journey.registration, server, 2, clock=clock, due_in=1)
    before = as_it_is(later)

    report = swept(clock)

    assert (report.counts, report.due, report.needs_operator) == ({"refreshed": 3}, 3, False)
    assert report.by_provider == {"sandbox": {"refreshed": 3}}
    assert are_in_step(due, server)
    assert are_idle(due)
    assert len({fresh(connection).refresh_due_at for connection in due}) == 3
    for connection in due:
        assert server.is_active(stored_tokens(connection).access_token)
        assert fresh(connection).refresh_due_at > clock() + timedelta(minutes=50)  # type: ignore[operator]
        assert kinds(connection) == ["refreshed"]
    assert as_it_is(later) == before
    assert len(server.refreshes()) == 3


def test_a_run_is_written_down(journey: Journey) -> None:
    connect_many(journey.registration, journey.server, 2, clock=journey.clock)

    swept(journey.clock)
    swept(journey.clock)

    second, first = SweepRun.objects.order_by("-pk")
    assert (first.counts, first.by_provider) == ({"refreshed": 2}, {"sandbox": {"refreshed": 2}})
    assert (second.counts, second.by_provider) == ({}, {})
    assert first.started_at == first.finished_at == journey.clock()


@pytest.mark.requirement(76)
def test_what_falls_due_within_a_time_is_taken_with_it(journey: Journey) -> None:
    clock = journey.clock
    backing_off: dict[str, Any] = {"failure_count": 1, "last_error_code": "server_error"}
    soon = connect_many(journey.registration, journey.server, 1, clock=clock, due_in=600)
    after = connect_many(journey.registration, journey.server, 1, clock=clock, due_in=601)
    waiting = connect_many(journey.registration, journey.server, 1, clock=clock, due_in=30, **backing_off)
    untouched = as_it_is([*after, *waiting])

    report = swept(clock, due_within=timedelta(minutes=10))

    assert report.counts == {"refreshed": 1}
    assert versions(soon) == [2]
    assert as_it_is([*after, *waiting]) == untouched


def test_a_token_that_lives_shorter_than_the_horizon_is_refreshed_once_a_sweep(journey: Journey) -> None:
    journey.server.conduct.expires_in = 60
    # More than are claimed before the first is stored.
    rows = connect_many(journey.registration, journey.server, 600, clock=journey.clock)

    report = swept(journey.clock, due_within=timedelta(hours=1), concurrency=1)

    assert report.counts == {"refreshed": 600}
    assert set(versions(rows)) == {2}


def test_a_provider_can_be_swept_alone(journey: Journey, second_provider_server: FakeAuthorizationServer) -> None:
    other = register_oauth2(second_provider_server)
    left = connect_many(journey.registration, journey.server, 2, clock=journey.clock)
    taken = connect_many(other, second_provider_server, 2, clock=journey.clock)
    before = as_it_is(left)

    report = swept(journey.clock, provider="oauth2")

    assert report.by_provider == {"oauth2": {"refreshed": 2}}
    assert versions(taken) == [2, 2]
    assert as_it_is(left) == before


@pytest.mark.parametrize("limit", [1, 256, 257])
def test_a_limit_is_exact_and_takes_the_longest_due_first(journey: Journey, limit: int) -> None:
    older = connect_many(journey.registration, journey.server, limit, clock=journey.clock, due_in=-120)
    newer = connect_many(journey.registration, journey.server, 2, clock=journey.clock, due_in=-60)

    report = swept(journey.clock, limit=limit)

    assert report.counts == {"refreshed": limit}
    assert set(versions(older)) == {2}
    assert versions(newer) == [1, 1]
    assert are_idle(newer)


def test_what_cannot_be_sent_does_not_use_up_a_limit(
    journey: Journey, second_provider_server: FakeAuthorizationServer
) -> None:
    broken = register_sandbox(second_provider_server, slug="gone")
    left = connect_many(broken, second_provider_server, 2, clock=journey.clock, due_in=-120)
    taken = connect_many(journey.registration, journey.server, 2, clock=journey.clock)
    broken.provider = "no-longer-in-the-catalogue"
    broken.save()

    swept(journey.clock, limit=2)

    assert versions(left) == [1, 1]
    assert versions(taken) == [2, 2]


def test_a_dry_run_changes_nothing_and_asks_nobody(journey: Journey) -> None:
    rows = connect_many(journey.registration, journey.server, 3, clock=journey.clock)
    before = as_it_is(rows)

    report = swept(journey.clock, dry_run=True)

    assert (report.due, report.counts) == (3, {"due": 3})
    assert swept(journey.clock, dry_run=True, limit=2).due == 2
    assert as_it_is(rows) == before
    assert journey.server.requests("token") == []
    assert not SweepRun.objects.exists()


@pytest.mark.requirement(26, 80)
@pytest.mark.parametrize("within", [timedelta(), timedelta(days=365)], ids=["due", "kept alive"])
def test_what_is_over_or_switched_off_is_never_asked_for(
    journey: Journey, second_provider_server: FakeAuthorizationServer, within: timedelta
) -> None:
    clock, server = journey.clock, journey.server
    disabled = register_sandbox(second_provider_server, slug="disabled")
    disabled.enabled = False
    disabled.save()
    rows = [
        *connect_many(disabled, second_provider_server, 1, clock=clock),
        *connect_many(journey.registration, server, 1, clock=clock, owner=make_user(is_active=False)),
        *connect_many(journey.registration, server, 1, clock=clock, status=Connection.Status.REVOKED),
        *connect_many(journey.registration, server, 1, clock=clock, status=Connection.Status.NEEDS_REAUTHORIZATION),
    ]
    before = as_it_is(rows)

    report = swept(clock, due_within=within)

    assert (report.counts, report.due) == ({}, 0)
    assert as_it_is(rows) == before
    assert [*server.refreshes(), *second_provider_server.refreshes()] == []


@pytest.mark.requirement(80)
def test_an_idle_connection_is_kept_alive_where_idle_ones_die(
    journey: Journey, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = get("sandbox")
    dialect = replace(sandbox.server.dialect, keepalive_days=10)
    mortal = replace(sandbox, server=replace(sandbox.server, dialect=dialect))
    monkeypatch.setattr(providers, "PROVIDERS", {"sandbox": mortal})
    journey.server.conduct.expires_in = None
    connection = journey.connect()

    journey.clock.advance(days=6)
    assert swept(journey.clock).counts == {}
    journey.clock.advance(days=3)
    assert swept(journey.clock).counts == {"refreshed": 1}
    assert are_in_step_with_alice(journey, connection)


def are_in_step_with_alice(journey: Journey, connection: Connection) -> bool:
    return stored_tokens(connection).refresh_token == journey.server.grants()[0].refresh_tokens[-1]


@pytest.mark.requirement(79)
def test_what_cannot_be_renewed_is_said_to_need_its_owner(journey: Journey) -> None:
    journey.server.conduct.issue_refresh_token = False
    connection = journey.connect()
    journey.clock.advance(minutes=61)

    report = swept(journey.clock)

    assert report.counts == {"needs_reauthorization": 1}
    assert fresh(connection).status == Connection.Status.NEEDS_REAUTHORIZATION
    assert kinds(connection).count("needs_reauthorization") == 1
    assert swept(journey.clock).counts == {}
    assert journey.server.refreshes() == []


@pytest.mark.requirement(93)
def test_a_broken_seal_ends_its_own_connection_and_no_other(journey: Journey) -> None:
    swapped, lent, sound = connect_many(journey.registration, journey.server, 3, clock=journey.clock)
    foreign = VaultEntry.objects.get(connection=lent).sealed
    VaultEntry.objects.filter(connection=swapped).update(sealed=foreign)

    report = swept(journey.clock)

    assert report.counts == {"needs_reauthorization": 1, "refreshed": 2}
    assert fresh(swapped).status == Connection.Status.NEEDS_REAUTHORIZATION
    assert kinds(swapped) == ["seal_broken"]
    assert versions([lent, sound]) == [2, 2]
    assert len(journey.server.refreshes()) == 2


def test_registrations_that_cannot_be_used_keep_nothing_from_the_others(
    journey: Journey, second_provider_server: FakeAuthorizationServer
) -> None:
    clock, server = journey.clock, second_provider_server
    gone, garbled = register_sandbox(server, slug="gone"), register_sandbox(server, slug="garbled")
    sound = connect_many(journey.registration, journey.server, 1, clock=clock)
    vanished: dict[str, Any] = {"lease_owner": "vanished", "lease_until": clock(), "refresh_sent": True}
    broken = [
        *connect_many(gone, server, 2, clock=clock, due_in=-120),
        *connect_many(gone, server, 1, clock=clock, due_in=-120, **vanished),
        *connect_many(garbled, server, 2, clock=clock, due_in=-120),
        *connect_many(garbled, server, 1, clock=clock, due_in=-120, **vanished),
    ]
    gone.provider, garbled.variables = "no-longer-in-the-catalogue", {"origin": 5}
    gone.save()
    garbled.save()

    report = swept(clock)

    assert report.counts == {"refreshed": 1, "needs_operator": 6}
    assert report.needs_operator
    assert versions(sound) == [2]
    assert set(versions(broken)) == {1}
    alarms = Event.objects.filter(kind="registration_broken")
    assert set(alarms.values_list("registration__slug", flat=True)) == {"gone", "garbled"}
    assert alarms.count() == 2
    assert server.refreshes() == []


def test_progress_is_told_up_to_the_whole(journey: Journey) -> None:
    connect_many(journey.registration, journey.server, 3, clock=journey.clock)
    told: list[tuple[int, int]] = []

    sweep(SweepOptions(), clock=journey.clock, progress=lambda done, total: told.append((done, total)))

    assert told[-1] == (3, 3)
    assert {total for _, total in told} == {3}
