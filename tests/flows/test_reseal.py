"""A new sealing key takes over while everything runs; after that the old one can go."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from django.core.management import CommandError, call_command
from django.db import connection as database
from pytest_django import Settings

from integrations import vault
from integrations.crypto import SealError, new_key
from integrations.flows import access, refresh
from integrations.flows.reseal import Resealed, reseal
from integrations.models import Connection, VaultEntry
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
    """Calls `act` with 1, 2, … before each statement that puts newly sealed tokens in place."""
    count = 0

    def wrapper(execute: Callable[..., object], sql: str, *rest: object) -> object:
        nonlocal count
        if sql.startswith('UPDATE "integrations_vaultentry"'):
            count += 1
            act(count)
        return execute(sql, *rest)

    with database.execute_wrapper(wrapper):
        yield


def run() -> str:
    out = io.StringIO()
    call_command("reseal_vault", stdout=out)
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
        reseal(now=journey.clock())

    assert VaultEntry.objects.filter(key_id="next").count() == 1
    assert reseal(now=journey.clock()) == Resealed(done=2, unopened=0)
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
