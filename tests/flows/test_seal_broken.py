"""A sealed value that is not the one that belongs where it stands: not used, told once, and nobody else's concern."""

import pytest
from pytest_django import Settings

from integrations.crypto import new_key
from integrations.flows import access, disconnect, refresh
from integrations.flows.errors import ConnectionUnusable
from integrations.models import Connection, Event, VaultEntry
from integrations.oauth.errors import Remedy
from tests.factories import make_registration
from tests.flows.journey import Journey, fresh, kinds, stored_tokens


def sealed(connection: Connection) -> bytes:
    return bytes(VaultEntry.objects.get(connection=connection).sealed)


def put(connection: Connection, value: bytes) -> None:
    VaultEntry.objects.filter(connection=connection).update(sealed=value)


@pytest.mark.requirement(93)
def test_swapped_tokens_are_not_lent_and_told_once_and_others_go_on(journey: Journey) -> None:
    first, second, third = (journey.connect(account=name) for name in ("alice", "bob", "carol"))
    of_first, of_second = sealed(first), sealed(second)
    put(first, of_second)
    put(second, of_first)

    for swapped in (first, second):
        for _ in range(2):
            with pytest.raises(ConnectionUnusable) as caught:
                access.token(fresh(swapped), clock=journey.clock)
            assert caught.value.remedy is Remedy.REAUTHORIZE
        assert fresh(swapped).status == Connection.Status.NEEDS_REAUTHORIZATION
        assert kinds(swapped) == ["connected", "seal_broken"]
    assert access.token(fresh(third), clock=journey.clock).value == stored_tokens(third).access_token


@pytest.mark.requirement(95)
def test_older_tokens_put_back_ask_for_reconnecting_which_mends_it(journey: Journey) -> None:
    connection = journey.connect()
    older = sealed(connection)
    refresh.refresh(connection.pk, clock=journey.clock, force=True)
    put(connection, older)
    sent = len(journey.server.requests("token"))

    with pytest.raises(ConnectionUnusable, match="Reconnect"):
        access.token(fresh(connection), clock=journey.clock)
    with pytest.raises(ConnectionUnusable):
        refresh.refresh(connection.pk, clock=journey.clock, force=True)

    assert len(journey.server.requests("token")) == sent
    assert kinds(connection)[-1] == "seal_broken"
    journey.connect(connection=fresh(connection))
    assert access.token(fresh(connection), clock=journey.clock).value


@pytest.mark.requirement(93)
def test_tokens_that_do_not_open_are_told_when_they_are_disconnected(journey: Journey) -> None:
    connection, other = journey.connect(), journey.connect(account="bob")
    put(connection, sealed(other))

    ended = disconnect.disconnect(connection, actor="tester", now=journey.clock())

    assert ended.remote == "untold"
    assert fresh(connection).status == Connection.Status.REVOKED
    assert sorted(kinds(connection)) == ["connected", "disconnected", "revocation_failed", "seal_broken"]


@pytest.mark.requirement(94, 105)
@pytest.mark.parametrize(("key_id", "code"), [("another", "key_unknown"), ("test", "key_wrong")])
def test_a_provider_that_cannot_be_told_for_want_of_a_key_is_named(
    journey: Journey, settings: Settings, key_id: str, code: str
) -> None:
    connection = journey.connect()
    settings.HUB_SEALING_KEYS = new_key(key_id)

    ended = disconnect.disconnect(connection, actor="tester", now=journey.clock())

    assert ended.remote == "untold"
    assert kinds(connection) == ["connected", "disconnected", "revocation_failed"]
    assert Event.objects.get(kind=Event.Kind.REVOCATION_FAILED).details == {"code": code}
    assert not VaultEntry.objects.exists()
    assert journey.server.requests("revoke") == []


@pytest.mark.requirement(94)
def test_tokens_under_a_key_that_is_missing_wait_for_an_operator(journey: Journey, settings: Settings) -> None:
    connection = journey.connect()
    keys = settings.HUB_SEALING_KEYS

    settings.HUB_SEALING_KEYS = new_key("another")
    with pytest.raises(ConnectionUnusable) as caught:
        access.token(fresh(connection), clock=journey.clock)

    assert (caught.value.code, caught.value.remedy) == ("key_unknown", Remedy.OPERATOR)
    assert (fresh(connection).status, kinds(connection)) == (Connection.Status.ACTIVE, ["connected"])
    settings.HUB_SEALING_KEYS = keys
    assert access.token(fresh(connection), clock=journey.clock).value == stored_tokens(connection).access_token


@pytest.mark.requirement(93)
def test_the_client_secret_of_another_registration_is_not_sent_and_told_once(journey: Journey) -> None:
    connection = journey.connect()
    journey.registration.sealed_client_secret = make_registration().sealed_client_secret
    journey.registration.save()
    sent = len(journey.server.requests("token"))

    for _ in range(2):
        with pytest.raises(ConnectionUnusable) as caught:
            refresh.refresh(connection.pk, clock=journey.clock, force=True)
        assert (caught.value.code, caught.value.remedy) == ("value_forged", Remedy.OPERATOR)

    assert len(journey.server.requests("token")) == sent
    alarms = Event.objects.filter(kind=Event.Kind.REGISTRATION_BROKEN)
    assert [(alarm.registration, alarm.details) for alarm in alarms] == [
        (journey.registration, {"code": "value_forged"})
    ]
    assert access.token(fresh(connection), clock=journey.clock).value == stored_tokens(connection).access_token


@pytest.mark.requirement(93)
def test_a_client_secret_that_was_moved_during_an_attempt_is_told(journey: Journey) -> None:
    pairs = journey.server.authorize(journey.begin())
    journey.registration.sealed_client_secret = make_registration().sealed_client_secret
    journey.registration.save()

    with pytest.raises(ConnectionUnusable):
        journey.complete(pairs)

    assert not journey.server.requests("token")
    assert Event.objects.get(kind=Event.Kind.REGISTRATION_BROKEN).registration == journey.registration


@pytest.mark.requirement(93)
def test_a_client_secret_that_was_moved_before_an_attempt_is_told(journey: Journey) -> None:
    journey.registration.sealed_client_secret = make_registration().sealed_client_secret
    journey.registration.save()

    with pytest.raises(ConnectionUnusable):
        journey.begin()

    assert Event.objects.get(kind=Event.Kind.REGISTRATION_BROKEN).registration == journey.registration
