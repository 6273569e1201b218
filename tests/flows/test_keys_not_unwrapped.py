"""A process that has just started has not unwrapped its keys: what it does first must not cost a token."""

from pathlib import Path

import pytest
from pytest_django import Settings

from bench.fleet import wait_for
from integrations import vault
from integrations.flows import bulk_revoke, close_account, disconnect, disconnect_all
from integrations.flows.clients import client_for
from integrations.flows.recover import Fate, recover, replay
from integrations.flows.selection import Selection
from integrations.models import Connection, PendingRevocation
from integrations.oauth.errors import OAuthError, Remedy
from tests.fakes.misbehaviour import Behaviour
from tests.flows.journaling import files, left_in_journal
from tests.flows.journey import Journey, fresh, stored_tokens
from tests.flows.key_service import KeyServiceDouble, keep_keys
from tests.flows.leases import borrow
from tests.flows.threads import started

#: After this nothing is opened any more, if the service does not answer.
CACHE_SECONDS = 1
pytestmark = pytest.mark.django_db(transaction=True)


def new_process(settings: Settings, monkeypatch: pytest.MonkeyPatch, *, is_down: bool = False) -> KeyServiceDouble:
    settings.HUB_REFRESH_WAIT_SECONDS = 0.05
    service = keep_keys(settings, monkeypatch)
    service.is_down = is_down
    return service


def nothing_opens() -> bool:
    try:
        vault.keyring()
    except vault.SealError:
        return True
    return False


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


@pytest.mark.requirement(104, 107)
def test_a_late_token_is_revoked_though_the_service_went_down_while_the_provider_thought(
    journey: Journey, settings: Settings
) -> None:
    connection = journey.connect()
    settings.HUB_KMS_CACHE_SECONDS = CACHE_SECONDS
    # Never taken away: the thread that looks after these keys goes on asking for them.
    service = keep_keys(settings, pytest.MonkeyPatch())
    journey.clock.advance(minutes=61)
    gate = journey.server.misbehave("token", Behaviour.DELAY_AFTER_PROCESSING)
    journey.server.misbehave("revoke", Behaviour.SERVER_ERROR, times=None)

    with started(1, lambda: borrow(journey, connection)):
        gate.wait_for_arrival()
        disconnect.disconnect(fresh(connection), actor="alice", now=journey.clock())
        service.is_down = True
        wait_for(nothing_opens, what="The keys are still there.")
        gate.open()

    late = newest(journey)
    assert journey.server.is_active(late)
    service.is_down = False
    wait_for(lambda: not nothing_opens(), what="The keys are not back.")
    journey.server.behave("revoke")
    journey.clock.advance(hours=1)
    disconnect.retry_revocations(now=journey.clock())
    assert not journey.server.is_active(late)
    assert not PendingRevocation.objects.exists()


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
