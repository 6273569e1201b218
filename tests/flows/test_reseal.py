"""A new sealing key takes over while everything runs; after that the old one can go."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from integrations import vault
from integrations.flows import access, keys, refresh
from integrations.flows.reseal import Pace, Resealed, reseal
from integrations.models import Connection, VaultEntry
from integrations.vault import SealError, new_key
from tests.factories import (
    make_authorization_request,
    make_connection,
    make_pending_revocation,
    make_registration,
    make_tokens,
)
from tests.flows.journey import Journey, fresh, stored_tokens
from tests.leaks.passing import broken_database

pytestmark = pytest.mark.django_db


@dataclass
class Ring:
    """The key ring while its key is being changed."""

    settings: Settings
    old: str
    new: str

    def begin(self) -> None:
        self.settings.HUB_SEALING_KEYS = f"{self.new},{self.old}"

    def end(self) -> None:
        self.settings.HUB_SEALING_KEYS = self.new


@pytest.fixture
def ring(settings: Settings) -> Ring:
    return Ring(settings, old=settings.HUB_SEALING_KEYS, new=new_key("next"))


@contextmanager
def before_each_write(act: Callable[[int], None]) -> Iterator[None]:
    """Calls `act` with 1, 2, … before each statement that puts newly sealed tokens in place, a batch each."""
    count = 0

    def wrapper(execute: Callable[..., object], sql: str, *rest: object) -> object:
        nonlocal count
        if 'UPDATE "integrations_vaultentry"' in sql and "given" in sql:
            count += 1
            act(count)
        return execute(sql, *rest)

    with database.execute_wrapper(wrapper):
        yield


def run() -> str:
    out = io.StringIO()
    call_command("rotate_keys", "reseal", stdout=out)
    return out.getvalue()


@pytest.mark.requirement(94)
def test_everything_opens_after_the_old_key_is_gone(ring: Ring) -> None:
    registration = make_registration(client_secret="secret-1")
    public = make_registration(client_secret=None)
    connection = make_connection(registration=registration, tokens=make_tokens(access_token="access-1"))
    revocation = make_pending_revocation(connection=connection, tokens=make_tokens(access_token="access-2"))
    attempt = make_authorization_request(registration=public, code_verifier="v" * 50)

    ring.begin()
    assert run() == "4 sealed anew.\n"
    assert run() == "0 sealed anew.\n"
    ring.end()

    for row in (registration, revocation, attempt, public):
        row.refresh_from_db()
    assert vault.open_client_secret(registration) == "secret-1"
    assert vault.open_client_secret(public) is None
    assert stored_tokens(connection).access_token == "access-1"
    assert VaultEntry.objects.get(connection=connection).key_id == revocation.key_id == "next"
    assert vault.open_for_revocation(revocation).access_token == "access-2"
    assert vault.open_pending(attempt).code_verifier == "v" * 50


@pytest.mark.requirement(94)
def test_it_goes_on_where_it_was_stopped(journey: Journey, ring: Ring) -> None:
    connections = [journey.connect(account=name) for name in ("alice", "bob", "carol")]
    ring.begin()

    def stop(count: int) -> None:
        if count == 2:
            raise KeyboardInterrupt

    with before_each_write(stop), pytest.raises(KeyboardInterrupt):
        reseal(now=journey.clock(), pace=Pace(batch=1))

    assert VaultEntry.objects.filter(key_id="next").count() == 1
    assert reseal(now=journey.clock()) == Resealed(done=2)
    ring.end()
    for connection in connections:
        assert access.token(fresh(connection), clock=journey.clock).value


@pytest.mark.requirement(94)
def test_tokens_that_a_refresh_stores_meanwhile_stay(journey: Journey, ring: Ring) -> None:
    connection = journey.connect()
    older = stored_tokens(connection)
    ring.begin()

    def refresh_just_then(count: int) -> None:
        refresh.refresh(connection.pk, clock=journey.clock, force=True)

    with before_each_write(refresh_just_then):
        reseal(now=journey.clock())

    ring.end()
    newer = stored_tokens(connection)
    assert newer.access_token != older.access_token
    assert journey.server.is_active(newer.access_token)
    assert fresh(connection).status == Connection.Status.ACTIVE


@pytest.mark.requirement(94)
def test_what_waits_in_the_recovery_journal_is_stored_and_sealed_anew(journey: Journey, ring: Ring) -> None:
    connection = journey.connect()
    with broken_database('INSERT INTO "integrations_vaultentry"'), pytest.raises(RuntimeError):
        refresh.refresh(connection.pk, clock=journey.clock, force=True)

    ring.begin()
    reseal(now=journey.clock())
    ring.end()

    assert stored_tokens(connection).refresh_token == journey.server.grants()[0].refresh_tokens[-1]


@pytest.mark.requirement(93, 94)
def test_a_value_that_does_not_open_is_counted_left_alone_and_stops_no_other(ring: Ring) -> None:
    first, second = make_connection(), make_connection()
    before = bytes(VaultEntry.objects.get(connection=second).sealed)
    VaultEntry.objects.filter(connection=first).update(sealed=before)
    ring.begin()

    with pytest.raises(CommandError, match="1 cannot be opened"):
        run()

    assert bytes(VaultEntry.objects.get(connection=first).sealed) == before
    ring.end()
    assert stored_tokens(second).access_token
    with pytest.raises(SealError):
        stored_tokens(first)


@pytest.mark.requirement(94)
def test_what_a_worker_with_the_old_order_seals_meanwhile_is_found_and_opens_everywhere(
    journey: Journey, ring: Ring
) -> None:
    connection = journey.connect()
    ring.begin()
    reseal(now=journey.clock())
    ring.settings.HUB_SEALING_KEYS = f"{ring.old},{ring.new}"
    refresh.refresh(connection.pk, clock=journey.clock, force=True)

    ring.begin()

    assert access.token(fresh(connection), clock=journey.clock).value
    assert keys.verify("test").still_needed
    assert reseal(now=journey.clock()).done == 1
    assert not keys.verify("test").still_needed


def test_it_goes_no_faster_than_it_may(ring: Ring) -> None:
    for _ in range(4):
        make_connection(registration=make_registration(client_secret=None))
    ring.begin()
    pauses: list[float] = []

    reseal(now=timezone.now(), pace=Pace(at_most=2, pause=pauses.append))

    assert len(pauses) == 2
    assert max(pauses) > 1


def test_it_stops_when_it_is_told_to_and_says_that_it_is_not_finished(ring: Ring) -> None:
    for _ in range(3):
        make_connection(registration=make_registration(client_secret=None))
    ring.begin()
    asked: list[bool] = []

    def stop() -> bool:
        asked.append(True)
        return len(asked) > 1

    resealed = reseal(now=timezone.now(), pace=Pace(batch=1, stop=stop))

    assert (resealed.done, resealed.finished) == (1, False)


@pytest.mark.requirement(94)
@pytest.mark.django_db(transaction=True)
def test_a_row_that_another_transaction_holds_is_passed_over_and_done_by_the_next_run(ring: Ring) -> None:
    if not database.features.has_select_for_update_skip_locked:
        pytest.skip("this database has one writer, which holds no rows")
    held, free = (make_connection(registration=make_registration(client_secret=None)) for _ in range(2))
    ring.begin()
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT 1 FROM integrations_vaultentry WHERE connection_id = %s FOR UPDATE", [held.pk])
        assert reseal(now=timezone.now()) == Resealed(done=1, finished=False)
    finally:
        other.close()

    assert VaultEntry.objects.get(connection=free).key_id == "next"
    assert reseal(now=timezone.now()) == Resealed(done=1)
