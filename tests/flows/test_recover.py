"""What becomes of the answers that are found in the recovery journal."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from integrations.crypto import new_key
from integrations.flows import disconnect, refresh
from integrations.flows.journal import Page
from integrations.flows.recover import Fate, recover, replay
from integrations.flows.sweep import SweepOptions, sweep
from integrations.models import Connection, PendingRevocation
from tests.flows.journaling import Backup, files, left_in_journal, version
from tests.flows.journey import Journey, fresh, kinds, stored_tokens
from tests.flows.threads import started

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def short_waits(settings: Settings) -> None:
    settings.HUB_REFRESH_WAIT_SECONDS = 0.05


def newest(journey: Journey) -> str:
    return journey.server.grants()[-1].refresh_tokens[-1]


def one_line(journal: Path) -> Path:
    (page,) = journal.glob("*.journal")
    return page


def change(journal: Path, **members: object) -> None:
    """Write the one record that is there anew, with other members."""
    page = one_line(journal)
    page.write_text(json.dumps(json.loads(page.read_text()) | members) + "\n")


@pytest.mark.requirement(69)
@pytest.mark.parametrize("rubbish", [b"no record\n", b'{"connection": 1}\n', b"\x00" * 512 + b"\n", b'{"connec'])
def test_lines_that_are_no_records_are_kept_aside_and_cost_no_other(
    journey: Journey, recovery_journal: Path, rubbish: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    connection = journey.connect()
    left_in_journal(journey, connection)
    page = one_line(recovery_journal)
    page.write_bytes(page.read_bytes() + rubbish)

    assert replay(now=journey.clock()) == 1
    assert replay(now=journey.clock()) == 0

    assert stored_tokens(connection).refresh_token == newest(journey)
    assert [path.suffix for path in recovery_journal.iterdir()] == [".unreadable"]
    assert page.with_suffix(".unreadable").read_bytes().rstrip(b"\n") == rubbish.rstrip(b"\n")
    assert "kept aside from the recovery journal" in caplog.text


@pytest.mark.requirement(69)
def test_a_record_that_the_database_refuses_is_kept_aside(journey: Journey, recovery_journal: Path) -> None:
    connection = journey.connect()
    left_in_journal(journey, connection)
    fields = json.loads(one_line(recovery_journal).read_text())["fields"]
    change(recovery_journal, fields=fields | {"access_lifetime_seconds": -1})

    (found,) = recover(now=journey.clock()).found

    assert found.fate is Fate.UNFIT
    assert files(recovery_journal) == {".unfit": 1}
    assert version(connection) == 1


@pytest.mark.requirement(69)
@pytest.mark.parametrize("other", [{"connection": 987654321}, {"uuid": "11111111-2222-4333-8444-555555555555"}])
def test_an_answer_for_a_connection_that_is_not_here_is_kept_aside(
    journey: Journey, recovery_journal: Path, other: dict[str, object]
) -> None:
    connection = journey.connect()
    left_in_journal(journey, connection)
    change(recovery_journal, **other)

    recovery = recover(now=journey.clock())

    assert (recovery.counts, recovery.needs_operator) == ({"gone": 1}, True)
    assert files(recovery_journal) == {".gone": 1}
    assert version(connection) == 1
    assert recover(now=journey.clock()).needs_operator


@pytest.mark.requirement(69, 94)
def test_an_answer_under_a_missing_key_waits_for_the_key(
    journey: Journey, recovery_journal: Path, settings: Settings
) -> None:
    connection = journey.connect()
    left_in_journal(journey, connection)
    ring, settings.HUB_SEALING_KEYS = settings.HUB_SEALING_KEYS, new_key("other")

    recovery = recover(now=journey.clock())

    assert (recovery.counts, recovery.needs_operator) == ({"unknown_key": 1}, True)
    assert files(recovery_journal) == {".journal": 1}
    settings.HUB_SEALING_KEYS = ring
    assert replay(now=journey.clock()) == 1
    assert stored_tokens(connection).refresh_token == newest(journey)
    assert files(recovery_journal) == {}


@pytest.mark.requirement(95)
def test_a_sealed_value_of_another_place_is_never_stored(journey: Journey, recovery_journal: Path) -> None:
    connection = journey.connect()
    before = stored_tokens(connection)
    left_in_journal(journey, connection)
    change(recovery_journal, version=2)
    journey.clock.advance(seconds=61)

    (found,) = recover(now=journey.clock()).found

    assert found.fate is Fate.FOREIGN
    assert stored_tokens(connection) == before
    assert files(recovery_journal) == {".unreadable": 1}


@pytest.mark.requirement(69)
@pytest.mark.parametrize("refreshed_since", [0, 1, 2])
def test_a_database_restored_from_a_backup_takes_the_newer_answer(
    journey: Journey, recovery_journal: Path, refreshed_since: int
) -> None:
    connection = journey.connect()
    backup = Backup(connection)
    for _ in range(refreshed_since):
        refresh.refresh(connection.pk, clock=journey.clock, force=True)
    left_in_journal(journey, connection)
    backup.restore()

    assert replay(now=journey.clock()) == 1

    assert stored_tokens(connection).refresh_token == newest(journey)
    refresh.refresh(connection.pk, clock=journey.clock, force=True)
    assert journey.server.memory.reuses_detected == 0
    assert files(recovery_journal) == {}


@pytest.mark.requirement(67)
def test_what_somebody_refreshes_now_is_left_to_them(journey: Journey, recovery_journal: Path) -> None:
    connection = journey.connect()
    left_in_journal(journey, connection)
    until = journey.clock() + timedelta(seconds=30)
    Connection.objects.update(lease_owner="another", lease_until=until, refresh_sent=True)

    recovery = recover(now=journey.clock())

    assert (recovery.counts, recovery.needs_operator) == ({"being_refreshed": 1}, False)
    assert (version(connection), files(recovery_journal)) == (1, {".journal": 1})


@pytest.mark.requirement(67)
def test_an_older_answer_never_replaces_a_newer_token(journey: Journey, recovery_journal: Path) -> None:
    connection = journey.connect()
    left_in_journal(journey, connection)
    journey.connect()
    newer = stored_tokens(connection)

    assert recover(now=journey.clock()).counts == {"superseded": 1}
    assert stored_tokens(connection) == newer
    assert files(recovery_journal) == {}


@pytest.mark.requirement(107)
def test_an_answer_for_a_disconnected_account_is_revoked_however_often_it_is_found(
    journey: Journey, recovery_journal: Path
) -> None:
    connection = journey.connect()
    left_in_journal(journey, connection)
    kept = one_line(recovery_journal)
    lines = kept.read_bytes()
    disconnect.wipe(fresh(connection), actor="a person", now=journey.clock())
    before = PendingRevocation.objects.count()

    assert recover(now=journey.clock()).counts == {"to_revoke": 1}
    kept.write_bytes(lines)
    replay(now=journey.clock())

    assert PendingRevocation.objects.count() == before + 1
    disconnect.retry_revocations(now=journey.clock())
    assert all(grant.revoked for grant in journey.server.grants())


def test_a_dry_run_tells_and_changes_nothing(journey: Journey, recovery_journal: Path) -> None:
    connection = journey.connect()
    left_in_journal(journey, connection)
    page = one_line(recovery_journal)
    page.write_bytes(page.read_bytes() + b"rubbish\n")
    before = page.read_bytes()

    recovery = recover(now=journey.clock(), dry_run=True)

    assert recovery.found[0].connection == str(connection.uuid)
    assert (recovery.counts, recovery.unreadable) == ({"stored": 1}, 1)
    assert (page.read_bytes(), version(connection)) == (before, 1)
    assert replay(now=journey.clock()) == 1


def test_a_file_whose_writer_lives_is_read_and_stays(journey: Journey, recovery_journal: Path) -> None:
    connection = journey.connect()
    left_in_journal(journey, connection)
    lines = one_line(recovery_journal).read_bytes()
    one_line(recovery_journal).unlink()
    page = Page()
    written = one_line(recovery_journal)
    written.write_bytes(lines + b'{"torn')

    recovery = recover(now=journey.clock())

    assert (recovery.in_use, recovery.counts, recovery.needs_operator) == (1, {"stored": 1}, False)
    assert written.exists()
    page.discard()


def test_a_journal_of_a_dead_host_is_stored_here(journey: Journey, recovery_journal: Path, tmp_path: Path) -> None:
    connection = journey.connect()
    left_in_journal(journey, connection)
    brought = tmp_path / "brought"
    recovery_journal.rename(brought)

    assert recover(now=journey.clock(), directory=brought).counts == {"stored": 1}
    assert stored_tokens(connection).refresh_token == newest(journey)
    assert list(brought.iterdir()) == []


@pytest.mark.requirement(42)
def test_a_record_of_a_hub_that_did_not_know_a_column_leaves_it_as_it_is(
    journey: Journey, recovery_journal: Path
) -> None:
    connection = journey.connect()
    left_in_journal(journey, connection)
    fields = json.loads(one_line(recovery_journal).read_text())["fields"]
    change(recovery_journal, fields={name: value for name, value in fields.items() if name != "unexpected_scope"})
    Connection.objects.update(unexpected_scope="admin")
    renewed, old = newest(journey), one_line(recovery_journal)
    # Beside one that knows it: the columns of both are stored as what they are.
    other = journey.connect(account=journey.server.add_account("other").name)
    left_in_journal(journey, other)
    new = next(page for page in recovery_journal.iterdir() if page != old)
    old.write_text(old.read_text() + new.read_text())
    new.unlink()

    assert recover(now=journey.clock()).counts == {"stored": 2}
    assert stored_tokens(connection).refresh_token == renewed
    assert (fresh(connection).granted_scope, fresh(connection).unexpected_scope) == (connection.granted_scope, "admin")
    assert (fresh(other).granted_scope, fresh(other).unexpected_scope) == (other.granted_scope, "")


def test_replays_beside_each_other_and_a_sweep_store_each_answer_once(journey: Journey, recovery_journal: Path) -> None:
    accounts = [journey.server.add_account(f"person{number}").name for number in range(6)]
    rows = [journey.connect(account=account) for account in accounts]
    for row in rows:
        left_in_journal(journey, row)
    page = next(recovery_journal.glob("*.journal"))
    page.write_bytes(page.read_bytes() + b"rubbish\n")

    def work() -> None:
        replay(now=journey.clock())
        sweep(SweepOptions(), clock=journey.clock)

    with started(3, work) as futures:
        for future in futures:
            future.result()

    assert [version(row) for row in rows] == [2] * 6
    assert [kinds(row).count("refreshed") for row in rows] == [1] * 6
    assert files(recovery_journal) == {".unreadable": 1}
    assert len(journey.server.refreshes()) == 6
