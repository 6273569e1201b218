import uuid
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.core.exceptions import FieldFetchBlocked
from django.db import IntegrityError, models, transaction
from django.db import connection as database

from integrations.models import Connection, Event
from integrations.models.batch import light
from integrations.models.connection import LEASE_RELEASED, scope_text
from tests.factories import make_connection, make_event, make_registration, make_user

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
Status = Connection.Status


def refuses(name: str, **fields: object) -> None:
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        make_connection(sealed=False, **fields)  # type: ignore[arg-type]


def test_a_person_has_one_connection_to_an_account() -> None:
    taken = make_connection(subject="7")

    fields = {"registration": taken.registration, "issuer": taken.issuer, "subject": "7"}

    with pytest.raises(IntegrityError), transaction.atomic():
        make_connection(owner=taken.owner, **fields)  # type: ignore[arg-type]
    assert make_connection(**fields).pk, "another person may connect the same account"  # type: ignore[arg-type]


def test_many_rows_are_found_by_their_ids() -> None:
    rows = [make_connection() for _ in range(3)]

    found = Connection.objects.among([rows[0].pk, rows[2].pk, 0]).order_by("pk")

    assert list(found) == [rows[0], rows[2]]
    assert not Connection.objects.among([]).exists()


def test_a_light_row_knows_its_columns_and_refuses_the_others() -> None:
    kept = make_connection(variables={"shop": "one"})

    rows = Connection.objects.annotate(next_version=models.F("version") + 1)
    [(row, next_version)] = light(rows, ("id", "uuid", "registration_id", "variables"), beside=["next_version"])

    assert (row.pk, row.uuid, row.registration_id, row.variables) == (
        kept.pk,
        kept.uuid,
        kept.registration_id,
        {"shop": "one"},
    )
    assert next_version == kept.version + 1
    assert row == kept
    with pytest.raises(FieldFetchBlocked):
        _ = row.subject


def test_the_hub_has_one_connection_of_its_own_to_an_account() -> None:
    taken = make_connection(of_the_hub=True, subject="7")

    with pytest.raises(IntegrityError), transaction.atomic():
        make_connection(
            of_the_hub=True, registration=taken.registration, issuer=taken.issuer, subject="7", sealed=False
        )


@pytest.mark.requirement(23)
@pytest.mark.parametrize(
    "other",
    [
        {"subject": "ALICE"},
        {"subject": "alice "},
        {"issuer": "https://other.example.test"},
        {"registration": None},
    ],
    ids=["case of the subject", "space", "issuer", "registration"],
)
def test_an_account_is_told_apart_by_registration_issuer_and_exact_subject(other: dict[str, object]) -> None:
    first = make_connection(subject="alice", account_label="alice@example.test")
    same: dict[str, object] = {
        "registration": first.registration,
        "issuer": first.issuer,
        "subject": "alice",
        "account_label": "alice@example.test",
    }

    second = make_connection(owner=first.owner, **(same | other))  # type: ignore[arg-type]

    assert Connection.objects.filter(owner=first.owner).count() == 2
    assert second.pk != first.pk


def test_what_may_not_be_stored() -> None:
    refuses("connection_status_is_known", status="paused")
    refuses("a_lease_has_an_owner_and_an_end", lease_owner="worker-1")
    refuses("a_lease_has_an_owner_and_an_end", lease_until=NOW)
    refuses("only_active_connections_are_due", status=Status.REVOKED, refresh_due_at=NOW)
    refuses("connection_names_its_account", subject="")


@pytest.mark.requirement(111)
def test_a_connection_is_addressed_by_an_id_nobody_can_guess() -> None:
    ids = {make_connection(sealed=False).uuid for _ in range(3)}

    assert len(ids) == 3
    assert {value.version for value in ids} == {4}
    assert all(isinstance(value, uuid.UUID) for value in ids)


def due(**moments: object) -> bool:
    return Connection.objects.due(now=NOW).filter(pk=make_connection(now=NOW, **moments).pk).exists()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"due_in": 0}, True, id="now"),
        pytest.param({"due_in": -60}, True, id="overdue"),
        pytest.param({"due_in": 1}, False, id="later"),
        pytest.param({"due_in": None}, False, id="never"),
        pytest.param({"due_in": 0, "status": Status.NEEDS_REAUTHORIZATION}, False, id="the person must act"),
        pytest.param({"due_in": 0, "status": Status.REVOKING}, False, id="being disconnected"),
        pytest.param({"due_in": 0, "status": Status.REVOKED}, False, id="disconnected"),
        pytest.param({"due_in": 0, "lease_owner": "w", "lease_until": NOW + MINUTE}, False, id="somebody refreshes it"),
        pytest.param({"due_in": 0, "lease_owner": "w", "lease_until": NOW}, True, id="the lease ran out unsent"),
        pytest.param(
            {"due_in": 0, "lease_owner": "w", "lease_until": NOW, "refresh_sent": True},
            False,
            id="the lease ran out after sending",
        ),
        pytest.param({"due_in": 0, "of_the_hub": True}, True, id="the hub's own"),
    ],
)
def test_what_is_due(fields: dict[str, object], expected: bool) -> None:
    assert due(**fields) is expected


@pytest.mark.requirement(25, 80)
def test_nothing_is_due_at_a_disabled_registration() -> None:
    assert not due(due_in=0, registration=make_registration(enabled=False))


