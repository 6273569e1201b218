"""A sealed value opens where it was sealed for, and nowhere else."""

import json
from collections.abc import Callable

import pytest

from integrations import vault
from integrations.crypto import SealError
from integrations.models import Connection, VaultEntry
from integrations.vault import places
from tests.factories import (
    make_authorization_request,
    make_connection,
    make_pending_revocation,
    make_registration,
    make_tokens,
    make_user,
)

pytestmark = pytest.mark.django_db
type Move = Callable[[Connection, Connection], Connection]


def stored(connection: Connection) -> bytes:
    return bytes(VaultEntry.objects.get(connection=connection).sealed)


def put(connection: Connection, sealed: bytes) -> None:
    VaultEntry.objects.filter(connection=connection).update(sealed=sealed)


def fresh(connection: Connection) -> Connection:
    return Connection.objects.select_related("vault_entry", "registration", "owner").get(pk=connection.pk)


def of_another_row(mine: Connection, other: Connection) -> Connection:
    mine_sealed, other_sealed = stored(mine), stored(other)
    put(mine, other_sealed)
    put(other, mine_sealed)
    return mine


def under_another_owner(mine: Connection, other: Connection) -> Connection:
    Connection.objects.filter(pk=mine.pk).update(owner=make_user())
    return mine


def under_no_owner(mine: Connection, other: Connection) -> Connection:
    Connection.objects.filter(pk=mine.pk).update(owner=None)
    return mine


def under_another_registration(mine: Connection, other: Connection) -> Connection:
    Connection.objects.filter(pk=mine.pk).update(registration=make_registration())
    return mine


def at_another_instance(mine: Connection, other: Connection) -> Connection:
    Connection.objects.filter(pk=mine.pk).update(variables={"desk": "mallory"})
    return mine


def under_a_later_version(mine: Connection, other: Connection) -> Connection:
    Connection.objects.filter(pk=mine.pk).update(version=mine.version + 1)
    return mine


def from_the_client_secret(mine: Connection, other: Connection) -> Connection:
    put(mine, bytes(mine.registration.sealed_client_secret or b""))
    return mine


def from_a_pending_revocation(mine: Connection, other: Connection) -> Connection:
    put(mine, bytes(make_pending_revocation(connection=mine).sealed))
    return mine


def from_an_authorization_request(mine: Connection, other: Connection) -> Connection:
    row = make_authorization_request(user=mine.owner, registration=mine.registration, connection=mine)
    put(mine, bytes(row.sealed))
    return mine


@pytest.mark.requirement(93, 95)
@pytest.mark.parametrize(
    "move",
    [
        of_another_row,
        under_another_owner,
        under_no_owner,
        under_another_registration,
        at_another_instance,
        under_a_later_version,
        from_the_client_secret,
        from_a_pending_revocation,
        from_an_authorization_request,
    ],
)
def test_tokens_that_are_not_where_they_were_sealed_for_do_not_open(move: Move) -> None:
    owner, registration = make_user(), make_registration()
    mine = make_connection(owner=owner, registration=registration)
    other = make_connection(owner=owner, registration=registration)

    moved = fresh(move(mine, other))

    with pytest.raises(SealError) as caught:
        vault.read(moved)
    assert caught.value.code == "value_forged"


@pytest.mark.requirement(93)
def test_a_client_secret_is_no_token_though_every_number_is_the_same() -> None:
    registration = make_registration()
    of_the_hub = make_connection(
        of_the_hub=True, registration=registration, pk=registration.pk, version=registration.secret_version
    )

    put(of_the_hub, bytes(registration.sealed_client_secret or b""))

    with pytest.raises(SealError) as caught:
        vault.read(fresh(of_the_hub))
    assert caught.value.code == "value_forged"


@pytest.mark.requirement(93)
def test_swapped_rows_leave_every_other_row_readable() -> None:
    first, second, third = make_connection(), make_connection(), make_connection()

    of_another_row(first, second)

    assert vault.read(fresh(third)).access_token
    for swapped in (first, second):
        with pytest.raises(SealError):
            vault.read(fresh(swapped))


