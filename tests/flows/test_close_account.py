"""Deleting an account: dead at once, gone when every provider was told, whatever stops it on the way."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import count

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.db import connection as database

from integrations import vault
from integrations.flows import access, close_account, disconnect
from integrations.flows.close_account import Closed, LastSuperuser
from integrations.flows.errors import ConnectionUnusable
from integrations.models import AccountClosure, AuthorizationRequest, Connection, Event, PendingRevocation, VaultEntry
from integrations.oauth.errors import OAuthError
from tests.canaries import every_row
from tests.factories import make_authorization_request, make_connection, make_event, make_user
from tests.fakes.misbehaviour import Behaviour
from tests.flows.journey import Journey, fresh
from tests.flows.stumbling import Died, dying_at_write
from tests.flows.threads import started

NAMES = ("alice", "bob")


def close(journey: Journey, *, seconds: float = 5, operator: str = "") -> Closed:
    return close_account.close_account(
        journey.user, operator=operator, clock=journey.clock, budget=timedelta(seconds=seconds)
    )


def finish(journey: Journey) -> int:
    """What the sweep does."""
    disconnect.retry_revocations(now=journey.clock())
    return close_account.finish_closures(clock=journey.clock)


def equip(user: User) -> None:
    """Give a person what people have."""
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    TOTP.activate(user, generate_totp_secret())


def is_forgotten(journey: Journey) -> bool:
    """Whether no row names this person, and one tells that somebody left."""
    tables = (Connection, VaultEntry, PendingRevocation, AuthorizationRequest, AccountClosure, EmailAddress)
    remains = [model.__name__ for model in (*tables, Authenticator, User) if model.objects.exists()]
    named = [row for row in every_row() if journey.user.username in row]
    events = [(event.kind, event.owner_id, event.actor, event.ip) for event in Event.objects.all()]
    return (remains, named, events) == ([], [], [("account_deleted", None, "", None)])


@pytest.mark.requirement(26, 105)
def test_everything_of_a_person_goes_and_one_event_without_a_name_stays(journey: Journey) -> None:
    equip(journey.user)
    for name in NAMES:
        journey.connect(account=name)
    make_authorization_request(user=journey.user, registration=journey.registration)
    for _ in range(3):
        make_event(connection=Connection.objects.all()[0], actor=journey.user.username)

    assert close(journey).is_gone

    assert is_forgotten(journey)
    assert Event.objects.get().details == {"connections": 2}
    assert all(grant.revoked for name in NAMES for grant in journey.server.grants(name))


@pytest.mark.requirement(26, 105)
def test_rows_wait_for_a_provider_that_is_down_and_nothing_of_the_account_works(journey: Journey) -> None:
    connection = journey.connect()
    tokens = vault.read(Connection.objects.select_related("vault_entry").get())
    journey.server.misbehave("revoke", Behaviour.SERVER_ERROR, times=None)

    assert not close(journey).is_gone

    journey.user.refresh_from_db()
    assert not journey.user.is_active
    assert not VaultEntry.objects.exists()
    with pytest.raises(ConnectionUnusable):
        access.token(fresh(connection), clock=journey.clock)
    journey.clock.advance(hours=1)
    assert finish(journey) == 0
    assert journey.server.is_active(tokens.refresh_token or "")
    journey.server.behave()
    journey.clock.advance(hours=12)
    assert finish(journey) == 1
    assert not journey.server.is_active(tokens.refresh_token or "")
    assert is_forgotten(journey)


@pytest.mark.requirement(105)
def test_after_seven_days_of_silence_the_rows_go(journey: Journey) -> None:
    journey.connect()
    journey.server.misbehave("revoke", Behaviour.SERVER_ERROR, times=None)
    close(journey)

    journey.clock.advance(days=6)
    assert finish(journey) == 0
    journey.clock.advance(days=2)
    assert finish(journey) == 1

    assert is_forgotten(journey)


def test_rows_of_others_stay(journey: Journey) -> None:
    other = make_connection(registration=journey.registration)
    make_event(connection=other)
    journey.connect()

    close(journey)

    assert User.objects.get() == other.owner
    assert Connection.objects.get() == other
    assert VaultEntry.objects.get().pk == other.pk
    assert Event.objects.filter(owner=other.owner).count() == 1


@pytest.mark.requirement(105, 108)
@pytest.mark.django_db(transaction=True)
def test_whatever_write_it_dies_at_it_is_finished_later(journey: Journey) -> None:
    deaths = 0
    for number in count():
        equip(journey.user)
        for name in NAMES:
            journey.connect(account=name)
        try:
            with dying_at_write(number):
                close(journey)
        except Died:
            deaths += 1
        else:
            break
        journey.clock.advance(minutes=10)
        if AccountClosure.objects.exists():
            assert not User.objects.get().is_active, number
            finish(journey)
        elif User.objects.exists():
            assert Connection.objects.visible().count() == len(NAMES)
            close(journey)
        assert is_forgotten(journey), number
        assert all(grant.revoked for grant in journey.server.grants()), number
        Event.objects.all().delete()
        journey.user = make_user(journey.user.username)

    assert deaths > 20
    assert is_forgotten(journey)


@pytest.mark.requirement(107)
@pytest.mark.django_db(transaction=True)
def test_a_refresh_in_flight_keeps_the_rows_until_its_token_is_revoked(journey: Journey) -> None:
    connection = journey.connect()
    journey.clock.advance(minutes=61)
    gate = journey.server.misbehave("token", Behaviour.DELAY_AFTER_PROCESSING)
    journey.server.misbehave("revoke", Behaviour.ERROR, error="unsupported_token_type", times=2)

    with started(1, lambda: access.token(fresh(connection), clock=journey.clock)) as futures:
        gate.wait_for_arrival()
        is_gone = close(journey).is_gone
        gate.open()

    assert not is_gone
    assert isinstance(futures[0].exception(), ConnectionUnusable)
    late = journey.server.grants()[0].refresh_tokens[-1]
    assert not journey.server.is_active(late)
    journey.clock.advance(minutes=10)
    assert finish(journey) == 1
    assert is_forgotten(journey)


@pytest.mark.requirement(26)
@pytest.mark.django_db(transaction=True)
def test_what_a_callback_brings_after_the_end_is_refused_and_handed_back(journey: Journey) -> None:
    pairs = journey.server.authorize(journey.begin())
    journey.server.misbehave("revoke", Behaviour.SERVER_ERROR, times=1)
    gate = journey.server.misbehave("token", Behaviour.DELAY_AFTER_PROCESSING)
    make_connection(owner=journey.user, registration=journey.registration)

    with started(1, lambda: journey.complete(pairs)) as futures:
        gate.wait_for_arrival()
        close(journey)
        gate.open()

    with pytest.raises(OAuthError, match="owner_inactive"):
        futures[0].result()
    assert not VaultEntry.objects.exists()
    assert not any(journey.server.is_active(t) for grant in journey.server.grants() for t in grant.refresh_tokens)


@pytest.mark.requirement(26, 111)
@pytest.mark.django_db(transaction=True)
def test_a_callback_of_somebody_who_is_gone_is_refused_and_handed_back(journey: Journey) -> None:
    pairs = journey.server.authorize(journey.begin())
    gate = journey.server.misbehave("token", Behaviour.DELAY_AFTER_PROCESSING)

    with started(1, lambda: journey.complete(pairs)) as futures:
        gate.wait_for_arrival()
        assert close(journey).is_gone
        gate.open()

    with pytest.raises(OAuthError, match="owner_inactive"):
        futures[0].result()
    assert is_forgotten(journey)
    assert not any(journey.server.is_active(t) for grant in journey.server.grants() for t in grant.refresh_tokens)


@pytest.mark.requirement(105)
@pytest.mark.django_db(transaction=True)
def test_who_presses_twice_leaves_once(journey: Journey) -> None:
    held = journey.connect()

    answers = [close(journey), close(journey)]

    assert all(closed.is_gone for closed in answers)
    # The slower of two that wipe the same connections finds them gone.
    assert disconnect.wipe(held, actor="", now=journey.clock()) is None
    assert is_forgotten(journey)


@pytest.mark.requirement(26)
@pytest.mark.parametrize("ask", [access.token, access.test_connection])
def test_a_program_that_holds_on_to_a_connection_is_told_it_is_gone(
    journey: Journey, ask: Callable[..., object]
) -> None:
    held = journey.connect()
    close(journey)

    with pytest.raises(ConnectionUnusable, match="disconnected"):
        ask(held, clock=journey.clock)


def test_the_last_superuser_stays(journey: Journey) -> None:
    User.objects.update(is_superuser=True)
    journey.connect()
    make_user(is_superuser=True, is_active=False)

    with pytest.raises(LastSuperuser):
        close(journey)
    journey.user.refresh_from_db()
    assert journey.user.is_active
    assert Connection.objects.visible().exists()

    make_user(is_superuser=True)
    assert close(journey).is_gone


@pytest.mark.requirement(156)
def test_the_event_names_the_operator_who_did_it(journey: Journey) -> None:
    close(journey, operator="marta")

    event = Event.objects.get()
    assert (event.kind, event.actor, event.owner_id) == (Event.Kind.ACCOUNT_DELETED, "marta", None)


def test_an_account_that_is_switched_on_again_meanwhile_goes_all_the_same(journey: Journey) -> None:
    journey.connect()
    journey.server.misbehave("revoke", Behaviour.UNAVAILABLE, retry_after="60")
    close(journey)
    User.objects.update(is_active=True)
    journey.connect(account="bob")

    assert close_account.finish_closures(clock=journey.clock) == 0
    assert not User.objects.get().is_active
    journey.clock.advance(hours=1)
    finish(journey)

    assert is_forgotten(journey)
    assert journey.server.grants("bob")[-1].revoked


@pytest.mark.django_db(transaction=True)
def test_one_account_that_cannot_go_does_not_stop_the_next(journey: Journey) -> None:
    for user in (journey.user, make_user(), make_user()):
        AccountClosure.objects.create(user=user, started_at=journey.clock.advance(minutes=1))

    assert close_account.finish_closures(clock=journey.clock, stop=lambda: True) == 0
    with database.execute_wrapper(unwilling(journey.user.pk)):
        assert close_account.finish_closures(clock=journey.clock) == 2

    assert User.objects.get() == journey.user


def unwilling(pk: int) -> Callable[..., object]:
    """A database that does not let go of one person."""

    def refuse(execute: Callable[..., object], sql: str, params: Sequence[object], *rest: object) -> object:
        if sql.startswith('DELETE FROM "auth_user"') and pk in params:
            raise IntegrityError("somebody holds on to it")
        return execute(sql, params, *rest)

    return refuse
