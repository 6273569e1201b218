"""A change of the sealing key as an operator does it: what each step prints, how it ends, what it leaves."""

import io
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from integrations import vault
from integrations.flows import journal
from integrations.models import (
    AuthorizationRequest,
    ClientRegistration,
    Connection,
    Event,
    PendingRevocation,
    SealingKey,
    VaultEntry,
)
from integrations.vault import new_key
from tests.factories import (
    make_authorization_request,
    make_connection,
    make_pending_revocation,
    make_registration,
    make_user,
)

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("rotate_keys", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def run_json(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*arguments, "--json"))
    return found


def refused(*arguments: str) -> CommandError:
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    return caught.value


@pytest.fixture
def rotated(settings: Settings) -> Callable[[], None]:
    """Puts a new key first, when it is called."""

    def rotate() -> None:
        settings.HUB_SEALING_KEYS = f"{new_key('next')},{settings.HUB_SEALING_KEYS}"

    return rotate


# -- status


def test_status_tells_each_key_its_part_and_what_lies_under_it(rotated: Callable[[], None]) -> None:
    make_connection()
    make_pending_revocation()
    rotated()
    make_connection(registration=ClientRegistration.objects.first())

    found = {key["key_id"]: key for key in run_json("status")["keys"]}

    assert list(found) == ["next", "test"]
    assert found["next"] == {
        "key_id": "next",
        "in_ring": True,
        "primary": True,
        "kept_by": "settings",
        "is_right": True,
        "known_since": found["next"]["known_since"],
        "counts": {"vault_entry": 1},
    }
    assert found["test"]["counts"] == {"client_registration": 2, "pending_revocation": 1, "vault_entry": 1}
    table = run("status").splitlines()
    assert [line.split()[:2] for line in table[1:]] == [["next", "seals"], ["test", "opens"]]


@pytest.mark.requirement(94)
def test_status_ends_with_1_where_a_key_is_missing_or_wrong(settings: Settings) -> None:
    make_connection()
    settings.HUB_SEALING_KEYS = new_key("another")
    out = io.StringIO()

    with pytest.raises(CommandError) as caught:
        call_command("rotate_keys", "status", stdout=out)

    assert caught.value.returncode == 1
    assert [line.split()[:2] for line in out.getvalue().splitlines()[1:]] == [["another", "seals"], ["test", "MISSING"]]
    settings.HUB_SEALING_KEYS = new_key("test")
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("rotate_keys", "status", stdout=out)
    assert "WRONG" in out.getvalue()


def test_a_broken_ring_is_told_in_a_sentence(settings: Settings) -> None:
    settings.HUB_SEALING_KEYS = "k1:AAAA"

    error = refused("status")

    assert (error.returncode, str(error)) == (1, "HUB_SEALING_KEYS: key 'k1' is 3 bytes long, not 32.")


# -- make


def test_a_key_that_was_made_seals_and_opens(settings: Settings) -> None:
    line = run("make", "k2").strip()

    settings.HUB_SEALING_KEYS = f"{line},{settings.HUB_SEALING_KEYS}"
    connection = make_connection()

    assert VaultEntry.objects.get(connection=connection).key_id == "k2"
    assert run("make").startswith("k20")


def test_an_id_that_was_used_once_is_not_given_to_another_key(settings: Settings) -> None:
    SealingKey.objects.create(key_id="retired", proof=b"")

    for key_id in ("test", "retired"):
        error = refused("make", key_id)
        assert error.returncode == 2
        assert key_id in str(error)


def test_a_key_goes_into_a_new_file_that_only_we_can_read(tmp_path: Path) -> None:
    file = tmp_path / "k2"

    printed = run("make", "k2", "--to", str(file))

    assert printed == ""
    assert file.read_text().startswith("k2:")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert refused("make", "k3", "--to", str(file)).returncode == 2
    assert file.read_text().startswith("k2:")


def test_a_key_service_that_is_not_set_up_makes_no_key() -> None:
    error = refused("make", "k2", "--aws-kms")

    assert error.returncode == 2
    assert "HUB_KMS_KEY_ID" in str(error)


# -- reseal, verify, retire


