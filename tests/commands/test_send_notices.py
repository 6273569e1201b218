"""The command that sends notices, and the sweep that does so at its end."""

import json
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from hub.environment import mailer
from integrations.models import Notice
from tests.clock import Clock
from tests.factories import make_user
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.mail_server import free_port
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.registration import register_sandbox
from tests.flows.sweeping import connect_many
from tests.mail.posting import broken

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def provider_server() -> Iterator[FakeAuthorizationServer]:
    with FakeAuthorizationServer() as server:
        yield server


@pytest.fixture(autouse=True)
def mail_is_sent(settings: Settings) -> None:
    settings.EMAIL_URL = "smtp://localhost:25"


def run(name: str, *arguments: str) -> str:
    out = StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue()


def test_it_says_in_a_line_how_many() -> None:
    broken()
    broken()

    assert run("send_notices") == "2 sent, 0 failed, 0 given up\n"
    assert run("send_notices") == "0 sent, 0 failed, 0 given up\n"


def test_a_mail_server_that_cannot_be_used_is_told_by_the_exit_code(settings: Settings) -> None:
    settings.MAILERS = {"default": mailer(f"smtp://127.0.0.1:{free_port()}")}
    broken()

    with pytest.raises(CommandError, match="EMAIL_URL") as caught:
        run("send_notices")

    assert caught.value.returncode == 1


def test_help_has_an_example_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("send_notices", "--help")

    told = capsys.readouterr().out
    assert "* * * * *  manage.py send_notices" in told
    assert "exit code:\n  0  all that was due" in told


def test_a_sweep_of_many_people_ends_in_one_mail_each(provider_server: FakeAuthorizationServer) -> None:
    registration = register_sandbox(provider_server)
    people = [make_user() for _ in range(5)]
    for owner in people:
        connect_many(registration, provider_server, 4, clock=Clock(timezone.now()), owner=owner)
    provider_server.misbehave("token", Behaviour.ERROR, error="invalid_grant", times=None)

    summary = json.loads(run("sweep_tokens", "--json"))

    assert summary["counts"] == {"needs_reauthorization": 20}
    assert sorted(message.to[0] for message in mail.outbox) == sorted(owner.email for owner in people)
    assert {message.subject for message in mail.outbox} == {"4 connections need you"}
    assert not Notice.objects.exists()


def test_a_dry_run_sends_nothing() -> None:
    broken()

    run("sweep_tokens", "--dry-run")

    assert mail.outbox == []


def test_a_mail_server_that_is_down_is_not_the_sweeps_failure(settings: Settings) -> None:
    settings.MAILERS = {"default": mailer(f"smtp://127.0.0.1:{free_port()}")}
    broken()

    assert run("sweep_tokens").startswith("0 due")
    assert Notice.objects.count() == 1
