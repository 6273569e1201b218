"""A process that has just started has not unwrapped its keys: what it does first must not cost a token."""

from pathlib import Path

import pytest
from pytest_django import Settings

from integrations.flows import bulk_revoke, close_account, disconnect, disconnect_all
from integrations.flows.clients import client_for
from integrations.flows.recover import Fate, recover, replay
from integrations.flows.selection import Selection
from integrations.models import Connection
from integrations.oauth.errors import OAuthError, Remedy
from tests.flows.journaling import files, left_in_journal
from tests.flows.journey import Journey, fresh, stored_tokens
from tests.flows.key_service import KeyServiceDouble, keep_keys

pytestmark = pytest.mark.django_db(transaction=True)


def new_process(settings: Settings, monkeypatch: pytest.MonkeyPatch, *, is_down: bool = False) -> KeyServiceDouble:
    settings.HUB_REFRESH_WAIT_SECONDS = 0.05
    service = keep_keys(settings, monkeypatch)
    service.is_down = is_down
    return service


def newest(journey: Journey) -> str:
    return journey.server.grants()[-1].refresh_tokens[-1]


@pytest.mark.requirement(69, 104)
def test_what_lies_in_the_journal_is_stored(
    journey: Journey, recovery_journal: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = journey.connect()
    left_in_journal(journey, connection)
    new_process(settings, monkeypatch)

    assert replay(now=journey.clock()) == 1

    assert stored_tokens(connection).refresh_token == newest(journey)
    assert files(recovery_journal) == {}


@pytest.mark.requirement(69, 104)
@pytest.mark.parametrize("dry_run", [True, False])
def test_what_lies_in_the_journal_stays_there_while_the_service_is_down(
    journey: Journey,
    recovery_journal: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    dry_run: bool,
) -> None:
    left_in_journal(journey, journey.connect())
    new_process(settings, monkeypatch, is_down=True)

    recovery = recover(now=journey.clock(), dry_run=dry_run)

    assert [found.fate for found in recovery.found] == [Fate.NO_KEYS]
    assert not recovery.needs_operator
    assert files(recovery_journal) == {".journal": 1}


@pytest.mark.requirement(104)
def test_who_is_disconnected_by_an_order_is_disconnected_at_the_provider(
    journey: Journey, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, keys = journey.connect(), settings.HUB_SEALING_KEYS
    order = bulk_revoke.begin(Selection(), reason="", actor="op", now=journey.clock())
    new_process(settings, monkeypatch, is_down=True)

    assert not bulk_revoke.go_on(order.pk, clock=journey.clock)
    assert fresh(connection).status == Connection.Status.ACTIVE

    settings.HUB_SEALING_KEYS = keys
    new_process(settings, monkeypatch)
    assert bulk_revoke.go_on(order.pk, clock=journey.clock)
    assert fresh(connection).status == Connection.Status.REVOKED
    assert not journey.server.is_active(newest(journey))


@pytest.mark.requirement(104, 105)
def test_nobody_is_disconnected_here_alone_while_the_service_is_down(
    journey: Journey, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, keys = journey.connect(), settings.HUB_SEALING_KEYS
    new_process(settings, monkeypatch, is_down=True)

    with pytest.raises(OAuthError) as refused:
        disconnect.disconnect(connection, actor="alice", now=journey.clock())
    with pytest.raises(OAuthError):
        disconnect_all.disconnect_all(journey.user.pk, actor="alice", clock=journey.clock)

    assert (refused.value.code, refused.value.remedy) == ("key_service_unavailable", Remedy.RETRY)
    assert fresh(connection).status == Connection.Status.ACTIVE
    settings.HUB_SEALING_KEYS = keys
    assert stored_tokens(connection).refresh_token == newest(journey)


@pytest.mark.requirement(104)
def test_an_account_that_is_closed_meanwhile_is_closed_and_the_rest_is_done_later(
    journey: Journey, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    journey.connect()
    keys = settings.HUB_SEALING_KEYS
    new_process(settings, monkeypatch, is_down=True)

    assert not close_account.close_account(journey.user, clock=journey.clock).is_gone
    assert close_account.finish_closures(clock=journey.clock) == 0
    journey.user.refresh_from_db()
    assert not journey.user.is_active

    settings.HUB_SEALING_KEYS = keys
    new_process(settings, monkeypatch)
    assert close_account.finish_closures(clock=journey.clock) == 1
    assert not journey.server.is_active(newest(journey))


@pytest.mark.requirement(104)
def test_a_registration_is_not_in_alarm_for_want_of_its_secret(
    journey: Journey, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_process(settings, monkeypatch, is_down=True)

    with pytest.raises(OAuthError) as refused:
        client_for(journey.registration, {})

    assert refused.value.remedy is Remedy.RETRY