@pytest.mark.requirement(94)
def test_a_key_is_retired_when_nothing_needs_it_and_then_everything_opens_without_it(
    rotated: Callable[[], None], settings: Settings
) -> None:
    connections = [make_connection() for _ in range(3)]
    rotated()

    error = refused("retire", "test")
    assert error.returncode == 1
    assert "6 do not open without it" in str(error)
    assert f"vault_entry {connections[0].pk} (key_unknown)" in str(error)
    assert run_json("reseal", "--dry-run") == {"to_do": {"test": {"client_registration": 3, "vault_entry": 3}}}
    assert run("reseal", "--dry-run") == "6 to seal anew.\n"
    assert run_json("reseal") == {"done": 6, "unopened": [], "finished": True}
    assert run_json("verify", "test") == {"tried": 6, "unopened": [], "in_journal": 0, "finished": True}
    assert "take it out of HUB_SEALING_KEYS" in run("retire", "test")
    settings.HUB_SEALING_KEYS = settings.HUB_SEALING_KEYS.partition(",")[0]
    for connection in connections:
        row = Connection.objects.select_related("vault_entry").get(pk=connection.pk)
        assert vault.read(row).access_token


def left_in_the_vault() -> None:
    make_connection()


def left_as_a_client_secret() -> None:
    make_registration()


def left_to_be_revoked() -> None:
    make_pending_revocation(connection=make_connection(sealed=False, registration=without_secret()))


def left_of_an_attempt() -> None:
    make_authorization_request(registration=without_secret())


def left_in_the_journal() -> None:
    connection = make_connection(registration=without_secret(), sealed=False)
    sealed = vault.seal_tokens(connection, vault.TokenSet(access_token="access"), version=2)
    record = journal.Record(
        connection_id=connection.pk,
        uuid=str(connection.uuid),
        version=1,
        lease_owner="somebody",
        fields=dict.fromkeys(journal.COLUMNS),
        sealed=sealed,
        key_id="test",
    )
    page = journal.Page()
    page.write([record])
    page.leave()


def without_secret() -> ClientRegistration:
    return make_registration(client_secret=None)


@pytest.mark.requirement(94)
@pytest.mark.parametrize(
    "leave",
    [left_in_the_vault, left_as_a_client_secret, left_to_be_revoked, left_of_an_attempt, left_in_the_journal],
)
def test_no_key_is_retired_while_anything_lies_under_it(leave: Callable[[], None], rotated: Callable[[], None]) -> None:
    leave()
    rotated()

    assert refused("retire", "test").returncode == 1
    assert refused("verify").returncode == 1
    assert any(key["counts"] for key in run_json("status")["keys"] if key["key_id"] == "test")


def test_the_key_that_seals_is_not_retired() -> None:
    error = refused("retire", "test")

    assert error.returncode == 2
    assert "primary" in str(error)


@pytest.mark.requirement(93, 94)
def test_what_does_not_open_is_named_and_keeps_the_exit_code_at_1(rotated: Callable[[], None]) -> None:
    first, second = make_connection(), make_connection()
    sealed = bytes(VaultEntry.objects.get(connection=second).sealed)
    VaultEntry.objects.filter(connection=first).update(sealed=sealed)
    rotated()

    error = refused("reseal")

    assert error.returncode == 1
    assert f"vault_entry {first.pk} (value_forged)" in str(error)
    assert VaultEntry.objects.get(connection=second).key_id == "next"


# -- lost


@pytest.mark.requirement(94)
def test_what_a_lost_key_sealed_is_dropped_and_its_owners_are_asked_to_reconnect(settings: Settings) -> None:
    registration = make_registration(slug="work")
    lost = make_connection(registration=registration)
    revoked = make_connection(registration=registration, sealed=False, status=Connection.Status.REVOKING)
    make_pending_revocation(connection=revoked)
    make_authorization_request(registration=registration)
    settings.HUB_SEALING_KEYS = new_key("fresh")
    kept = make_connection(owner=make_user(), registration=registration)

    would = run_json("lost", "test")
    assert VaultEntry.objects.count() == 2
    done = run_json("lost", "test", "--yes")

    assert would | {"dropped": True} == done
    assert done == {
        "connections": 1,
        "revocations": 1,
        "attempts": 1,
        "webhooks": 0,
        "registrations": ["work"],
        "dropped": True,
    }
    for row in (lost, revoked, kept):
        row.refresh_from_db()
    assert (lost.status, lost.last_error_code) == (Connection.Status.NEEDS_REAUTHORIZATION, "key_lost")
    assert list(Event.objects.filter(connection=lost).values_list("kind", "details")) == [
        ("seal_broken", {"code": "key_lost"})
    ]
    assert (revoked.status, kept.status) == (Connection.Status.REVOKED, Connection.Status.ACTIVE)
    assert [entry.connection for entry in VaultEntry.objects.all()] == [kept]
    assert not PendingRevocation.objects.exists()
    assert not AuthorizationRequest.objects.exists()


def test_a_key_of_the_ring_is_not_given_up() -> None:
    connection = make_connection()

    assert refused("lost", "test", "--yes").returncode == 2

    assert VaultEntry.objects.filter(connection=connection).exists()
