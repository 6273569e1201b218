"""Sign in, list, borrow, call; what is taken away in the browser ends here."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from integrations.models import Connection
from tests.authorization_server.device_steps import browser_of, make_device_client
from tests.factories import make_connection, make_registration, make_tokens, make_user
from tests.fakes.upstream import FakeUpstream, answer_of
from tests.hubctl.terminal import Terminal

ACCESS_TOKEN = "the-provider's-own-token"
ALL = ("profile", "notes.read")


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        yield upstream


@pytest.fixture
def terminal(transactional_db: None, live_server: LiveServer, settings: Settings, tmp_path: Path) -> Terminal:
    settings.SITE_URL = live_server.url
    settings.OAUTH2_PROVIDER = {**settings.OAUTH2_PROVIDER, "OIDC_ISS_ENDPOINT": f"{live_server.url}/oauth"}
    make_device_client(client_type="public")
    return Terminal(hub=live_server.url, folder=tmp_path / "hubctl")


@pytest.fixture
def person(terminal: Terminal) -> User:
    return make_user("ada")


@pytest.fixture
def connection(person: User, upstream: FakeUpstream) -> Connection:
    return make_connection(
        owner=person,
        registration=make_registration(slug="sandbox", origin=upstream.origin),
        tokens=make_tokens(access_token=ACCESS_TOKEN),
        scope="profile notes:read",
    )


def test_from_signing_in_to_being_shut_out(
    terminal: Terminal, person: User, connection: Connection, upstream: FakeUpstream
) -> None:
    signed_in = terminal.sign_in(person, (connection, ALL))
    assert signed_in.code == 0, signed_in.err
    assert "connections:borrow" in signed_in.err

    assert terminal.run("whoami").out.startswith(f"ada at {terminal.hub}: ")
    (listed,) = terminal.run("list", "--json").out.splitlines()
    assert json.loads(listed)["id"] == str(connection.uuid)
    assert terminal.run("token", "sandbox", "--scope", "notes:read").out == f"{ACCESS_TOKEN}\n"
    assert terminal.run("token", "sandbox").out == f"{ACCESS_TOKEN}\n"

    upstream.answer(answer_of(b'{"notes": []}'))
    called = terminal.run("call", str(connection.uuid)[:8], "POST", "/notes?new=1", "--data", "-", typed=b'{"text":1}')
    assert (called.code, called.out) == (0, '{"notes": []}'), called.err
    (arrived,) = upstream.arrived
    assert (arrived.method, arrived.body) == ("POST", b'{"text":1}')
    assert arrived.all("Authorization") == [f"Bearer {ACCESS_TOKEN}"]

    browser_of(person).post("/applications/authorized/client-1/remove/")
    shut_out = terminal.run("list")
    assert (shut_out.code, shut_out.out) == (3, "")
    assert "hubctl login" in shut_out.err


def test_what_was_not_shared_is_not_there(terminal: Terminal, person: User, connection: Connection) -> None:
    terminal.sign_in(person)
    listed = terminal.run("list")
    assert (listed.code, listed.out) == (0, "")
    assert f"{terminal.hub}/applications/" in listed.err
    asked = terminal.run("token", "sandbox")
    assert (asked.code, asked.out) == (1, "")


def test_a_token_that_could_do_more_leads_to_the_page(terminal: Terminal, person: User, connection: Connection) -> None:
    terminal.sign_in(person, (connection, ("profile",)))
    asked = terminal.run("token", "sandbox")
    assert (asked.code, asked.out) == (4, "")
    assert f"Open {terminal.hub}/applications/authorized/client-1/" in asked.err


def test_refusal_is_told(terminal: Terminal, person: User) -> None:
    refused = terminal.sign_in(person, allow=False)
    assert (refused.code, refused.out) == (1, "")
    assert "refused in the browser" in refused.err


def test_only_its_owner_reads_what_is_kept(terminal: Terminal, person: User, connection: Connection) -> None:
    terminal.sign_in(person, (connection, ALL))
    kept = terminal.folder / "credentials.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(terminal.folder.stat().st_mode) == 0o700
    terminal.run("token", "sandbox")
    assert ACCESS_TOKEN not in kept.read_text()


def test_signing_out_ends_it_at_the_hub_too(terminal: Terminal, person: User, connection: Connection) -> None:
    terminal.sign_in(person, (connection, ALL))
    kept = (terminal.folder / "credentials.json").read_bytes()
    assert terminal.run("logout").code == 0
    assert terminal.run("list").code == 3
    (terminal.folder / "credentials.json").write_bytes(kept)
    assert terminal.run("list").code == 3


def test_signing_in_again_ends_the_sign_in_before(terminal: Terminal, person: User, connection: Connection) -> None:
    terminal.sign_in(person, (connection, ALL))
    kept = terminal.folder / "credentials.json"
    earlier = kept.read_bytes()

    assert terminal.sign_in(person, (connection, ALL)).code == 0

    assert terminal.run("list").code == 0
    kept.write_bytes(earlier)
    assert terminal.run("list").code == 3


@pytest.mark.parametrize(
    "address", ["http://hub.example.com", "https://user@hub.example.com", "https://", "nonsense:x"]
)
def test_tokens_go_to_no_such_address(tmp_path: Path, address: str) -> None:
    asked = Terminal(hub=address, folder=tmp_path).run("login")
    assert asked.code == 1
    assert "Traceback" not in asked.err


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_text("{")
    asked = Terminal(hub="https://hub.example.com", folder=tmp_path).run("list")
    assert asked.code == 1
    assert "credentials.json cannot be read" in asked.err
