"""Disconnecting everything: wiped here at once, providers told for a bounded time, resumable, one event each."""

from datetime import timedelta

import pytest

from integrations.flows import disconnect, disconnect_all
from integrations.flows.disconnect_all import Progress
from integrations.models import AuthorizationRequest, Connection, Event, PendingRevocation, VaultEntry
from integrations.oauth.errors import OAuthError
from tests.factories import make_connection, make_registration
from tests.fakes.misbehaviour import Behaviour
from tests.flows.journey import Journey, fresh, kinds
from tests.flows.stumbling import Died, dying_when

NAMES = ("alice", "bob", "carol")


def end_all(journey: Journey, *, seconds: float = 5) -> int:
    return disconnect_all.disconnect_all(
        journey.user.pk, actor="tester", clock=journey.clock, budget=timedelta(seconds=seconds)
    )


def progress(journey: Journey, *, since: int = 0) -> Progress:
    return disconnect_all.progress(journey.user.pk, since=since)


def told(kind: Event.Kind) -> int:
    return Event.objects.filter(kind=kind).count()


@pytest.mark.requirement(105)
def test_everything_is_wiped_here_and_revoked_there(journey: Journey) -> None:
    rows = [journey.connect(account=name) for name in NAMES]
    others = make_connection(registration=journey.registration)

    assert end_all(journey) == 3

    assert {fresh(row).status for row in rows} == {Connection.Status.REVOKED}
    assert all(grant.revoked for name in NAMES for grant in journey.server.grants(name))
    assert fresh(others).status == Connection.Status.ACTIVE
    assert list(VaultEntry.objects.values_list("pk", flat=True)) == [others.pk]
    assert progress(journey).confirmed == {row.pk for row in rows}


@pytest.mark.requirement(105, 106)
def test_all_is_wiped_although_no_provider_answers_and_twice_is_once(journey: Journey) -> None:
    for name in NAMES:
        journey.connect(account=name)
    journey.server.misbehave("revoke", Behaviour.SERVER_ERROR, times=None)

    assert [end_all(journey), end_all(journey)] == [3, 0]

    assert not VaultEntry.objects.exists()
    assert PendingRevocation.objects.count() == 3
    assert told(Event.Kind.DISCONNECTED) == 3


@pytest.mark.requirement(108)
def test_a_stop_half_way_is_gone_on_from_with_one_event_each(journey: Journey) -> None:
    count = disconnect_all.BATCH + 5
    rows = [make_connection(owner=journey.user, registration=journey.registration) for _ in range(count)]

    with dying_when(lambda sql, params: "vaultentry" in sql and rows[-1].pk in params), pytest.raises(Died):  # type: ignore[operator]
        end_all(journey)
    stopped = told(Event.Kind.DISCONNECTED)
    end_all(journey)

    assert stopped == disconnect_all.BATCH
    assert told(Event.Kind.DISCONNECTED) == count
    assert not VaultEntry.objects.exists()
    assert not PendingRevocation.objects.exists()


@pytest.mark.requirement(24)
def test_attempts_under_way_are_void_at_every_provider(journey: Journey) -> None:
    pairs = journey.server.authorize(journey.begin())
    make_connection(owner=journey.user, sealed=False)

    end_all(journey)

    assert not AuthorizationRequest.objects.exists()
    with pytest.raises(OAuthError, match="attempt_unknown"):
        journey.complete(pairs)


def test_providers_are_told_for_a_bounded_time_and_the_rest_later(journey: Journey) -> None:
    rows = [journey.connect(account=name) for name in NAMES]

    end_all(journey, seconds=0)
    waiting = progress(journey)
    journey.clock.advance(minutes=1)
    disconnect.retry_revocations(now=journey.clock(), limit=1)
    half_way = progress(journey)
    disconnect_all.tell_providers(journey.user.pk, clock=journey.clock)

    assert waiting.waiting == {row.pk for row in rows}
    assert (len(half_way.confirmed), len(half_way.waiting)) == (1, 2)
    assert len(progress(journey).confirmed) == 3


def test_only_what_is_this_persons_is_told(journey: Journey) -> None:
    journey.connect()
    end_all(journey, seconds=0)

    assert disconnect_all.tell_providers(journey.user.pk + 1, clock=journey.clock) == 0
    assert disconnect_all.tell_providers(journey.user.pk, clock=journey.clock) == 1


def test_progress_counts_from_a_mark_and_tells_what_needs_a_visit(journey: Journey) -> None:
    journey.connect(account="bob")
    end_all(journey)
    mark = disconnect_all.newest_event(journey.user.pk)
    silent = make_registration(provider="spotify", variables={})
    to_visit = make_connection(owner=journey.user, registration=silent)
    again = journey.connect(account="carol")
    end_all(journey)
    journey.connect(account="carol")

    found = progress(journey, since=mark)

    assert fresh(again).status == Connection.Status.ACTIVE
    assert found.to_visit == {to_visit.pk}
    assert (found.total, len(found.waiting)) == (1, 0)


def test_what_was_given_up_needs_a_visit(journey: Journey) -> None:
    connection = journey.connect()
    journey.server.misbehave("revoke", Behaviour.SERVER_ERROR, times=None)
    end_all(journey)
    journey.clock.advance(days=8)
    disconnect.retry_revocations(now=journey.clock())

    assert kinds(connection)[-1] == Event.Kind.REVOCATION_FAILED
    assert progress(journey).to_visit == {connection.pk}
    assert disconnect_all.next_attempt_at(journey.user.pk) is None
