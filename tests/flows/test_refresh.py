"""One refresh: what is stored, and what each kind of failure means."""

from dataclasses import replace
from datetime import timedelta

import pytest

from integrations.flows import access, refresh, settle
from integrations.flows.errors import ConnectionUnusable
from integrations.models import Connection, Event
from integrations.oauth.errors import OAuthError, ProviderUnavailable, Remedy
from tests.factories import make_user
from tests.fakes.conduct import Rotation
from tests.fakes.misbehaviour import Behaviour
from tests.flows.journey import Journey, fresh, kinds, stored_tokens

WITHIN_MARGIN = {"minutes": 58}
EXPIRED = {"minutes": 61}


def borrow(journey: Journey, connection: Connection) -> str:
    return access.token(fresh(connection), clock=journey.clock).value


@pytest.mark.requirement(71)
def test_a_rotated_refresh_token_replaces_the_old_one_with_its_access_token(journey: Journey) -> None:
    connection = journey.connect()
    old = stored_tokens(connection)
    journey.clock.advance(**EXPIRED)

    value = borrow(journey, connection)

    new = stored_tokens(connection)
    assert new.access_token == value != old.access_token
    assert new.refresh_token != old.refresh_token
    assert journey.server.is_active(new.refresh_token or "")
    assert fresh(connection).version == connection.version + 1
    assert fresh(connection).access_expires_at == journey.clock() + timedelta(hours=1)


@pytest.mark.requirement(71)
def test_a_refresh_token_that_is_not_rotated_is_kept(journey: Journey) -> None:
    journey.server.conduct.rotation = Rotation.NEVER
    connection = journey.connect()
    kept = stored_tokens(connection).refresh_token

    for _ in range(2):
        journey.clock.advance(**EXPIRED)
        borrow(journey, connection)

    assert stored_tokens(connection).refresh_token == kept
    assert len(journey.server.refreshes()) == 2


@pytest.mark.requirement(42)
def test_a_refresh_that_answers_less_scope_lowers_what_is_stored(journey: Journey) -> None:
    connection = journey.connect("notes.read")
    journey.server.conduct.refreshed_scope = frozenset({"profile"})
    journey.clock.advance(**EXPIRED)

    borrow(journey, connection)

    assert fresh(connection).scope == {"profile"}
    assert "scope_changed" in kinds(connection)


@pytest.mark.requirement(42)
def test_a_refresh_never_widens_scope(journey: Journey) -> None:
    connection = journey.connect("notes.read")
    journey.server.conduct.refreshed_scope = frozenset({"profile", "notes:read", "notes:write"})
    journey.clock.advance(**EXPIRED)

    borrow(journey, connection)

    assert fresh(connection).scope == {"profile", "notes:read"}


@pytest.mark.requirement(72)
def test_invalid_grant_asks_the_person_once_and_nobody_again(journey: Journey) -> None:
    connection = journey.connect()
    journey.server.revoke_grants("alice")
    journey.clock.advance(**EXPIRED)

    for _ in range(3):
        with pytest.raises(OAuthError) as failure:
            borrow(journey, connection)
        assert failure.value.remedy is Remedy.REAUTHORIZE

    assert fresh(connection).status == Connection.Status.NEEDS_REAUTHORIZATION
    assert fresh(connection).last_error_code == "invalid_grant"
    assert fresh(connection).refresh_due_at is None
    assert kinds(connection).count("needs_reauthorization") == 1
    assert len(journey.server.refreshes()) == 1


PASSING = {
    Behaviour.DROP_BEFORE_PROCESSING: "connection_failed",
    Behaviour.SERVER_ERROR: "server_error",
    Behaviour.UNAVAILABLE: "server_error",
    Behaviour.RATE_LIMITED: "rate_limited",
    Behaviour.HTML: "unreadable_response",
    Behaviour.EMPTY_BAD_REQUEST: "unreadable_response",
    Behaviour.REDIRECT: "unreadable_response",
}


@pytest.mark.requirement(73)
@pytest.mark.parametrize("behaviour", PASSING)
def test_a_passing_failure_serves_the_token_that_is_still_valid(journey: Journey, behaviour: Behaviour) -> None:
    connection = journey.connect()
    old = stored_tokens(connection)
    journey.server.misbehave("token", behaviour)
    journey.clock.advance(**WITHIN_MARGIN)

    assert borrow(journey, connection) == old.access_token

    after = fresh(connection)
    assert (after.status, after.failure_count) == (Connection.Status.ACTIVE, 1)
    assert stored_tokens(connection) == old


@pytest.mark.requirement(73)
@pytest.mark.parametrize("behaviour", PASSING)
def test_a_passing_failure_of_an_expired_token_is_told_and_passes(journey: Journey, behaviour: Behaviour) -> None:
    connection = journey.connect()
    journey.server.misbehave("token", behaviour)
    journey.clock.advance(**EXPIRED)

    with pytest.raises(OAuthError) as failure:
        borrow(journey, connection)

    assert failure.value.remedy is Remedy.RETRY
    assert fresh(connection).status == Connection.Status.ACTIVE
    journey.clock.advance(minutes=1)
    assert journey.server.is_active(borrow(journey, connection))
    assert fresh(connection).failure_count == 0