@pytest.mark.requirement(26)
def test_nothing_is_due_of_an_inactive_owner() -> None:
    assert not due(due_in=0, owner=make_user(is_active=False))


@pytest.mark.requirement(80)
@pytest.mark.parametrize(
    ("fields", "usable"),
    [
        ({}, True),
        ({"of_the_hub": True}, True),
        ({"status": Status.NEEDS_REAUTHORIZATION}, False),
        ({"status": Status.REVOKING}, False),
        ({"status": Status.REVOKED}, False),
    ],
)
def test_the_row_and_the_query_agree_on_what_is_usable(fields: dict[str, object], usable: bool) -> None:
    connection = make_connection(**fields)  # type: ignore[arg-type]

    assert connection.is_usable is usable
    assert Connection.objects.usable().filter(pk=connection.pk).exists() is usable


@pytest.mark.requirement(25, 26)
def test_a_disabled_registration_or_owner_makes_a_row_unusable() -> None:
    off = make_connection(registration=make_registration(enabled=False))
    gone = make_connection(owner=make_user(is_active=False))

    assert not off.is_usable
    assert not gone.is_usable
    assert not Connection.objects.usable().exists()


@pytest.mark.requirement(65)
def test_a_lease_is_taken_once() -> None:
    connection = make_connection()
    rows = Connection.objects.filter(pk=connection.pk)

    first = rows.claim(lease_owner="first", lease_until=NOW + MINUTE, now=NOW)
    second = rows.claim(lease_owner="second", lease_until=NOW + MINUTE, now=NOW)

    connection.refresh_from_db()
    assert (first, second, connection.lease_owner) == (1, 0, "first")


@pytest.mark.requirement(67, 70)
def test_a_lease_that_ran_out_is_free_unless_the_token_was_sent() -> None:
    vanished = make_connection(lease_owner="gone", lease_until=NOW - MINUTE)
    uncertain = make_connection(lease_owner="gone", lease_until=NOW - MINUTE, refresh_sent=True)

    taken = Connection.objects.claim(lease_owner="next", lease_until=NOW + MINUTE, now=NOW)

    assert taken == 1
    vanished.refresh_from_db()
    uncertain.refresh_from_db()
    assert (vanished.lease_owner, uncertain.lease_owner) == ("next", "gone")


def test_releasing_a_lease_satisfies_the_constraint() -> None:
    connection = make_connection(lease_owner="w", lease_until=NOW, refresh_sent=True)

    Connection.objects.filter(pk=connection.pk).update(**LEASE_RELEASED)

    connection.refresh_from_db()
    assert (connection.lease_owner, connection.lease_until, connection.refresh_sent) == ("", None, False)


def test_what_was_disconnected_is_not_visible() -> None:
    seen = [make_connection(status=status) for status in (Status.ACTIVE, Status.NEEDS_REAUTHORIZATION)]
    for status in (Status.REVOKING, Status.REVOKED):
        make_connection(status=status)

    assert set(Connection.objects.visible()) == set(seen)


@pytest.mark.parametrize(
    ("scope", "text"),
    [((), ""), (("b", "a"), "a b"), (("notes:write", "notes:read"), "notes:read notes:write")],
)
def test_scope_is_stored_sorted(scope: Collection[str], text: str) -> None:
    assert scope_text(frozenset(scope)) == text
    assert Connection(granted_scope=text).scope == frozenset(scope)


@pytest.mark.parametrize(
    ("fields", "title"),
    [
        ({"name": "Work", "account_label": "Alice", "subject": "7"}, "Work"),
        ({"account_label": "Alice", "subject": "7"}, "Alice"),
        ({"account_label": "", "subject": "7"}, "7"),
    ],
)
def test_a_connection_is_called_by_the_best_name_it_has(fields: dict[str, str], title: str) -> None:
    assert Connection(**fields).title == title


def test_a_person_with_connections_cannot_be_deleted_from_under_them() -> None:
    connection = make_connection()

    with pytest.raises(models.ProtectedError):
        assert connection.owner is not None
        connection.owner.delete()
    with pytest.raises(models.ProtectedError):
        connection.registration.delete()


def test_the_due_query_uses_its_index() -> None:
    plan = Connection.objects.due(now=NOW).order_by("refresh_due_at", "id")[:100].explain()

    if database.vendor == "sqlite":
        assert "connection_due" in plan


@pytest.mark.requirement(40)
def test_what_was_granted_unasked_before_there_was_a_column_is_taken_from_the_events() -> None:
    def told(connection: Connection, *facts: tuple[str, list[str]]) -> Connection:
        for kind, scope in facts:
            make_event(connection=connection, kind=Event.Kind(kind), details={"scope": scope} if scope else {})
        return connection

    unasked, since = ("scope_unexpected", ["b", "a"]), ("scope_unexpected", ["c"])
    again, anew = ("reconnected", list[str]()), ("connected", list[str]())
    rows = [
        told(make_connection(), *facts)
        for facts in ((), (unasked,), (unasked, again), (unasked, anew), (unasked, again, since), (anew, unasked))
    ]

    import_module("integrations.migrations.0022_unexpected_scope_of_before").fill(apps, None)

    assert [Connection.objects.get(pk=row.pk).unexpected_scope for row in rows] == ["", "a b", "", "", "c", "a b"]
