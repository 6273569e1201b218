"""Disconnecting: wiped here at once, revoked at the provider as soon as it answers."""

import pytest

from integrations.flows import access, disconnect
from integrations.flows.disconnect import Disconnected
from integrations.flows.errors import ConnectionUnusable
from integrations.models import Connection, PendingRevocation, VaultEntry
from integrations.oauth.errors import OAuthError
from tests.fakes.misbehaviour import Behaviour
from tests.flows.journey import Journey, fresh, kinds, stored_tokens
from tests.flows.threads import started


def end(journey: Journey, connection: Connection) -> Disconnected:
    return disconnect.disconnect(connection, actor="tester", now=journey.clock())


def revocations(journey: Journey) -> list[tuple[str, str]]:
    return [(entry.form["token"], entry.form.get("token_type_hint", "")) for entry in journey.server.requests("revoke")]


@pytest.mark.requirement(105)
def test_tokens_are_revoked_at_the_provider_and_wiped_here(journey: Journey) -> None:
    connection = journey.connect()
    tokens = stored_tokens(connection)

    outcome = end(journey, connection)

    assert outcome.remote == "revoked"
    assert fresh(connection).status == Connection.Status.REVOKED
    assert not VaultEntry.objects.exists()
    assert not PendingRevocation.objects.exists()
    assert revocations(journey)[0] == (tokens.refresh_token, "refresh_token")
    assert not journey.server.is_active(tokens.access_token)
    assert not journey.server.is_active(tokens.refresh_token or "")
    assert kinds(connection) == ["connected", "disconnected", "revoked_at_provider"]


@pytest.mark.requirement(105)
@pytest.mark.parametrize(
    "behaviour",
    [Behaviour.UNAVAILABLE, Behaviour.SERVER_ERROR, Behaviour.DROP_BEFORE_PROCESSING, Behaviour.RATE_LIMITED],
)
def test_tokens_are_wiped_here_although_the_provider_is_down(journey: Journey, behaviour: Behaviour) -> None:
    connection = journey.connect()
    tokens = stored_tokens(connection)
    journey.server.misbehave("revoke", behaviour, times=None)

    outcome = end(journey, connection)

    assert outcome.remote == "pending"
    assert fresh(connection).status == Connection.Status.REVOKING
    assert not VaultEntry.objects.exists()
    with pytest.raises(ConnectionUnusable):
        access.token(fresh(connection), clock=journey.clock)
    assert journey.server.is_active(tokens.refresh_token or "")


@pytest.mark.requirement(105)
def test_a_revocation_that_failed_is_tried_again_until_it_is_done(journey: Journey) -> None:
    connection = journey.connect()
    tokens = stored_tokens(connection)
    journey.server.misbehave("revoke", Behaviour.SERVER_ERROR, times=2)
    end(journey, connection)

    journey.clock.advance(hours=1)
    assert disconnect.retry_revocations(now=journey.clock()) == 0
    journey.clock.advance(hours=1)
    assert disconnect.retry_revocations(now=journey.clock()) == 1

    assert not journey.server.is_active(tokens.refresh_token or "")
    assert fresh(connection).status == Connection.Status.REVOKED
    assert not PendingRevocation.objects.exists()


@pytest.mark.requirement(105)
def test_a_revocation_waits_as_long_as_the_provider_asks(journey: Journey) -> None:
    connection = journey.connect()
    journey.server.misbehave("revoke", Behaviour.UNAVAILABLE, retry_after="600")
    end(journey, connection)
    sent = len(journey.server.requests("revoke"))

    journey.clock.advance(seconds=599)
    disconnect.retry_revocations(now=journey.clock())
    assert len(journey.server.requests("revoke")) == sent

    journey.clock.advance(seconds=31)
    assert disconnect.retry_revocations(now=journey.clock()) == 1


@pytest.mark.requirement(106)
def test_disconnecting_twice_is_disconnecting_once(journey: Journey) -> None:
    connection = journey.connect()

    first, second = end(journey, connection), end(journey, connection)

    assert (first.remote, second.remote) == ("revoked", "revoked")
    assert kinds(connection).count("disconnected") == 1
    assert fresh(connection).status == Connection.Status.REVOKED


@pytest.mark.requirement(106)
def test_a_token_the_provider_does_not_know_any_more_counts_as_revoked(journey: Journey) -> None:
    connection = journey.connect()
    journey.server.revoke_grants("alice")
    journey.server.expire_access_tokens()

    assert end(journey, connection).remote == "revoked"