@pytest.mark.requirement(93)
def test_the_secret_of_one_registration_does_not_open_at_another() -> None:
    ours, theirs = make_registration(), make_registration(client_secret="theirs")

    theirs.sealed_client_secret = ours.sealed_client_secret
    theirs.save()

    with pytest.raises(SealError):
        vault.open_client_secret(theirs)


@pytest.mark.requirement(93)
def test_the_verifier_of_one_attempt_does_not_open_in_another() -> None:
    user, registration = make_user(), make_registration()
    first = make_authorization_request(user=user, registration=registration)
    second = make_authorization_request(user=user, registration=registration)

    second.sealed = first.sealed

    with pytest.raises(SealError):
        vault.open_pending(second)


@pytest.mark.requirement(5, 93)
def test_an_attempt_put_under_another_person_does_not_open() -> None:
    attempt = make_authorization_request()

    attempt.user = make_user()

    with pytest.raises(SealError):
        vault.open_pending(attempt)


@pytest.mark.requirement(10, 93)
def test_an_attempt_put_at_another_registration_does_not_open() -> None:
    attempt = make_authorization_request()

    attempt.registration = make_registration()

    with pytest.raises(SealError):
        vault.open_pending(attempt)


@pytest.mark.requirement(93)
def test_tokens_kept_for_revocation_open_for_no_other_connection_and_at_no_other_registration() -> None:
    of_another, elsewhere = make_pending_revocation(), make_pending_revocation()

    of_another.connection = make_connection()
    elsewhere.registration = make_registration()

    for row in (of_another, elsewhere):
        with pytest.raises(SealError):
            vault.open_for_revocation(row)


@pytest.mark.requirement(93)
def test_tokens_kept_for_revocation_open_only_in_their_own_row() -> None:
    first = make_pending_revocation()
    second = make_pending_revocation(connection=first.connection)

    second.sealed = first.sealed

    with pytest.raises(SealError):
        vault.open_for_revocation(second)
    assert vault.open_for_revocation(first).access_token


# -- an older value put back


@pytest.mark.requirement(95)
def test_an_older_ciphertext_put_back_does_not_open() -> None:
    connection = make_connection(version=1)
    older = stored(connection)
    connection.version = 2
    connection.save()
    vault.store(connection, make_tokens(access_token="access-newer"))
    assert vault.read(fresh(connection)).access_token == "access-newer"

    put(connection, older)

    with pytest.raises(SealError) as caught:
        vault.read(fresh(connection))
    assert caught.value.code == "value_forged"


@pytest.mark.requirement(95)
def test_an_older_client_secret_put_back_does_not_open() -> None:
    registration = make_registration(client_secret="older")
    older = registration.sealed_client_secret
    vault.seal_client_secret(registration, "newer")
    assert vault.open_client_secret(registration) == "newer"

    registration.sealed_client_secret = older

    with pytest.raises(SealError):
        vault.open_client_secret(registration)


@pytest.mark.parametrize("owner", [12, None])
@pytest.mark.parametrize("variables", [{}, {"shop": 'a"b', "area": "ü"}])
def test_tokens_that_were_sealed_before_open_still(owner: int | None, variables: dict[str, str]) -> None:
    instance = [dict(sorted(variables.items()))] if variables else []

    place = places.of_tokens(7, owner, 3, 2**40, variables)

    assert place == json.dumps(["vault_entry", 7, owner, 3, 2**40, *instance]).encode()


def test_other_secrets_that_were_sealed_before_open_still() -> None:
    assert places.of_client_secret(3, 1) == b'["client_registration", 3, null, 3, 1]'
    assert places.of_attempt("a\"'", 1, 2, {}) == json.dumps(["authorization_request", "a\"'", 1, 2, 0]).encode()
    assert places.of_revocation("ff", 5, 6) == b'["pending_revocation", "ff", 5, 6, 0]'
