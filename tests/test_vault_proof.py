"""A key that has the right name and other bytes is told before it does harm."""

import pytest
from django.db import DatabaseError
from django.db import connection as database
from pytest_django import Settings

from integrations import vault
from integrations.flows import access, keys
from integrations.flows.errors import ConnectionUnusable
from integrations.models import Connection, SealingKey, VaultEntry
from integrations.oauth.errors import Remedy
from integrations.vault import SealError, new_key
from tests.canaries import leaks
from tests.factories import make_connection, make_registration, make_tokens
from tests.flows.journey import fresh, kinds
from tests.leaks.passing import broken_database

pytestmark = pytest.mark.django_db


@pytest.mark.requirement(94)
def test_nothing_is_sealed_under_a_wrong_key(settings: Settings) -> None:
    connection = make_connection()
    before = bytes(VaultEntry.objects.get().sealed)
    settings.HUB_SEALING_KEYS = new_key("test")

    with pytest.raises(SealError) as caught:
        vault.store(connection, make_tokens())

    assert caught.value.code == "key_wrong"
    assert bytes(VaultEntry.objects.get().sealed) == before


@pytest.mark.requirement(94)
def test_a_wrong_key_costs_nobody_their_connection(settings: Settings) -> None:
    connection = make_connection()
    right = settings.HUB_SEALING_KEYS
    settings.HUB_SEALING_KEYS = new_key("test")

    with pytest.raises(ConnectionUnusable) as caught:
        access.token(fresh(connection))

    assert (caught.value.code, caught.value.remedy) == ("key_wrong", Remedy.OPERATOR)
    assert (fresh(connection).status, kinds(connection)) == (Connection.Status.ACTIVE, [])
    settings.HUB_SEALING_KEYS = right
    assert access.token(fresh(connection)).value


@pytest.mark.requirement(94)
def test_two_hosts_with_two_keys_of_one_id_are_told_apart_before_either_seals(settings: Settings) -> None:
    right = settings.HUB_SEALING_KEYS
    settings.HUB_SEALING_KEYS = f"{right},{new_key('k2')}"
    keys.admit()

    settings.HUB_SEALING_KEYS = f"{right},{new_key('k2')}"

    with pytest.raises(SealError, match="'k2'"):
        keys.admit()


@pytest.mark.requirement(94)
@pytest.mark.parametrize("kind", ["tokens", "client secret"])
def test_a_key_that_is_not_known_yet_must_open_what_is_stored_under_it(settings: Settings, kind: str) -> None:
    if kind == "tokens":
        make_connection(registration=make_registration(client_secret=None))
    else:
        make_registration()
    SealingKey.objects.all().delete()
    right = settings.HUB_SEALING_KEYS
    settings.HUB_SEALING_KEYS = new_key("test")

    with pytest.raises(SealError):
        keys.admit()

    assert not SealingKey.objects.exists()
    settings.HUB_SEALING_KEYS = right
    keys.admit()
    assert [key.key_id for key in SealingKey.objects.all()] == ["test"]


def test_the_first_use_of_a_key_is_written_down_once(settings: Settings) -> None:
    settings.HUB_SEALING_KEYS = f"{new_key('k2')},{settings.HUB_SEALING_KEYS}"

    make_connection()
    first = SealingKey.objects.get(key_id="k2")
    make_connection()

    assert SealingKey.objects.get(key_id="k2").known_since == first.known_since


@pytest.mark.requirement(98)
def test_what_is_known_of_a_key_does_not_tell_it(settings: Settings) -> None:
    line = new_key("k2")
    settings.HUB_SEALING_KEYS = f"{line},{settings.HUB_SEALING_KEYS}"
    make_connection()

    row = SealingKey.objects.get(key_id="k2")

    assert leaks(f"{row!r} {row} {bytes(row.proof)!r} {vars(row)}", [line.partition(":")[2]]) == []


@pytest.mark.requirement(69)
def test_what_a_provider_answered_is_sealed_without_the_database(settings: Settings) -> None:
    connection = make_connection()
    vault.read(fresh(connection))

    def refuse(*_: object) -> None:
        raise DatabaseError

    with database.execute_wrapper(refuse):
        assert vault.seal_tokens(connection, make_tokens(), version=2)


def test_a_swapped_value_is_still_called_forged_by_the_right_key() -> None:
    connection = make_connection()
    VaultEntry.objects.update(sealed=VaultEntry.objects.get(connection=make_connection()).sealed)

    with pytest.raises(ConnectionUnusable), broken_database("no statement has these words"):
        access.token(fresh(connection))

    assert kinds(connection) == ["seal_broken"]
