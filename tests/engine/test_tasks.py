"""Each task does the same inline as over a broker, once or twice, and nothing harmful to rows that moved on."""

from datetime import timedelta

import pytest
from celery.signals import worker_process_shutdown
from django.contrib.sessions.backends.db import SessionStore
from django.core import mail
from django.utils import timezone
from pytest_django import Settings

from integrations import tasks
from integrations.flows import bulk_revoke, close_account, uses
from integrations.flows.selection import Selection
from integrations.models import (
    AccountClosure,
    AuthorizationRequest,
    BulkRevocation,
    Connection,
    Event,
    Notice,
    PendingRevocation,
    SweepRun,
    Use,
)
from tests.clock import Clock
from tests.engine.running import Engine
from tests.factories import make_authorization_request, make_connection, make_pending_revocation, make_user
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.receiver import Receiver
from tests.fakes.registration import register_sandbox
from tests.flows.journey import fresh, kinds, stored_tokens
from tests.flows.sweeping import are_idle, are_in_step, connect_many, statuses, versions
from tests.lending import make_webhook_delivery, make_webhook_endpoint
from tests.mail.posting import broken

pytestmark = pytest.mark.django_db(transaction=True)


def due(server: FakeAuthorizationServer, count: int, **fields: object) -> list[Connection]:
    return connect_many(register_sandbox(server), server, count, clock=Clock(timezone.now()), **fields)  # type: ignore[arg-type]


@pytest.mark.requirement(65, 71)
def test_what_is_due_is_refreshed_once_however_often_a_slice_is_asked_for(
    engine: Engine, provider_server: FakeAuthorizationServer
) -> None:
    rows = due(provider_server, 3)

    engine.run(tasks.sweep_slice)
    engine.run(tasks.sweep_slice)

    assert versions(rows) == [2, 2, 2]
    assert are_in_step(rows, provider_server)
    assert are_idle(rows)
    assert len(provider_server.refreshes()) == 3
    assert SweepRun.objects.exclude(finished_at=None).count() == 2


def test_dispatch_asks_for_as_many_slices_as_are_worth_it(
    engine: Engine, provider_server: FakeAuthorizationServer, settings: Settings
) -> None:
    settings.HUB_SWEEP_SLICES = 2
    rows = due(provider_server, 3)
    make_pending_revocation(connection=rows[0])

    engine.run(tasks.dispatch)

    assert versions(rows) == [2, 2, 2]
    assert not PendingRevocation.objects.exists()
    assert len(provider_server.refreshes()) == 3


@pytest.mark.requirement(65)
def test_one_connection_is_refreshed_once_however_often_it_is_asked_for(
    engine: Engine, provider_server: FakeAuthorizationServer
) -> None:
    rows = due(provider_server, 2)

    engine.run(tasks.refresh_connection, rows[0].pk)
    engine.run(tasks.refresh_connection, rows[0].pk)

    assert versions(rows) == [2, 1]
    assert len(provider_server.refreshes()) == 1


@pytest.mark.requirement(72, 73, 74)
@pytest.mark.parametrize(
    ("behaviour", "error", "status"),
    [
        (Behaviour.SERVER_ERROR, "", Connection.Status.ACTIVE),
        (Behaviour.ERROR, "invalid_grant", Connection.Status.NEEDS_REAUTHORIZATION),
        (Behaviour.ERROR, "invalid_client", Connection.Status.ACTIVE),
    ],
)
def test_a_refusal_is_settled_in_the_row_and_the_next_task_goes_by_that(
    engine: Engine, provider_server: FakeAuthorizationServer, behaviour: Behaviour, error: str, status: str
) -> None:
    (row,) = due(provider_server, 1)
    provider_server.misbehave("token", behaviour, times=None, error=error)

    engine.run(tasks.refresh_connection, row.pk)
    engine.run(tasks.refresh_connection, row.pk)
    engine.run(tasks.sweep_slice)

    assert fresh(row).status == status
    assert len(provider_server.refreshes()) == 1
    assert sum(kind in ("needs_reauthorization", "refresh_failed") for kind in kinds(row)) == 1


@pytest.mark.requirement(25)
def test_nothing_is_sent_for_what_is_switched_off_or_gone(
    engine: Engine, provider_server: FakeAuthorizationServer
) -> None:
    off, gone = due(provider_server, 2)
    off.registration.enabled = False
    off.registration.save()
    Connection.objects.filter(pk=gone.pk).delete()

    for pk in (off.pk, gone.pk, 2**62):
        engine.run(tasks.refresh_connection, pk)
    engine.run(tasks.sweep_slice)
    engine.run(tasks.sweep_slice, "no-such-provider")

    assert provider_server.refreshes() == []
    assert statuses([off]) == {"active": 1}


