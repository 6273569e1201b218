"""When a notice is written: with the event it tells of, or not at all."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.db import connection as database
from pytest_django import Settings

from integrations.flows import access, disconnect
from integrations.models import Connection, Event, Notice, Preferences, VaultEntry
from integrations.oauth.errors import OAuthError
from tests.factories import make_connection, make_tokens
from tests.fakes.misbehaviour import Behaviour
from tests.flows.journey import Journey, fresh, kinds
from tests.flows.sweeping import around_statements, connect_many, statuses, swept

pytestmark = pytest.mark.django_db
Kind = Notice.Kind
NEEDS_REAUTHORIZATION = Connection.Status.NEEDS_REAUTHORIZATION


@pytest.fixture(autouse=True)
def mail_is_sent(settings: Settings) -> None:
    settings.EMAIL_URL = "smtp://localhost:25"


def told() -> list[tuple[str, int | None]]:
    return [(notice.kind, notice.connection_id) for notice in Notice.objects.all()]


def withdraw(journey: Journey, connection: Connection) -> None:
    """The provider refuses the refresh token when somebody wants to use the connection."""
    journey.server.misbehave("token", Behaviour.ERROR, error="invalid_grant")
    Connection.objects.filter(pk=connection.pk).update(
        access_expires_at=journey.clock(), refresh_due_at=journey.clock()
    )
    with pytest.raises(OAuthError):
        access.token(fresh(connection), clock=journey.clock)
    journey.server.behave()


def over(journey: Journey) -> Connection:
    """A connection that ended for good, as its next use will find out."""
    return make_connection(
        owner=journey.user,
        registration=journey.registration,
        tokens=make_tokens(refresh_token=None),
        expires_in=-60,
        due_in=-60,
        now=journey.clock(),
    )


def failing_insert(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    if sql.startswith('INSERT INTO "integrations_notice"'):
        raise OperationalError("disk is full")
    return execute(sql, params, many, context)


def test_a_new_connection_is_told(journey: Journey) -> None:
    connection = journey.connect()

    assert told() == [(Kind.CONNECTED, connection.pk)]
    assert Notice.objects.get().user == journey.user


def test_reconnecting_and_enabling_are_not_told(journey: Journey) -> None:
    connection = journey.connect()
    Notice.objects.all().delete()

    journey.connect(connection=connection)
    journey.connect("notes.read", connection=connection)
    journey.connect()

    assert told() == []
    disconnect.disconnect(connection, actor="robin", now=journey.clock())
    journey.connect()
    assert told() == [(Kind.CONNECTED, connection.pk)]


@pytest.mark.requirement(156)
def test_a_withdrawn_access_is_told_once_until_it_breaks_again(journey: Journey) -> None:
    connection = journey.connect()
    Notice.objects.all().delete()

    withdraw(journey, connection)
    with pytest.raises(OAuthError):
        access.token(fresh(connection), clock=journey.clock)
    assert told() == [(Kind.NEEDS_YOU, connection.pk)]

    Notice.objects.all().delete()
    journey.connect(connection=connection)
    withdraw(journey, connection)
    assert told() == [(Kind.NEEDS_YOU, connection.pk)]


def test_an_access_that_ends_for_good_is_told(journey: Journey) -> None:
    connection = over(journey)

    with pytest.raises(OAuthError):
        access.token(connection, clock=journey.clock)

    assert told() == [(Kind.NEEDS_YOU, connection.pk)]
    assert kinds(connection) == ["needs_reauthorization"]


def test_tokens_that_cannot_be_opened_are_told(journey: Journey) -> None:
    connection = journey.connect()
    Notice.objects.all().delete()
    entry = VaultEntry.objects.get()
    VaultEntry.objects.update(sealed=bytes(entry.sealed)[:-1] + bytes([bytes(entry.sealed)[-1] ^ 1]))

    with pytest.raises(OAuthError):
        access.token(connection, clock=journey.clock)

    assert told() == [(Kind.NEEDS_YOU, connection.pk)]
    assert kinds(connection)[-1] == "seal_broken"


def test_a_passing_failure_is_not_told(journey: Journey) -> None:
    connection = journey.connect()
    Notice.objects.all().delete()
    journey.server.misbehave("token", Behaviour.SERVER_ERROR)
    Connection.objects.update(access_expires_at=journey.clock(), refresh_due_at=journey.clock())

    with pytest.raises(OAuthError):
        access.token(fresh(connection), clock=journey.clock)

    assert told() == []


def without_address(owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(email="")


def unwilling(owner: User) -> None:
    Preferences.objects.create(user=owner, mail_needs_you=False, mail_connected=False)


@pytest.mark.parametrize("change", [without_address, unwilling])
def test_who_cannot_be_reached_or_does_not_want_it_is_told_nothing(
    journey: Journey, change: Callable[[User], None]
) -> None:
    change(journey.user)

    withdraw(journey, journey.connect())

    assert told() == []


def test_wishes_are_kept_apart(journey: Journey) -> None:
    Preferences.objects.create(user=journey.user, mail_connected=False)

    connection = journey.connect()
    withdraw(journey, connection)

    assert told() == [(Kind.NEEDS_YOU, connection.pk)]


def test_without_a_mail_server_nothing_waits_for_one(journey: Journey, settings: Settings) -> None:
    settings.EMAIL_URL = ""

    withdraw(journey, journey.connect())

    assert told() == []


@pytest.mark.requirement(156)
def test_a_change_whose_notice_cannot_be_written_has_not_happened(journey: Journey) -> None:
    connection = journey.connect()
    before = kinds(connection)

    with database.execute_wrapper(failing_insert), pytest.raises(OperationalError):
        withdraw(journey, connection)

    assert fresh(connection).status == Connection.Status.ACTIVE
    assert kinds(connection) == before


@pytest.mark.requirement(156)
def test_an_end_whose_notice_cannot_be_written_has_not_happened(journey: Journey) -> None:
    connection = over(journey)

    with database.execute_wrapper(failing_insert), pytest.raises(OperationalError):
        access.token(connection, clock=journey.clock)

    assert fresh(connection).status == Connection.Status.ACTIVE
    assert kinds(connection) == []


@pytest.mark.requirement(156)
def test_a_new_connection_whose_notice_cannot_be_written_is_none(journey: Journey) -> None:
    pairs = journey.server.authorize(journey.begin())

    with database.execute_wrapper(failing_insert), pytest.raises(OperationalError):
        journey.complete(pairs)

    assert not Connection.objects.exists()
    assert not Event.objects.filter(kind=Event.Kind.CONNECTED).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.requirement(156)
def test_a_sweep_tells_everybody_whose_access_was_withdrawn(journey: Journey) -> None:
    mine = connect_many(journey.registration, journey.server, 30, clock=journey.clock)
    theirs = connect_many(journey.registration, journey.server, 3, clock=journey.clock)
    of_the_hub = connect_many(journey.registration, journey.server, 2, clock=journey.clock, of_the_hub=True)
    off = connect_many(journey.registration, journey.server, 2, clock=journey.clock)
    journey.server.misbehave("token", Behaviour.ERROR, error="invalid_grant", times=None)
    assert off[0].owner is not None
    unwilling(off[0].owner)

    report = swept(journey.clock)

    assert report.counts == {"needs_reauthorization": 37}
    assert sorted(told()) == sorted((Kind.NEEDS_YOU, row.pk) for row in [*mine, *theirs])
    assert {kind for row in [*mine, *theirs, *of_the_hub, *off] for kind in kinds(row)} == {"needs_reauthorization"}
    assert {fresh(row).last_error_code for row in mine} == {"invalid_grant"}
    assert not Connection.objects.exclude(lease_owner="").exists()
    assert swept(journey.clock).counts == {}
    assert Notice.objects.count() == 33


@pytest.mark.django_db(transaction=True)
def test_a_sweep_that_cannot_write_its_notices_ends_no_connection(journey: Journey) -> None:
    rows = connect_many(journey.registration, journey.server, 3, clock=journey.clock)
    journey.server.misbehave("token", Behaviour.ERROR, error="invalid_grant", times=None)
    with around_statements(failing_insert):
        report = swept(journey.clock)

    assert report.counts == {"uncertain": 3}
    assert statuses(rows) == {"active": 3}
    assert not Event.objects.filter(kind=Event.Kind.NEEDS_REAUTHORIZATION).exists()


@pytest.mark.django_db(transaction=True)
def test_what_moved_on_meanwhile_is_not_ended_by_a_sweep(journey: Journey) -> None:
    rows = connect_many(journey.registration, journey.server, 3, clock=journey.clock)
    journey.server.misbehave("token", Behaviour.ERROR, error="invalid_grant", times=None)

    def reconnected(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if sql.startswith('UPDATE "integrations_connection" SET "refresh_sent"') and not moved:
            moved.append(True)
            Connection.objects.filter(pk=rows[0].pk).update(version=7, lease_owner="", lease_until=None)
        return result

    moved: list[bool] = []
    with around_statements(reconnected):
        report = swept(journey.clock, concurrency=3)

    assert len(journey.server.refreshes()) == 3

    assert report.counts == {"needs_reauthorization": 2, "moved_on": 1}
    assert fresh(rows[0]).status == Connection.Status.ACTIVE
    assert sorted(told()) == sorted((Kind.NEEDS_YOU, row.pk) for row in rows[1:])
