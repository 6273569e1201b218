"""Back up, restore elsewhere, look, and go on: as docs/backup.md says, on SQLite and on PostgreSQL."""

import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from django.db import connection as database
from django.utils import timezone

from integrations.crypto import new_key
from integrations.models import ClientRegistration, Connection
from tests.clock import Clock
from tests.factories import make_connection
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.registration import register_sandbox
from tests.flows.sweeping import are_in_step, connect_many, swept
from tests.flows.threads import started
from tests.real.backups import command, restored, take_backup

pytestmark = [pytest.mark.real, pytest.mark.django_db(transaction=True)]
PATIENCE_SECONDS = 120


@pytest.fixture
def provider_server() -> Iterator[FakeAuthorizationServer]:
    """On the real clock, as the commands."""
    with FakeAuthorizationServer() as server:
        yield server


@pytest.fixture
def registration(provider_server: FakeAuthorizationServer, transactional_db: None) -> ClientRegistration:
    return register_sandbox(provider_server)


@pytest.mark.requirement(94)
def test_a_backup_of_a_busy_hub_opens_elsewhere_with_its_keys_and_no_others(
    registration: ClientRegistration, provider_server: FakeAuthorizationServer, tmp_path: Path
) -> None:
    clock = Clock(timezone.now())
    rows = connect_many(registration, provider_server, 30, clock=clock)
    began, enough = Event(), Event()

    def refresh_on_and_on() -> None:
        while not enough.is_set():
            clock.advance(minutes=61)
            swept(clock)
            began.set()

    with started(1, refresh_on_and_on) as futures:
        try:
            assert began.wait(PATIENCE_SECONDS)
            backup = take_backup(tmp_path)
        finally:
            enough.set()
        futures[0].result()

    assert are_in_step(rows, provider_server)
    tokens = [token.encode() for token in provider_server.memory.secrets_issued()]
    assert not any(token in backup.read_bytes() for token in tokens)
    with restored(backup) as url:
        whole = command(url, "assess_restore", journal=tmp_path / "journal")
        locked = command(url, "assess_restore", journal=tmp_path / "journal", HUB_SEALING_KEYS=new_key("another"))

    assert (whole.code, whole.report["opened"], whole.report["unopened"]) == (0, 31, {})
    assert (locked.code, locked.report["opened"], locked.report["missing_keys"]) == (1, 0, {"test": 31})
    assert "HUB_SEALING_KEYS lacks keys that the backup needs: test (31)" in locked.errors


def test_a_restored_hub_asks_those_to_reconnect_whose_token_was_used_since_and_goes_on_with_the_rest(
    registration: ClientRegistration, provider_server: FakeAuthorizationServer, tmp_path: Path
) -> None:
    clock = Clock(timezone.now())
    (used,) = connect_many(registration, provider_server, 1, clock=clock)
    (unused,) = connect_many(registration, provider_server, 1, clock=clock, due_in=3000)
    backup = take_backup(tmp_path)
    assert swept(clock).counts == {"refreshed": 1}

    with restored(backup) as url:
        looked_at = command(url, "assess_restore", journal=tmp_path / "journal")
        held = command(url, "sweep_tokens", journal=tmp_path / "journal", HUB_HOLD_REFRESHES="true")
        assert len(provider_server.refreshes()) == 1
        assert are_in_step([used, unused], provider_server)
        first = command(url, "sweep_tokens", journal=tmp_path / "journal")
        second = command(url, "sweep_tokens", "--due-within", "1d", journal=tmp_path / "journal")

    (exposure,) = looked_at.report["registrations"]
    assert (exposure["connections"], exposure["at_risk"], exposure["rotates"]) == (2, 1, True)
    assert held.report["counts"] == {"held": 1}
    assert (first.code, first.report["counts"]) == (0, {"needs_reauthorization": 1})
    assert (second.code, second.report["counts"]) == (0, {"refreshed": 1})
    assert provider_server.memory.reuses_detected == 1


@pytest.mark.skipif("database.vendor != 'sqlite'", reason="PostgreSQL has no such file")
def test_the_file_alone_is_no_backup_of_sqlite(tmp_path: Path, transactional_db: None) -> None:
    """What was committed last is in the write-ahead log beside it."""
    with database.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.execute("PRAGMA wal_autocheckpoint = 0")
    connection = make_connection()
    copied = tmp_path / "copied.sqlite3"

    # By another process: where a process closes a file, the locks that SQLite has on it there are gone.
    subprocess.run(["cp", str(database.settings_dict["NAME"]), str(copied)], check=True)
    backup = take_backup(tmp_path)

    assert (_has(copied, connection), _has(backup, connection)) == (False, True)
    with database.cursor() as cursor:
        cursor.execute("PRAGMA wal_autocheckpoint = 1000")


def _has(file: Path, connection: Connection) -> bool:
    with sqlite3.connect(file) as copy:
        rows = copy.execute("SELECT 1 FROM integrations_connection WHERE uuid = ?", [connection.uuid.hex])
        return rows.fetchone() is not None
