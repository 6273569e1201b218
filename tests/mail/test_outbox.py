"""Handing letters to a real mail server: one connection for many, refusals, hang-ups, no server at all."""

import itertools
from datetime import timedelta

import pytest
from django.core import mail
from pytest_django import Settings

from hub.environment import mailer
from integrations.models import Mailbox, Notice
from tests.factories import make_user
from tests.fakes.mail_server import MailServer, free_port
from tests.mail.posting import added, broken, sent

pytestmark = pytest.mark.django_db


def test_many_letters_leave_by_one_connection(mail_server: MailServer) -> None:
    for _ in range(25):
        owner = make_user()
        broken(owner)
        broken(owner)

    report = sent()

    assert (report.sent, report.failed, report.needs_operator) == (25, 0, False)
    assert (len(mail_server.delivered), mail_server.connections) == (25, 1)
    assert {str(message["Subject"]) for message in mail_server.delivered} == {"2 connections need you"}
    assert not Notice.objects.exists()
    assert not Mailbox.objects.exclude(lease_owner="").exists()


def test_a_letter_arrives_as_text_and_html(mail_server: MailServer) -> None:
    broken(make_user("ada"), account_label="Zoë")
    sent()

    (message,) = mail_server.to("ada@example.test")
    assert message["From"] == "hub@localhost"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert all("Zoë" in part.get_content() for part in message.iter_parts())


def test_nothing_due_bothers_no_server(mail_server: MailServer) -> None:
    assert sent().sent == 0

    assert mail_server.connections == 0


def test_an_address_that_is_refused_keeps_nobody_elses_letter(
    mail_server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    mail_server.refused.add("ada@example.test")
    broken(make_user("ada"))
    broken(make_user("bob"))

    report = sent()

    assert (report.sent, report.failed, report.needs_operator) == (1, 1, False)
    ours = [str(vars(record)) for record in caplog.records if record.name.startswith("integrations")]
    assert any("notice not sent" in line for line in ours)
    assert not any("ada@" in line for line in ours)
    assert Notice.objects.get().attempts == 1
    mail_server.refused.clear()
    assert sent().sent == 0
    assert sent(timedelta(minutes=2)).sent == 1
    assert len(mail_server.to("ada@example.test")) == 1


def test_pauses_grow_and_it_ends_after_three_days(mail_server: MailServer, caplog: pytest.LogCaptureFixture) -> None:
    mail_server.refused.add("ada@example.test")
    broken(make_user("ada"))
    passed, pauses = timedelta(), []
    while Notice.objects.exists():
        report = sent(passed)
        if report.failed:
            pauses.append(passed)
        passed += timedelta(minutes=1) if passed < timedelta(minutes=20) else timedelta(minutes=40)

    gaps = [later - earlier for earlier, later in itertools.pairwise(pauses)]
    assert gaps[0] < timedelta(minutes=3)
    assert max(gaps) >= timedelta(minutes=40)
    assert len(pauses) < 100
    assert timedelta(days=3) <= passed <= timedelta(days=3, hours=1)
    assert "notices given up" in caplog.text


def test_a_server_that_hangs_up_is_called_again_and_can_tell_doubles(mail_server: MailServer) -> None:
    mail_server.hang_up_after = 3
    addresses = {broken(make_user()).user.email for _ in range(8)}

    report = sent()

    assert (report.sent, report.failed) == (8, 0)
    assert {str(message["To"]) for message in mail_server.delivered} == addresses
    assert len({str(message["Message-ID"]) for message in mail_server.delivered}) == 8
    assert mail_server.connections > 2


def test_no_server_loses_nothing_and_is_an_operators_concern(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.MAILERS = {"default": mailer(f"smtp://127.0.0.1:{free_port()}")}
    notices = [broken(), added()]

    report = sent()

    assert report.needs_operator
    assert (report.sent, report.failed) == (0, 0)
    assert "mail server cannot be used" in caplog.text
    assert list(Notice.objects.all()) == notices
    settings.MAILERS = {"default": mailer("")}
    assert sent().sent == 2


def test_a_server_that_refuses_everybody_is_let_alone(mail_server: MailServer) -> None:
    for _ in range(30):
        owner = make_user()
        mail_server.refused.add(owner.email)
        broken(owner)

    report = sent()

    assert report.needs_operator
    assert report.failed < 30
    assert Notice.objects.count() == 30


def test_an_address_that_is_none_keeps_nobody_elses_letter(mail_server: MailServer) -> None:
    owner = make_user("ada")
    owner.email = "ada@example.test\nBcc: eve@example.test"
    owner.save()
    broken(owner)
    broken()

    report = sent()

    assert (report.sent, report.failed) == (1, 1)
    assert [str(message["To"]) for message in mail_server.delivered] != ["eve@example.test"]


def test_without_a_mail_server_nothing_is_sent(settings: Settings) -> None:
    broken()
    settings.EMAIL_URL = ""

    assert sent().sent == 0
    assert mail.outbox == []
