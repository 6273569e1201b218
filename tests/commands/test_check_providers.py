"""check_providers as an operator runs it: what it prints, how it ends."""

import io
import json
import os
import signal
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from bench.fleet import wait_for
from integrations.models import ClientRegistration
from tests.canaries import leaks
from tests.factories import CLIENT_SECRET, make_registration
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.registration import register_helpdesk, register_sandbox
from tests.leaks.passing import secrets_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider_server() -> Iterator[FakeAuthorizationServer]:
    """On the real clock, as the command."""
    with FakeAuthorizationServer() as server:
        yield server


@pytest.fixture
def registration(provider_server: FakeAuthorizationServer, db: None) -> ClientRegistration:
    return register_sandbox(provider_server)


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("check_providers", *arguments, stdout=out)
    return out.getvalue()


def failing(*arguments: str) -> tuple[str, CommandError]:
    out = io.StringIO()
    with pytest.raises(CommandError) as failure:
        call_command("check_providers", *arguments, stdout=out)
    return out.getvalue(), failure.value


def test_the_table_fits_the_screen_and_says_what_to_do(registration: ClientRegistration) -> None:
    registration.extra_scope = "notes:read,notes:write"
    registration.save()

    out = run()

    assert "sandbox (sandbox): 1 warning" in out
    assert "warning  scope_delimiter" in out
    assert "> Put blanks between tokens" in out
    assert "ok       client_accepted" in out
    assert max(map(len, out.splitlines())) <= 100


def test_only_problems_leaves_out_what_is_right(registration: ClientRegistration) -> None:
    assert "client_accepted" not in run("--only-problems")


def test_a_failure_ends_with_1_and_a_warning_with_0(
    registration: ClientRegistration, provider_server: FakeAuthorizationServer
) -> None:
    provider_server.misbehave("token", Behaviour.ERROR, error="invalid_client")

    out, failure = failing()

    assert failure.returncode == 1
    assert "sandbox" in str(failure)
    assert "FAILURE  client_refused" in out


def test_json_is_one_object_of_a_stable_shape(registration: ClientRegistration) -> None:
    document = json.loads(run("--json"))

    assert {*document} == {"format", "machine", "registrations", "counts"}
    assert document["format"] == 1
    (row,) = document["registrations"]
    assert (row["slug"], row["provider"], row["enabled"], row["level"]) == ("sandbox", "sandbox", True, "ok")
    assert all({*finding} == {"level", "code", "about", "sentence", "remedy"} for finding in row["findings"])
    assert {*document["counts"]} == {"ok", "unknown", "warning", "failure"}
    assert document["counts"]["ok"] == len(row["findings"])


def test_which_are_checked(registration: ClientRegistration, provider_server: FakeAuthorizationServer) -> None:
    register_sandbox(provider_server, slug="other")
    off = register_helpdesk(provider_server)
    ClientRegistration.objects.filter(pk=off.pk).update(enabled=False)

    def slugs(*arguments: str) -> list[str]:
        return [row["slug"] for row in json.loads(run("--json", *arguments))["registrations"]]

    assert slugs() == ["other", "sandbox"]
    assert slugs("--slug", "other") == ["other"]
    assert slugs("--all", "--provider", "helpdesk") == ["helpdesk"]
    assert slugs("--provider", "helpdesk") == []
    assert slugs("--slug", "helpdesk", "--variable", "desk=acme") == ["helpdesk"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--slug", "gone"],
        ["--provider", "gone"],
        ["--variable", "desk"],
        ["--variable", "nonsense=1"],
        ["--slug", "helpdesk", "--variable", "desk=evil.example/"],
    ],
)
def test_wrong_usage_ends_with_2_and_asks_nobody(
    registration: ClientRegistration, provider_server: FakeAuthorizationServer, arguments: list[str]
) -> None:
    register_helpdesk(provider_server)

    _, failure = failing(*arguments)

    assert failure.returncode == 2
    assert provider_server.requests() == []


@pytest.mark.requirement(98)
@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_nothing_secret_is_printed(
    registration: ClientRegistration, provider_server: FakeAuthorizationServer, arguments: list[str]
) -> None:
    out = run(*arguments)

    assert CLIENT_SECRET not in out
    assert leaks(out, secrets_of(provider_server)) == []


def test_one_broken_provider_does_not_stop_the_others(registration: ClientRegistration) -> None:
    make_registration(slug="dead")
    make_registration(slug="gone", provider="gone")

    out, failure = failing("--json")

    levels = {row["slug"]: row["level"] for row in json.loads(out)["registrations"]}
    assert levels == {"dead": "failure", "gone": "failure", "sandbox": "ok"}
    assert str(failure) == "An operator must act: dead, gone."


def test_a_signal_ends_it_with_what_was_found(
    registration: ClientRegistration, provider_server: FakeAuthorizationServer
) -> None:
    gate = provider_server.misbehave("token", Behaviour.DELAY_BEFORE_PROCESSING)
    usual = signal.getsignal(signal.SIGTERM)

    def interrupt() -> None:
        gate.wait_for_arrival()
        os.kill(os.getpid(), signal.SIGTERM)
        # The first one makes the second one do what it always does.
        wait_for(lambda: signal.getsignal(signal.SIGTERM) is usual, what="nobody noticed the signal")
        gate.open()

    with ThreadPoolExecutor(1) as pool:
        interrupting = pool.submit(interrupt)
        out = run("--json")
        interrupting.result()

    found = [finding["code"] for finding in json.loads(out)["registrations"][0]["findings"]]
    assert found[-1] == "interrupted"
    assert "client_accepted" in found


@pytest.mark.parametrize(
    ("program", "says", "code"),
    [
        ("timedatectl", "yes", "clock_synchronised"),
        ("timedatectl", "no", "clock_not_synchronised"),
        ("timedatectl", "System has not been booted with systemd", "clock_sync_unknown"),
        ("chronyc", "Stratum : 3\nLeap status     : Normal", "clock_synchronised"),
        ("chronyc", "Leap status     : Not synchronised", "clock_not_synchronised"),
        ("chronyc", "", "clock_sync_unknown"),
        ("", "", "clock_sync_unknown"),
    ],
)
def test_this_machines_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, says: str, code: str
) -> None:
    if program:
        script = tmp_path / program
        script.write_text(f"#!/bin/sh\n/bin/cat <<'END'\n{says}\nEND\n")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))

    document = json.loads(run("--json"))

    assert [finding["code"] for finding in document["machine"]] == [code]
