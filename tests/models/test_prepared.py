"""A prepared read finds what the query finds that it was made of, and as the same objects."""

from contextlib import closing
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.db import connections, models
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from integrations.models import Connection
from integrations.models.prepared import PreparedPair, PreparedRead
from tests.factories import make_connection, make_user

pytestmark = pytest.mark.django_db


def rows(*, uuid: UUID) -> QuerySet[Connection]:
    whole = Connection.objects.select_related("registration", "owner", "vault_entry").fetch_mode(models.FETCH_RAISE)
    return whole.filter(uuid=uuid, status=Connection.Status.ACTIVE)


@pytest.fixture
def read() -> PreparedRead[Connection]:
    return PreparedRead(Connection, rows, uuid=(Connection._meta.get_field("uuid"), uuid4()))


def columns(row: models.Model | None) -> dict[str, object]:
    assert row is not None
    found = {name: value for name, value in vars(row).items() if not name.startswith("_")}
    return {name: bytes(value) if isinstance(value, memoryview) else value for name, value in found.items()}


def test_same_columns_and_relations(read: PreparedRead[Connection]) -> None:
    for owner in (make_user(), None):
        row = make_connection(owner=owner, of_the_hub=owner is None, variables={"a": "ü"}, provider_data={"b": "c"})
        found, expected = read.first(uuid=row.uuid), rows(uuid=row.uuid).get()
        assert found is not None
        assert columns(found) == columns(expected)
        with CaptureQueriesContext(database) as queries:
            assert columns(found.registration) == columns(expected.registration)
            assert columns(found.vault_entry) == columns(expected.vault_entry)
            assert found.owner == owner
        assert len(queries) == 0


@pytest.fixture
def pair() -> PreparedPair[User, Connection]:
    """Somebody by name, and beside them the connection of a uuid if it is theirs and of the same name."""
    name = User._meta.get_field("username")
    return PreparedPair(
        PreparedRead(User, lambda *, username: User.objects.filter(username=username), username=(name, "somebody")),
        PreparedRead(Connection, rows, uuid=(Connection._meta.get_field("uuid"), uuid4())),
        on=(
            (User._meta.get_field("id"), Connection._meta.get_field("owner")),
            (name, Connection._meta.get_field("name")),
        ),
    )


def test_two_rows_at_once_are_those_that_are_found_one_by_one(pair: PreparedPair[User, Connection]) -> None:
    ada = make_user("ada")
    row = make_connection(owner=ada, name="ada", variables={"a": "ü"}, provider_data={"b": "c"})
    with CaptureQueriesContext(database) as queries:
        found = pair.first(username="ada", uuid=row.uuid)
    (query,) = queries
    assert "'ada'" in query["sql"]
    assert found is not None
    assert columns(found[0]) == columns(User.objects.get())
    expected = rows(uuid=row.uuid).get()
    assert columns(found[1]) == columns(expected)
    assert found[1] is not None
    assert columns(found[1].registration) == columns(expected.registration)
    assert columns(found[1].owner) == columns(ada)


def test_keys_of_both_have_different_names(read: PreparedRead[Connection]) -> None:
    with pytest.raises(ValueError, match="uuid"):
        PreparedPair(read, read, on=())


def test_sign_of_percent_in_a_statement_is_no_mark() -> None:
    def named(*, username: str) -> QuerySet[User]:
        return User.objects.filter(username=username).extra(where=["last_name <> '5%%s%%'"])

    make_user("ada")
    read = PreparedRead(User, named, username=(User._meta.get_field("username"), "somebody"))
    found = read.first(username="ada")
    assert found is not None and found.username == "ada"
    User.objects.update(last_name="5%s%")
    assert read.first(username="ada") is None


def test_second_row_is_none_unless_all_of_it_goes_with_the_first(pair: PreparedPair[User, Connection]) -> None:
    ada, bob = make_user("ada"), make_user("bob")
    of_another = make_connection(owner=bob, name="ada")
    of_another_name = make_connection(owner=ada, name="bob")
    ended = make_connection(owner=ada, name="ada", status=Connection.Status.REVOKED, refresh_due_at=None)
    for uuid in (of_another.uuid, of_another_name.uuid, ended.uuid, uuid4()):
        assert pair.first(username="ada", uuid=uuid) == (ada, None)
    assert pair.first(username="nobody", uuid=of_another.uuid) is None


def test_no_row_of_other_keys_or_against_its_conditions(read: PreparedRead[Connection]) -> None:
    row = make_connection()
    assert read.first(uuid=uuid4()) is None
    assert read.first(uuid=str(row.uuid)) == row
    Connection.objects.update(status=Connection.Status.REVOKING, refresh_due_at=None)
    assert read.first(uuid=row.uuid) is None


def test_what_was_not_read_is_not_fetched_behind_ones_back(read: PreparedRead[Connection]) -> None:
    found = read.first(uuid=make_connection().uuid)
    assert found is not None
    assert found._state.db == "default"
    assert not found._state.adding
    assert found._state.fetch_mode is models.FETCH_RAISE


def test_row_can_be_changed_and_saved(read: PreparedRead[Connection]) -> None:
    found = read.first(uuid=make_connection().uuid)
    assert found is not None
    found.account_label = "Another"
    found.save()
    assert Connection.objects.get().account_label == "Another"


@pytest.mark.skipif(database.vendor != "postgresql", reason="PostgreSQL prepares statements")
@pytest.mark.parametrize("threshold", [2, None])
def test_statement_is_kept_by_the_server_where_it_may_be(read: PreparedRead[Connection], threshold: int | None) -> None:
    row = make_connection()
    database.connection.prepare_threshold = threshold
    for _ in range(4):
        assert read.first(uuid=row.uuid) == row
    with database.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%vaultentry%'")
        assert cursor.fetchone() == (0 if threshold is None else 1,)


@pytest.mark.skipif(database.vendor != "postgresql", reason="PostgreSQL prepares statements")
@pytest.mark.django_db(transaction=True)
def test_statement_is_made_anew_where_a_column_has_another_type_now(read: PreparedRead[Connection]) -> None:
    row = make_connection()
    for _ in range(4):
        read.first(uuid=row.uuid)
    # By another connection: one that changes its own tables forgets by itself what was prepared.
    with closing(connections.create_connection("default")) as other:
        try:
            other.cursor().execute("ALTER TABLE integrations_connection ALTER COLUMN name TYPE text")
            assert [read.first(uuid=row.uuid) for _ in range(4)] == [row] * 4
        finally:
            other.cursor().execute("ALTER TABLE integrations_connection ALTER COLUMN name TYPE varchar(100)")