@pytest.mark.requirement(73)
def test_a_failing_provider_is_asked_less_and_less_often(journey: Journey) -> None:
    connection = journey.connect()
    journey.server.misbehave("token", Behaviour.SERVER_ERROR, times=None)
    journey.clock.advance(**WITHIN_MARGIN)
    waits = []

    for _ in range(4):
        borrow(journey, connection)
        due_at = fresh(connection).refresh_due_at
        assert due_at is not None
        waits.append(due_at - journey.clock())
        borrow(journey, connection)
        journey.clock.advance(seconds=waits[-1].total_seconds())

    assert len(journey.server.refreshes()) == 4
    assert waits == sorted(waits)
    assert waits[-1] > 3 * waits[0]


@pytest.mark.requirement(73)
def test_a_provider_that_is_down_is_asked_once_by_all_who_need_an_expired_token(journey: Journey) -> None:
    connection = journey.connect()
    journey.server.misbehave("token", Behaviour.SERVER_ERROR, times=None)
    journey.clock.advance(minutes=61)

    for _ in range(3):
        with pytest.raises(OAuthError) as failure:
            borrow(journey, connection)
        assert failure.value.remedy is Remedy.RETRY

    assert failure.value.retry_after
    assert len(journey.server.refreshes()) == 1


@pytest.mark.requirement(73)
def test_those_who_failed_together_do_not_come_back_together(journey: Journey) -> None:
    connections = [journey.connect(account=name) for name in ("alice", "bob")]
    journey.server.misbehave("token", Behaviour.SERVER_ERROR, times=None)
    journey.clock.advance(**WITHIN_MARGIN)

    for connection in connections:
        borrow(journey, connection)

    assert len({fresh(connection).refresh_due_at for connection in connections}) == 2


@pytest.mark.requirement(73)
@pytest.mark.parametrize("behaviour", [Behaviour.RATE_LIMITED, Behaviour.UNAVAILABLE])
def test_retry_after_is_honoured(journey: Journey, behaviour: Behaviour) -> None:
    connection = journey.connect()
    journey.server.misbehave("token", behaviour, retry_after="120")
    journey.clock.advance(**WITHIN_MARGIN)

    borrow(journey, connection)
    journey.clock.advance(seconds=119)
    borrow(journey, connection)

    assert len(journey.server.refreshes()) == 1


@pytest.mark.requirement(73, 74)
@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client"])
def test_a_broken_registration_alarms_operators_and_spares_people(journey: Journey, error: str) -> None:
    connections = [journey.connect(), replace(journey, user=make_user()).connect()]
    journey.server.misbehave("token", Behaviour.ERROR, error=error, times=None)
    journey.clock.advance(**EXPIRED)

    for connection in connections:
        with pytest.raises(OAuthError) as failure:
            borrow(journey, connection)
        assert failure.value.remedy is Remedy.OPERATOR

    journey.registration.refresh_from_db()
    assert journey.registration.last_error_code == error
    assert {fresh(connection).status for connection in connections} == {Connection.Status.ACTIVE}
    assert Event.objects.filter(kind=Event.Kind.REGISTRATION_BROKEN).count() == 1


@pytest.mark.requirement(74)
def test_a_mended_registration_ends_the_alarm(journey: Journey) -> None:
    connection = journey.connect()
    journey.server.misbehave("token", Behaviour.ERROR, error="invalid_client")
    journey.clock.advance(**WITHIN_MARGIN)
    borrow(journey, connection)
    journey.clock.advance(**WITHIN_MARGIN)

    assert journey.server.is_active(borrow(journey, connection))

    journey.registration.refresh_from_db()
    assert journey.registration.last_error_code == ""


@pytest.mark.requirement(74)
def test_an_alarm_is_ended_by_whoever_raised_it_and_holds_the_same_row(journey: Journey) -> None:
    registration = journey.registration
    now = journey.clock()

    settle.alarm(registration, ProviderUnavailable("It refuses us.", code="invalid_client"), now=now)
    assert (registration.last_error_code, registration.last_error_at) == ("invalid_client", now)
    settle.clear_alarm(registration)

    registration.refresh_from_db()
    assert (registration.last_error_code, registration.last_error_at) == ("", None)


@pytest.mark.requirement(25)
def test_a_registration_switched_off_refreshes_nothing(journey: Journey) -> None:
    connection = journey.connect()
    journey.registration.enabled = False
    journey.registration.save()
    journey.clock.advance(**EXPIRED)

    for call in (
        lambda: borrow(journey, connection),
        lambda: refresh.refresh(connection.pk, clock=journey.clock, force=True),
    ):
        with pytest.raises(ConnectionUnusable, match="registration_disabled"):
            call()

    assert journey.server.refreshes() == []


@pytest.mark.requirement(26)
def test_a_person_locked_out_gets_and_refreshes_nothing(journey: Journey) -> None:
    connection = journey.connect()
    journey.user.is_active = False
    journey.user.save()

    for call in (
        lambda: borrow(journey, connection),
        lambda: refresh.refresh(connection.pk, clock=journey.clock, force=True),
    ):
        with pytest.raises(ConnectionUnusable, match="owner_inactive"):
            call()

    assert journey.server.refreshes() == []
