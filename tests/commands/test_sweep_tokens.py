"""The sweep as cron runs it: what it prints, how it ends."""

import io
import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from integrations.management.options import duration
from integrations.models import AccountClosure, ClientRegistration, Connection, SweepRun
from tests.clock import Clock
from tests.factories import make_user
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.registration import register_sandbox
from tests.flows.journey import Journey, fresh

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def provider_server() -> Iterator[FakeAuthorizationServer]:
    """On the real clock, as the command."""
    with FakeAuthorizationServer() as server:
        yield server


@pytest.fixture
def registration(provider_server: FakeAuthorizationServer, transactional_db: None) -> ClientRegistration:
    return register_sandbox(provider_server)


def due(registration: ClientRegistration, server: FakeAuthorizationServer, count: int) -> list[Connection]:
    """Connections of as many people, due a minute ago."""
    rows = []
    for _ in range(count):
        owner: User = make_user()
        journey = Journey(user=owner, registration=registration, server=server, clock=Clock(timezone.now()))
        rows.append(journey.connect())
    Connection.objects.update(refresh_due_at=timezone.now() - timedelta(minutes=1))
    return rows


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("sweep_tokens", *arguments, stdout=out)
    return out.getvalue()


def test_what_is_due_is_refreshed_and_summed_up_in_one_line(
    registration: ClientRegistration, provider_server: FakeAuthorizationServer
) -> None:
    rows = due(registration, provider_server, 3)

    out = run()

    assert {fresh(row).version for row in rows} == {2}
    assert out.startswith("3 due: 3 refreshed in ")
    assert out.count("\n") == 1
    assert SweepRun.objects.get().counts == {"refreshed": 3}


def test_a_second_sweep_has_nothing_to_do(
    registration: ClientRegistration, provider_server: FakeAuthorizationServer
) -> None:
    due(registration, provider_server, 1)
    run()

    out = run()

    assert out.startswith("0 due: nothing to do")
    assert len(provider_server.refreshes()) == 1


def test_the_summary_as_json_is_one_object(
    registration: ClientRegistration, provider_server: FakeAuthorizationServer
) -> None:
    due(registration, provider_server, 2)

    summary = json.loads(run("--json"))

    assert summary["counts"] == {"refreshed": 2}
    assert summary["by_provider"] == {"sandbox": {"refreshed": 2}}
    assert summary["needs_operator"] is False


def test_a_dry_run_counts_and_sends_nothing(
    registration: ClientRegistration, provider_server: FakeAuthorizationServer
) -> None:
    rows = due(registration, provider_server, 2)

    out = run("--dry-run")

    assert out == "2 due; nothing was sent.\n"
    assert {fresh(row).version for row in rows} == {1}
    assert provider_server.refreshes() == []


def test_options_narrow_what_is_taken(
    registration: ClientRegistration, provider_server: FakeAuthorizationServer
) -> None:
    due(registration, provider_server, 3)

    assert run("--provider", "github", "--dry-run").startswith("0 due")
    assert run("--limit", "2", "--dry-run").startswith("2 due")
    Connection.objects.update(refresh_due_at=timezone.now() + timedelta(minutes=5))
    assert run("--dry-run").startswith("0 due")
    assert run("--due-within", "10m", "--dry-run").startswith("3 due")


@pytest.mark.requirement(74)
def test_the_exit_code_says_that_an_operator_must_act(
    registration: ClientRegistration, provider_server: FakeAuthorizationServer
) -> None:
    rows = due(registration, provider_server, 2)
    provider_server.misbehave("token", Behaviour.ERROR, error="invalid_client", times=None)

    with pytest.raises(CommandError) as caught:
        run()

    assert caught.value.returncode == 1
    assert {fresh(row).status for row in rows} == {Connection.Status.ACTIVE}


@pytest.mark.requirement(73)
def test_a_passing_failure_and_a_person_who_must_act_are_no_operators_concern(
    registration: ClientRegistration, provider_server: FakeAuthorizationServer
) -> None:
    due(registration, provider_server, 2)
    provider_server.misbehave("token", Behaviour.SERVER_ERROR)
    provider_server.misbehave("token", Behaviour.ERROR, error="invalid_grant")

    out = run("--concurrency", "1")

    assert out.startswith("2 due: ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_what_is_in_flight_and_leaves_the_rest(
    registration: ClientRegistration, provider_server: FakeAuthorizationServer, number: signal.Signals
) -> None:
    due(registration, provider_server, 4)
    before = signal.getsignal(number)
    gate = provider_server.misbehave("token", Behaviour.DELAY_AFTER_PROCESSING)

    def interrupt() -> None:
        gate.wait_for_arrival()
        os.kill(os.getpid(), number)
        gate.open()

    with ThreadPoolExecutor(1) as pool:
        interrupted = pool.submit(interrupt)
        out = run("--concurrency", "1")
        interrupted.result()

    assert out.startswith("4 due: 3 not sent, 1 refreshed")
    assert Connection.objects.filter(version=2).count() == 1
    assert Connection.objects.filter(lease_owner="").count() == 4
    assert len(provider_server.refreshes()) == 1
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(
    "arguments",
    [
        ("--due-within", "soon"),
        ("--limit", "0"),
        ("--limit", "-1"),
        ("--concurrency", "many"),
        ("--provider", "nonsense"),
        ("--dry",),
    ],
)
def test_wrong_usage_is_refused(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        run(*arguments)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("2h", 7200), ("1d", 86_400), ("0", 0)]
)
def test_durations_are_written_with_a_unit(text: str, seconds: int) -> None:
    assert duration(text).total_seconds() == seconds


def test_a_bar_is_drawn_on_a_terminal_alone(
    registration: ClientRegistration,
    provider_server: FakeAuthorizationServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    due(registration, provider_server, 2)

    run()

    assert capsys.readouterr().err == ""


def test_the_exit_code_stays_while_a_registration_is_in_alarm(
    registration: ClientRegistration, provider_server: FakeAuthorizationServer
) -> None:
    due(registration, provider_server, 1)
    provider_server.misbehave("token", Behaviour.ERROR, error="invalid_client", times=None)
    with pytest.raises(CommandError):
        run()

    with pytest.raises(CommandError) as caught:
        run()

    assert caught.value.returncode == 1
    assert len(provider_server.refreshes()) == 1
    assert run("--provider", "github").startswith("0 due")


def test_a_sweep_finishes_the_deletion_of_accounts_and_a_dry_run_does_not(
    registration: ClientRegistration, provider_server: FakeAuthorizationServer
) -> None:
    person = due(registration, provider_server, 1)[0].owner
    assert person is not None
    AccountClosure.objects.create(user=person, started_at=timezone.now())

    run("--dry-run")
    assert User.objects.filter(pk=person.pk, is_active=True).exists()
    run()

    assert not User.objects.filter(pk=person.pk).exists()
    assert all(grant.revoked for grant in provider_server.grants())
