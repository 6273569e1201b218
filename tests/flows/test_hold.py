"""A hub on hold, such as a copy that was restored elsewhere, sends nothing in anybody's name."""

from pathlib import Path

import pytest
from pytest_django import Settings

from integrations.flows import access, disconnect, hold, notices, refresh
from integrations.flows.sweep import SweepOptions, sweep
from integrations.models import Connection, Notice, SweepRun
from integrations.oauth.errors import OAuthError, Remedy
from tests.factories import make_notice
from tests.flows.journaling import files, left_in_journal, version
from tests.flows.journey import Journey, fresh, kinds, stored_tokens
from tests.test_checks import errors

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def connection(journey: Journey, settings: Settings) -> Connection:
    """Connected before the hub was put on hold."""
    connection = journey.connect()
    settings.HUB_HOLD_REFRESHES = True
    return connection


def test_an_expired_token_is_not_refreshed_and_nothing_is_changed(journey: Journey, connection: Connection) -> None:
    journey.clock.advance(minutes=61)
    before = Connection.objects.values().get(pk=connection.pk)

    with pytest.raises(OAuthError) as refused:
        access.token(connection, clock=journey.clock)

    assert (refused.value.code, refused.value.remedy) == (hold.CODE, Remedy.RETRY)
    assert Connection.objects.values().get(pk=connection.pk) == before
    assert journey.server.refreshes() == []


def test_a_token_that_is_still_good_is_served(journey: Journey, connection: Connection) -> None:
    journey.clock.advance(minutes=58)

    assert access.token(connection, clock=journey.clock).value == stored_tokens(connection).access_token
    with pytest.raises(OAuthError):
        refresh.refresh(connection.pk, clock=journey.clock, force=True)
    assert journey.server.refreshes() == []


def test_a_sweep_says_what_it_would_do(journey: Journey, connection: Connection) -> None:
    journey.clock.advance(minutes=61)

    report = sweep(SweepOptions(), clock=journey.clock)

    assert (report.due, report.counts, report.by_provider) == (1, {"held": 1}, {"sandbox": {"held": 1}})
    assert journey.server.refreshes() == []
    assert SweepRun.objects.count() == 0


def test_disconnecting_wipes_here_and_tells_the_provider_when_the_hold_is_over(
    journey: Journey, connection: Connection, settings: Settings
) -> None:
    ended = disconnect.disconnect(connection, actor="a person", now=journey.clock())
    assert ended.remote == "pending"
    assert disconnect.retry_revocations(now=journey.clock.advance(days=30)) == 0
    assert not any(grant.revoked for grant in journey.server.grants())

    settings.HUB_HOLD_REFRESHES = False
    assert disconnect.retry_revocations(now=journey.clock()) == 1

    assert all(grant.revoked for grant in journey.server.grants())
    assert kinds(connection)[-2:] == ["disconnected", "revoked_at_provider"]


def test_tokens_that_a_reconnect_replaces_are_revoked_later(journey: Journey, connection: Connection) -> None:
    journey.connect()

    assert version(connection) == 2
    assert not any(grant.revoked for grant in journey.server.grants()[:-1])


def test_no_mail_leaves_and_none_is_given_up(journey: Journey, connection: Connection) -> None:
    make_notice()

    assert notices.claim(people=10, now=journey.clock.advance(days=30)) is None
    assert notices.expire(now=journey.clock()) == 0
    assert Notice.objects.count() == 1


def test_the_recovery_journal_is_left_alone(journey: Journey, settings: Settings, recovery_journal: Path) -> None:
    connection = journey.connect()
    left_in_journal(journey, connection)
    settings.HUB_HOLD_REFRESHES = True
    journey.clock.advance(minutes=61)

    sweep(SweepOptions(), clock=journey.clock)
    with pytest.raises(OAuthError):
        access.token(fresh(connection), clock=journey.clock)

    assert (files(recovery_journal), version(connection)) == ({".journal": 1}, 1)


def test_the_check_tells_of_it(settings: Settings) -> None:
    settings.HUB_HOLD_REFRESHES = True

    assert errors() == ["hub.W001"]