@pytest.mark.requirement(106)
@pytest.mark.parametrize("error", ["unsupported_token_type", "invalid_token"])
def test_a_provider_that_will_not_revoke_one_kind_of_token_is_no_failure(journey: Journey, error: str) -> None:
    connection = journey.connect()
    tokens = stored_tokens(connection)
    journey.server.misbehave("revoke", Behaviour.ERROR, error=error)

    outcome = end(journey, connection)

    assert outcome.remote == "revoked"
    assert (tokens.access_token, "access_token") in revocations(journey)
    assert not PendingRevocation.objects.exists()


@pytest.mark.requirement(107)
@pytest.mark.django_db(transaction=True)
def test_a_refresh_in_flight_brings_nothing_back_and_its_token_is_revoked(journey: Journey) -> None:
    connection = journey.connect()
    journey.clock.advance(minutes=61)
    gate = journey.server.misbehave("token", Behaviour.DELAY_AFTER_PROCESSING)
    journey.server.misbehave("revoke", Behaviour.ERROR, error="unsupported_token_type", times=2)

    with started(1, lambda: access.token(fresh(connection), clock=journey.clock)) as futures:
        gate.wait_for_arrival()
        end(journey, connection)
        gate.open()

    assert isinstance(futures[0].exception(), ConnectionUnusable)
    assert fresh(connection).status == Connection.Status.REVOKED
    assert not VaultEntry.objects.exists()
    late = journey.server.grants()[0].refresh_tokens[-1]
    assert (late, "refresh_token") in revocations(journey)
    assert not journey.server.is_active(late)


@pytest.mark.requirement(107)
@pytest.mark.django_db(transaction=True)
def test_a_late_token_that_cannot_be_revoked_at_once_is_revoked_later(journey: Journey) -> None:
    connection = journey.connect()
    journey.clock.advance(minutes=61)
    gate = journey.server.misbehave("token", Behaviour.DELAY_AFTER_PROCESSING)
    journey.server.misbehave("revoke", Behaviour.SERVER_ERROR, times=None)

    with started(1, lambda: access.token(fresh(connection), clock=journey.clock)):
        gate.wait_for_arrival()
        end(journey, connection)
        gate.open()

    late = journey.server.grants()[0].refresh_tokens[-1]
    assert journey.server.is_active(late)
    journey.server.behave("revoke")
    journey.clock.advance(hours=1)
    disconnect.retry_revocations(now=journey.clock())
    assert (late, "refresh_token") in revocations(journey)
    assert not journey.server.is_active(late)
    assert not PendingRevocation.objects.exists()
    assert fresh(connection).status == Connection.Status.REVOKED


def test_the_same_account_can_be_connected_again(journey: Journey) -> None:
    connection = journey.connect()
    end(journey, connection)

    again = journey.connect()

    assert again.status == Connection.Status.ACTIVE
    assert journey.server.is_active(stored_tokens(again).access_token)


def test_waiting_revocations_can_be_chosen_and_stopped(journey: Journey) -> None:
    journey.server.misbehave("revoke", Behaviour.SERVER_ERROR, times=2)
    for name in ("alice", "bob"):
        end(journey, journey.connect(account=name))
    journey.clock.advance(minutes=30)
    journey.server.forget_requests()

    assert disconnect.retry_revocations(now=journey.clock(), provider="github") == 0
    assert disconnect.retry_revocations(now=journey.clock(), stop=lambda: True) == 0
    assert revocations(journey) == []
    stops = iter([False, True])
    assert disconnect.retry_revocations(now=journey.clock(), stop=lambda: next(stops)) == 1


@pytest.mark.requirement(24, 107)
@pytest.mark.django_db(transaction=True)
def test_what_is_disconnected_while_its_answer_is_under_way_stays_disconnected(journey: Journey) -> None:
    connection = journey.connect()
    pairs = journey.server.authorize(journey.begin())
    gate = journey.server.misbehave("token", Behaviour.DELAY_AFTER_PROCESSING)

    with started(1, lambda: journey.complete(pairs)) as futures:
        gate.wait_for_arrival()
        end(journey, connection)
        gate.open()

    with pytest.raises(OAuthError, match="connection_gone"):
        futures[0].result()
    assert fresh(connection).status == Connection.Status.REVOKED
    assert not any(
        journey.server.is_active(token) for grant in journey.server.grants() for token in grant.refresh_tokens
    )
