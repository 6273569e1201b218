import dataclasses
import json
import re

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from integrations import vault
from integrations.crypto import SealError, new_key, sealed_under
from integrations.models import AuthorizationRequest, Connection, VaultEntry
from integrations.oauth.token import TokenResponse
from integrations.vault import TokenSet
from tests.factories import (
    make_authorization_request,
    make_connection,
    make_registration,
    make_tokens,
    make_user,
)

pytestmark = pytest.mark.django_db


def stored(connection: Connection) -> bytes:
    return bytes(VaultEntry.objects.get(connection=connection).sealed)


def fresh(connection: Connection) -> Connection:
    return Connection.objects.select_related("vault_entry", "registration", "owner").get(pk=connection.pk)


def test_tokens_come_back_as_they_were_stored() -> None:
    tokens = make_tokens(access_token="a" * 3000, refresh_token=None, id_token="x.y.z")

    connection = make_connection(tokens=tokens)

    assert vault.read(fresh(connection)) == tokens


def test_tokens_that_were_sealed_before_people_named_instances_still_open() -> None:
    connection, tokens = make_connection(), make_tokens(access_token="from-before")
    place = ["vault_entry", connection.pk, connection.owner_id, connection.registration_id, connection.version]
    sealed = vault.keyring().seal(
        json.dumps(dataclasses.asdict(tokens)).encode(), associated_data=json.dumps(place).encode()
    )
    VaultEntry.objects.filter(connection=connection).update(sealed=sealed)

    assert vault.read(fresh(connection)) == tokens


def test_erased_tokens_are_an_error_not_an_empty_value() -> None:
    connection = make_connection()

    vault.erase(connection)

    with pytest.raises(SealError) as caught:
        vault.read(fresh(connection))
    assert caught.value.code == "value_missing"


def test_the_refresh_token_stays_when_none_came_back() -> None:
    previous = make_tokens(refresh_token="refresh-old", id_token="id-old")

    tokens = TokenSet.of(TokenResponse(access_token="access-new", token_type="bearer"), previous=previous)

    assert (tokens.access_token, tokens.refresh_token, tokens.id_token) == ("access-new", "refresh-old", "id-old")


# -- keys


@pytest.mark.requirement(94)
def test_a_new_primary_key_seals_what_is_written_and_the_old_one_still_opens(settings: Settings) -> None:
    connection = make_connection(tokens=make_tokens(access_token="access-old"))
    old = settings.HUB_SEALING_KEYS

    settings.HUB_SEALING_KEYS = f"{new_key('next')},{old}"

    assert vault.read(fresh(connection)).access_token == "access-old"
    vault.store(connection, make_tokens(access_token="access-new"))
    entry = VaultEntry.objects.get(connection=connection)
    assert (entry.key_id, sealed_under(bytes(entry.sealed))) == ("next", "next")
    assert vault.read(fresh(connection)).access_token == "access-new"


@pytest.mark.requirement(94)
@pytest.mark.parametrize(
    ("keys", "code"),
    [
        pytest.param(new_key("another"), "key_unknown", id="the key is gone"),
        pytest.param(new_key("test"), "key_wrong", id="another key of the same name"),
        pytest.param("test:AAAA", "key_malformed", id="a broken key"),
        pytest.param("", "key_missing", id="no key"),
    ],
)
def test_without_the_right_key_there_is_an_error_and_no_value(settings: Settings, keys: str, code: str) -> None:
    connection = make_connection()

    settings.HUB_SEALING_KEYS = keys

    with pytest.raises(SealError) as caught:
        vault.read(fresh(connection))
    assert caught.value.code == code


# -- what the stored bytes tell


@pytest.mark.requirement(96)
def test_the_same_tokens_stored_twice_are_different_bytes() -> None:
    tokens = make_tokens()

    first, second = make_connection(tokens=tokens), make_connection(tokens=tokens)
    before = stored(first)
    vault.store(first, tokens)

    assert len({before, stored(first), stored(second)}) == 3


@pytest.mark.requirement(96)
def test_the_stored_length_does_not_tell_the_length_of_a_token() -> None:
    lengths = {len(stored(make_connection(tokens=make_tokens(access_token="a" * size)))) for size in range(1, 100, 7)}

    assert len(lengths) == 1


@pytest.mark.requirement(27, 92)
def test_the_code_verifier_and_nonce_are_stored_sealed() -> None:
    make_authorization_request(code_verifier="verifier-canary-" + "x" * 40, nonce="nonce-canary")

    request = AuthorizationRequest.objects.get()

    for value in vars(request).values():
        assert b"canary" not in bytes(str(value), "utf-8")
    assert b"canary" not in bytes(request.sealed)
    assert vault.open_pending(request).code_verifier == "verifier-canary-" + "x" * 40


# -- looked up by a keyed hash


@pytest.mark.requirement(97)
def test_a_fingerprint_depends_on_the_secret_key_and_the_purpose(settings: Settings) -> None:
    here = vault.fingerprint("value", purpose="state")
    elsewhere = vault.fingerprint("value", purpose="browser")
    again = vault.fingerprint("value", purpose="state")

    settings.SECRET_KEY = "another " * 10
    foreign = vault.fingerprint("value", purpose="state")

    assert here == again
    assert len({here, elsewhere, foreign}) == 3
    assert re.fullmatch("[0-9a-f]{64}", here)


@pytest.mark.requirement(97)
def test_an_attempt_is_found_by_its_hash_without_opening_any_other() -> None:
    user, registration = make_user(), make_registration()
    for number in range(30):
        make_authorization_request(user=user, registration=registration, state=f"state-{number}")
    wanted = vault.fingerprint("state-7", purpose="state")

    with CaptureQueriesContext(
        database,
    ) as queries:
        found = AuthorizationRequest.objects.take(state_hash=wanted)

    assert found is not None
    assert found.state_hash == wanted
    assert AuthorizationRequest.objects.count() == 29
    assert len([query for query in queries.captured_queries if "state_hash" in query["sql"]]) == 1
    assert AuthorizationRequest._meta.get_field("state_hash").unique


@pytest.mark.requirement(1)
def test_a_state_is_unguessable() -> None:
    states = {vault.new_state() for _ in range(1000)}

    assert len(states) == 1000
    assert min(map(len, states)) >= 43


# -- values do not show what they hold


@pytest.mark.requirement(98)
def test_no_value_of_the_vault_shows_a_secret() -> None:
    tokens = make_tokens(access_token="canary-1", refresh_token="canary-2", id_token="canary-3")
    pending = vault.Pending(code_verifier="canary-4", nonce="canary-5")

    for value in (tokens, pending):
        assert "canary" not in f"{value!r} {value!s} {value}"
        assert all(not field.repr for field in dataclasses.fields(value) if field.name != "token_type")