@pytest.mark.requirement(108)
def test_what_a_task_had_no_time_for_is_done_by_the_next_one(
    engine: Engine, provider_server: FakeAuthorizationServer, settings: Settings
) -> None:
    rows = due(provider_server, 3)
    for row in rows:
        make_pending_revocation(connection=row, tokens=stored_tokens(row))
    Connection.objects.update(status=Connection.Status.REVOKING, refresh_due_at=None)

    settings.HUB_SLICE_SECONDS = 0
    engine.run(tasks.tell_providers)
    assert PendingRevocation.objects.count() == 3
    settings.HUB_SLICE_SECONDS = 60
    engine.run(tasks.tell_providers)

    assert statuses(rows) == {"revoked": 3}
    assert [kinds(row) for row in rows] == [["revoked_at_provider"]] * 3


@pytest.mark.requirement(105, 106, 108)
def test_providers_are_told_once_however_often_it_is_asked_for(
    engine: Engine, provider_server: FakeAuthorizationServer
) -> None:
    ended, later = due(provider_server, 2)
    tokens = [stored_tokens(row) for row in (ended, later)]
    Connection.objects.update(status=Connection.Status.REVOKING, refresh_due_at=None)
    make_pending_revocation(connection=ended, tokens=tokens[0])
    make_pending_revocation(connection=later, tokens=tokens[1], due_in=600)

    engine.run(tasks.tell_providers)
    engine.run(tasks.tell_providers)

    assert [fresh(row).status for row in (ended, later)] == ["revoked", "revoking"]
    assert kinds(ended) == ["revoked_at_provider"]
    assert [provider_server.is_active(token.refresh_token or "") for token in tokens] == [False, True]


def test_mail_that_waits_is_sent_once(engine: Engine, settings: Settings) -> None:
    settings.EMAIL_URL = "smtp://localhost:25"
    broken()

    engine.run(tasks.send_mail)
    engine.run(tasks.send_mail)

    assert len(mail.outbox) == 1
    assert not Notice.objects.exists()


def test_applications_are_told(engine: Engine, receiver: Receiver) -> None:
    message = make_webhook_delivery(make_webhook_endpoint(url=receiver.url))

    engine.run(tasks.tell_applications)
    engine.run(tasks.tell_applications)

    assert receiver.ids == [message.message_id]


def test_the_deletion_of_an_account_is_finished(engine: Engine, provider_server: FakeAuthorizationServer) -> None:
    person = make_user()
    due(provider_server, 1, owner=person)
    provider_server.misbehave("revoke", Behaviour.UNAVAILABLE, times=None)
    close_account.close_account(person, clock=timezone.now)
    assert AccountClosure.objects.exists()
    provider_server.behave()
    PendingRevocation.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))

    engine.run(tasks.finish_account_closures)
    engine.run(tasks.finish_account_closures)

    assert not AccountClosure.objects.exists()
    assert not Connection.objects.exists()


@pytest.mark.requirement(108)
def test_an_order_to_revoke_many_is_gone_on_with(engine: Engine, provider_server: FakeAuthorizationServer) -> None:
    due(provider_server, 3, owner=make_user())
    bulk_revoke.begin(Selection(provider="sandbox"), reason="left", actor="operator", now=timezone.now())

    engine.run(tasks.revoke_in_bulk)
    engine.run(tasks.revoke_in_bulk)

    assert BulkRevocation.objects.get().finished_at is not None
    assert Event.objects.filter(kind=Event.Kind.DISCONNECTED).count() == 3
    assert not Connection.objects.usable().exists()


def test_what_has_run_out_is_forgotten(engine: Engine) -> None:
    session = SessionStore()
    session.set_expiry(timezone.now() - timedelta(days=1))
    session.create()
    make_authorization_request(expires_in=-86400 * 400)

    engine.run(tasks.prune)

    assert not session.exists(session.session_key or "")
    assert not AuthorizationRequest.objects.exists()


def test_a_failing_task_is_over_and_does_not_reach_its_caller(engine: Engine, transactional_db: None) -> None:
    engine.run(tasks.refresh_connection, "not a number")

    assert not Connection.objects.exists()


def test_uses_that_a_child_counted_are_written_when_it_ends() -> None:
    row = make_connection()
    for _ in range(3):
        uses.note(row, actor="a task of a program", now=timezone.now())

    worker_process_shutdown.send(sender=None, pid=1, exitcode=0)

    assert Use.objects.get(connection=row).count == 3
