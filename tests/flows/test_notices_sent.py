"""Who sends which notice, and when: one sender a person, one mail an hour, nothing that is not true any more."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.db import OperationalError
from django.db import connection as database
from django.utils import timezone
from pytest_django import Settings

from integrations.flows import disconnect, notices
from integrations.models import ClientRegistration, Connection, Mailbox, Notice, Preferences
from tests.factories import about, make_user
from tests.fakes.mail_server import MailServer, running_mail_server
from tests.flows.threads import in_threads
from tests.flows.worker import started_process
from tests.mail.posting import added, at, broken, sent

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
AFTER_THE_LEASE = notices.LEASE + timedelta(seconds=1)
KILLED = -9


@pytest.fixture(autouse=True)
def mail_is_sent(settings: Settings) -> None:
    settings.EMAIL_URL = "smtp://localhost:25"


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with running_mail_server() as server:
        yield server


def claimed(after: timedelta = timedelta()) -> list[notices.Letter]:
    return notices.claim(people=100, now=at(after)) or []


def test_two_hundred_broken_at_once_are_one_mail() -> None:
    owner = make_user()
    for _ in range(200):
        broken(owner)

    assert sent().sent == 1
    assert len(mail.outbox) == 1
    assert not Notice.objects.exists()


def test_what_breaks_within_the_hour_is_gathered_into_the_next() -> None:
    owner = make_user()
    broken(owner)
    sent()
    for minutes in (1, 20, 59):
        broken(owner)
        assert sent(timedelta(minutes=minutes)).sent == 0
    other = broken()

    assert sent(timedelta(minutes=59)).sent == 1
    assert mail.outbox[-1].to == [other.user.email]
    assert sent(HOUR + timedelta(seconds=5)).sent == 1
    assert mail.outbox[-1].subject == "3 connections need you"


def test_new_connections_do_not_wait_and_are_told_one_by_one() -> None:
    owner = make_user()
    broken(owner)
    sent()
    added(owner)
    added(owner)

    assert sent().sent == 2


def reconnected(notice: Notice) -> None:
    Connection.objects.filter(pk=about(notice).pk).update(status=Connection.Status.ACTIVE)


def disconnected(notice: Notice) -> None:
    disconnect.disconnect(about(notice), actor="robin", now=timezone.now())


def deactivated(notice: Notice) -> None:
    User.objects.filter(pk=notice.user_id).update(is_active=False)


def without_address(notice: Notice) -> None:
    User.objects.filter(pk=notice.user_id).update(email="")


def not_wanted(notice: Notice) -> None:
    Preferences.objects.create(user=notice.user, mail_needs_you=False, mail_connected=False)


@pytest.mark.parametrize("meanwhile", [reconnected, disconnected, deactivated, without_address, not_wanted])
def test_what_is_not_true_any_more_is_dropped(meanwhile: Callable[[Notice], None]) -> None:
    meanwhile(broken())
    other = added()
    if meanwhile is not reconnected:
        meanwhile(other)

    report = sent()

    assert report.sent == (meanwhile is reconnected)
    assert (report.failed, report.given_up) == (0, 0)
    assert not Notice.objects.exists()
    assert not Mailbox.objects.exclude(lease_owner="").exists()


def test_what_nobody_can_mend_while_a_provider_is_switched_off_waits() -> None:
    notice = broken()
    ClientRegistration.objects.update(enabled=False)
    assert sent().sent == 0

    ClientRegistration.objects.update(enabled=True)

    assert sent().sent == 1
    assert not Notice.objects.filter(pk=notice.pk).exists()


def test_one_person_is_written_to_by_one_sender() -> None:
    owner = make_user()
    broken(owner)
    (letter,) = claimed()
    late = broken(owner)

    assert claimed() == []
    assert sent().sent == 0
    notices.sent(letter, now=timezone.now())
    notices.release([letter])

    assert list(Notice.objects.all()) == [late]
    assert sent().sent == 0
    assert sent(HOUR + timedelta(seconds=5)).sent == 1


def test_a_sender_that_was_frozen_past_its_lease_sends_nothing() -> None:
    broken()
    (frozen,) = claimed()

    assert sent(AFTER_THE_LEASE).sent == 1

    assert not notices.still_held(frozen, now=at(AFTER_THE_LEASE))


def test_a_lease_runs_anew_with_each_letter() -> None:
    broken()
    (letter,) = claimed()

    assert notices.still_held(letter, now=at(notices.LEASE / 2))

    assert claimed(AFTER_THE_LEASE) == []


@pytest.mark.django_db(transaction=True)
def test_two_senders_at_once_send_nothing_twice() -> None:
    owners = [make_user() for _ in range(30)]
    for owner in owners:
        broken(owner)
        broken(owner)
        added(owner)
    together = threading.Barrier(4)

    def send() -> int:
        together.wait()
        return sent().sent

    counts = [future.result() for future in in_threads(4, send)]

    assert sum(counts) == len(mail.outbox) == 60
    assert len({message.extra_headers["Message-ID"] for message in mail.outbox}) == 60
    assert not Notice.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("point", "letters"), [("claimed", 1), ("handed over", 2)])
def test_a_sender_that_is_killed_leaves_the_letter_to_the_next(
    mail_server: MailServer, settings: Settings, point: str, letters: int
) -> None:
    broken(make_user("ada"))
    with started_process("tests.flows.sending", timezone.now().isoformat(), mail_server.url, point) as process:
        process.wait(60)

    assert process.returncode == KILLED
    assert sent().sent == 0
    assert sent(AFTER_THE_LEASE).sent == 1

    arrived = [str(message["Message-ID"]) for message in mail_server.to("ada@example.test")]
    arrived += [message.extra_headers["Message-ID"] for message in mail.outbox]
    assert len(arrived) == letters
    assert len(set(arrived)) == 1
    assert not Notice.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_letter_that_cannot_be_struck_off_leaves_again_under_the_same_id() -> None:
    broken()

    def failing(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("DELETE FROM") and "created_at" not in sql:
            raise OperationalError("disk is full")
        return execute(sql, params, many, context)

    with database.execute_wrapper(failing), pytest.raises(OperationalError):
        sent()
    assert sent().sent == 1

    first, second = (message.extra_headers["Message-ID"] for message in mail.outbox)
    assert first == second


def test_another_break_is_another_letter() -> None:
    notice = broken()
    sent()
    Notice.objects.create(user=notice.user, connection=notice.connection, kind=Notice.Kind.NEEDS_YOU)
    sent(HOUR + timedelta(seconds=5))

    first, second = (message.extra_headers["Message-ID"] for message in mail.outbox)
    assert first != second


def test_who_waits_longest_is_written_to_first() -> None:
    waits = broken()
    Notice.objects.update(next_attempt_at=timezone.now() - timedelta(hours=3))
    broken()

    (letter,) = notices.claim(people=1, now=timezone.now()) or []

    assert letter.user_id == waits.user_id
