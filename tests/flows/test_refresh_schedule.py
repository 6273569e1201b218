"""When a token is refreshed before it is used: margin, jitter, unknown lifetimes, clocks that jump."""

from datetime import timedelta

import pytest

from integrations.flows import access, refresh
from integrations.flows.schedule import refresh_due_at
from integrations.models import Connection
from integrations.oauth.errors import OAuthError
from tests.factories import make_connection, make_registration, make_user
from tests.fakes.misbehaviour import Behaviour
from tests.flows.journey import Journey, fresh, stored_tokens
from tests.flows.threads import started


def borrow(journey: Journey, connection: Connection) -> str:
    return access.token(fresh(connection), clock=journey.clock).value


@pytest.mark.requirement(76)
@pytest.mark.parametrize(
    ("expires_in", "seconds_left", "refreshed"),
    [(3600, 451, False), (3600, 299, True), (100, 16, False), (100, 9, True), (86400, 299, True)],
)
def test_a_token_is_refreshed_within_its_margin_and_not_before(
    journey: Journey, expires_in: int, seconds_left: int, refreshed: bool
) -> None:
    journey.server.conduct.expires_in = expires_in
    connection = journey.connect()
    journey.clock.advance(seconds=expires_in - seconds_left)

    borrow(journey, connection)

    assert bool(journey.server.refreshes()) is refreshed


@pytest.mark.requirement(76)
def test_tokens_that_expire_together_fall_due_apart(journey: Journey) -> None:
    moments = {
        refresh_due_at(
            sent_at=journey.clock(), expires_in=3600, has_refresh_token=True, keepalive_days=0, seed=str(number)
        )
        for number in range(1000)
    }

    spread = max(filter(None, moments)) - min(filter(None, moments))
    assert len(moments) > 990
    assert spread > timedelta(minutes=2)


@pytest.mark.requirement(76)
def test_connections_made_or_refreshed_in_one_second_fall_due_apart(journey: Journey) -> None:
    connections = [journey.connect(account=name) for name in ("alice", "bob", "carol")]
    made = {fresh(connection).refresh_due_at for connection in connections}
    journey.clock.advance(minutes=61)
    for connection in connections:
        borrow(journey, connection)
    refreshed = {fresh(connection).refresh_due_at for connection in connections}

    assert (len(made), len(refreshed)) == (3, 3)


@pytest.mark.requirement(79)
def test_a_token_of_unknown_lifetime_is_used_until_it_is_refused(journey: Journey) -> None:
    journey.server.conduct.expires_in = None
    connection = journey.connect()
    journey.clock.advance(days=365)

    assert borrow(journey, connection) == stored_tokens(connection).access_token
    assert journey.server.refreshes() == []


@pytest.mark.requirement(79)
def test_an_expired_token_that_cannot_be_refreshed_asks_the_person(journey: Journey) -> None:
    journey.server.conduct.issue_refresh_token = False
    connection = journey.connect()
    journey.clock.advance(minutes=59)
    assert borrow(journey, connection)

    journey.clock.advance(minutes=2)
    with pytest.raises(OAuthError, match="needs_reauthorization"):
        borrow(journey, connection)

    assert fresh(connection).status == Connection.Status.NEEDS_REAUTHORIZATION
    assert journey.server.refreshes() == []


@pytest.mark.requirement(79)
def test_a_good_token_that_cannot_be_refreshed_is_not_ended_by_whoever_tries(journey: Journey) -> None:
    journey.server.conduct.issue_refresh_token = False
    connection = journey.connect()

    with pytest.raises(OAuthError, match="no_refresh_token"):
        refresh.refresh(connection.pk, clock=journey.clock, force=True)

    assert fresh(connection).status == Connection.Status.ACTIVE
    assert borrow(journey, connection)


@pytest.mark.requirement(79)
def test_a_token_that_cannot_be_refreshed_falls_due_when_it_ends_for_a_sweep_to_tell(journey: Journey) -> None:
    journey.server.conduct.issue_refresh_token = False
    connection = journey.connect()

    assert not Connection.objects.due(now=journey.clock.advance(minutes=59)).exists()
    assert Connection.objects.due(now=journey.clock.advance(minutes=2)).get() == connection


@pytest.mark.requirement(80)
def test_an_idle_refresh_token_is_used_before_it_dies(journey: Journey) -> None:
    due = refresh_due_at(
        sent_at=journey.clock(), expires_in=None, has_refresh_token=True, keepalive_days=90, seed="any"
    )

    assert due is not None
    assert timedelta(days=45) < due - journey.clock() < timedelta(days=90)


@pytest.mark.requirement(80)
def test_what_was_disconnected_switched_off_or_locked_out_is_never_due(journey: Journey) -> None:
    now = journey.clock()
    due = make_connection(due_in=-1, now=now)
    make_connection(due_in=-1, now=now, registration=make_registration(enabled=False))
    make_connection(due_in=-1, now=now, owner=make_user(is_active=False))
    for status in ("needs_reauthorization", "revoking", "revoked"):
        make_connection(due_in=-1, now=now, status=status)

    assert list(Connection.objects.due(now=now)) == [due]


@pytest.mark.requirement(81)
@pytest.mark.django_db(transaction=True)
def test_a_slow_answer_does_not_make_a_token_seem_to_live_longer(journey: Journey) -> None:
    connection = journey.connect()
    sent_at = journey.clock.advance(minutes=61)
    gate = journey.server.misbehave("token", Behaviour.DELAY_AFTER_PROCESSING)

    with started(1, lambda: borrow(journey, connection)):
        gate.wait_for_arrival()
        journey.clock.advance(seconds=20)
        gate.open()

    assert fresh(connection).access_expires_at == sent_at + timedelta(hours=1)


@pytest.mark.requirement(81)
@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_jumps_costs_one_refresh_at_most(journey: Journey, hours: int) -> None:
    connection = journey.connect()
    journey.clock.advance(minutes=1)
    journey.clock.advance(hours=hours)

    values = {borrow(journey, connection) for _ in range(3)}

    assert len(values) == 1
    assert len(journey.server.refreshes()) <= 1
    assert journey.server.is_active(values.pop())


@pytest.mark.requirement(81)
def test_no_token_lives_for_ever_after_the_clock_was_set_back(journey: Journey) -> None:
    connection = journey.connect()
    journey.clock.advance(hours=-24)
    borrow(journey, connection)

    journey.clock.advance(minutes=61)
    borrow(journey, connection)

    expires_at = fresh(connection).access_expires_at
    assert expires_at is not None
    assert expires_at - journey.clock() <= timedelta(hours=1)
    assert len(journey.server.refreshes()) == 2
