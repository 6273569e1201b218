"""Who hears of what: the messages are there if, and only if, the event is, once for each that may know of it."""

from collections.abc import Callable

import pytest
from django.db import connection as database
from django.db import transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations.flows import allow, disconnect, settle
from integrations.flows.events import record, record_many
from integrations.models import Allowance, Connection, Event, WebhookDelivery, WebhookKind
from integrations.oauth.errors import InvalidGrant
from tests.canaries import leaks
from tests.factories import make_connection, make_registration, make_tokens, make_user
from tests.flows.hooking import bodies, lent_connection, told
from tests.lending import make_allowance, make_webhook_endpoint

pytestmark = pytest.mark.django_db
Kind = WebhookKind


def share(connection: Connection, *features: str, client_id: str = "client-1") -> None:
    assert connection.owner_id is not None
    chosen = {connection.pk: features}
    allow.allow(connection.owner_id, client_id, chosen, client_name="Example", actor="them", ip="203.0.113.9")


def test_sharing_a_connection_is_told_to_that_application_alone() -> None:
    make_webhook_endpoint()
    make_webhook_endpoint(client_id="client-2")
    connection = make_connection(scope="profile notes:read")
    make_allowance(connection, client_id="client-2")

    share(connection, "profile")

    assert told() == [(Kind.CREATED, str(connection.uuid))]
    assert WebhookDelivery.objects.get().endpoint.client_id == "client-1"
    (body,) = bodies()
    assert body["data"] == {
        "connection": str(connection.uuid),
        "provider": "sandbox",
        "status": "active",
        "scope": "profile",
    }
    assert body["timestamp"] == Event.objects.get(kind="application_allowed").created_at.isoformat()


def test_another_choice_is_told_as_another_scope() -> None:
    make_webhook_endpoint()
    connection = make_connection(scope="profile notes:read")
    share(connection, "profile")

    share(connection, "profile", "notes.read")

    assert [body["type"] for body in bodies()] == [Kind.CREATED, Kind.SCOPE_CHANGED]
    assert bodies()[-1]["data"]["scope"] == "notes:read profile"


def test_what_is_taken_back_has_ended_for_that_application_alone() -> None:
    make_webhook_endpoint()
    make_webhook_endpoint(client_id="client-2")
    connection = lent_connection()
    make_allowance(connection, client_id="client-2")

    allow.remove_application(connection.owner_id or 0, "client-1", client_name="Example", actor="them")

    (body,) = bodies()
    assert body["type"] == Kind.REVOKED
    assert (body["data"]["status"], body["data"]["reason"]) == ("revoked", "sharing_ended")
    assert body["data"]["scope"] == ""


@pytest.mark.requirement(156)
@pytest.mark.parametrize(
    ("kind", "type_"),
    [
        (Event.Kind.SCOPE_CHANGED, Kind.SCOPE_CHANGED),
        (Event.Kind.NEEDS_REAUTHORIZATION, Kind.NEEDS_REAUTHORIZATION),
        (Event.Kind.SEAL_BROKEN, Kind.NEEDS_REAUTHORIZATION),
        (Event.Kind.RECOVERED, Kind.RECOVERED),
        (Event.Kind.RECONNECTED, Kind.RECOVERED),
        (Event.Kind.DISCONNECTED, Kind.REVOKED),
    ],
)
def test_each_event_is_told_once_to_each_endpoint_of_each_application(kind: Event.Kind, type_: WebhookKind) -> None:
    for client_id in ("client-1", "client-1", "client-2", "client-3"):
        make_webhook_endpoint(client_id=client_id)
    connection = lent_connection()
    make_allowance(connection, client_id="client-2")

    record(kind, connection=connection)

    assert told() == [(type_, str(connection.uuid))] * 3
    rows = WebhookDelivery.objects.all()
    assert {row.endpoint.client_id for row in rows} == {"client-1", "client-2"}
    assert {row.event_id for row in rows} == {Event.objects.get(kind=kind).pk}
    assert len({row.message_id for row in rows}) == 3


@pytest.mark.parametrize("kind", [Event.Kind.REFRESHED, Event.Kind.USED, Event.Kind.RENAMED, Event.Kind.REFRESH_FAILED])
def test_what_happens_all_the_time_is_told_to_nobody(kind: Event.Kind) -> None:
    make_webhook_endpoint()

    record(kind, connection=lent_connection())

    assert told() == []


@pytest.mark.requirement(111, 112)
def test_nobody_hears_of_what_is_not_lent_to_them() -> None:
    make_webhook_endpoint()
    make_webhook_endpoint(client_id="client-2", kinds=[Kind.REVOKED])
    make_webhook_endpoint(issuer="https://elsewhere.example.test")
    make_webhook_endpoint(disabled_at=timezone.now(), disabled_why="gone")
    moved = lent_connection(client_id="client-3")
    make_webhook_endpoint(client_id="client-3")
    Connection.objects.filter(pk=moved.pk).update(owner=make_user())
    moved.refresh_from_db()

    record(Event.Kind.RECOVERED, connection=make_connection())
    record(Event.Kind.RECOVERED, connection=lent_connection(client_id="client-2"))
    record(Event.Kind.RECOVERED, connection=moved)

    assert told() == []


def test_the_hubs_own_connections_are_told_to_whom_an_operator_opened_them() -> None:
    registration = make_registration()
    own, elsewhere = make_connection(of_the_hub=True, registration=registration), make_connection(of_the_hub=True)
    persons = make_connection(registration=registration)
    rule = make_allowance(own)
    Allowance.objects.filter(pk=rule.pk).update(connection=None)
    make_webhook_endpoint()

    for connection in (own, elsewhere, persons):
        record(Event.Kind.CONNECTED, connection=connection)

    assert told() == [(Kind.CREATED, str(own.uuid))]


@pytest.mark.requirement(112, 156)
def test_what_is_opened_to_an_issuers_client_for_somebody_is_not_told_to_it_as_its_own() -> None:
    issuer = "https://issuer.example.test"
    connection = make_connection(of_the_hub=True)
    whole = {"registration": connection.registration, "connection": connection, "issuer": issuer}
    Allowance.objects.create(client_id="robot", subject="alice", scope="profile", **whole)
    Allowance.objects.create(client_id="client-1", scope="profile", **whole)
    for client_id in ("robot", "client-1"):
        make_webhook_endpoint(client_id=client_id, issuer=issuer)
        make_webhook_endpoint(client_id=client_id)

    record(Event.Kind.RECOVERED, connection=connection)

    endpoint = WebhookDelivery.objects.get().endpoint
    assert (endpoint.issuer, endpoint.client_id) == (issuer, "client-1")


@pytest.mark.requirement(155, 98)
def test_a_message_holds_no_token_and_nothing_that_names_a_person() -> None:
    tokens = make_tokens(access_token="canary-access-0123456789", refresh_token="canary-refresh-0123456789")
    owner = make_user("canary-person-0123")
    connection = lent_connection(
        owner=owner,
        tokens=tokens,
        scope="profile notes:read",
        account_label="canary-account@example.test",
        name="canary-name-0123456",
        subject="canary-subject-012345",
        provider_data={"canary-data-0123456": 1},
    )
    Allowance.objects.update(scope="profile")
    make_webhook_endpoint()

    for kind in (Event.Kind.RECOVERED, Event.Kind.SCOPE_CHANGED, Event.Kind.DISCONNECTED):
        record(kind, connection=connection, actor=owner.username, ip="203.0.113.9", details={"gained": ["notes:read"]})

    canaries = [
        *("canary-access-0123456789", "canary-refresh-0123456789", "canary-person-0123", "canary-account@example.test"),
        *("canary-name-0123456", "canary-data-0123456", "canary-subject-012345", "203.0.113.9", "notes:read"),
    ]
    assert len(bodies()) == 3
    for row in WebhookDelivery.objects.all():
        assert leaks(row.body.encode(), canaries) == []


@pytest.mark.requirement(156)
def test_the_end_of_a_connection_is_told_to_those_it_was_lent_to_at_that_moment() -> None:
    make_webhook_endpoint()
    connection = lent_connection()

    disconnect.wipe(connection, actor="them", now=timezone.now())
    disconnect.wipe(connection, actor="them", now=timezone.now())

    assert told() == [(Kind.REVOKED, str(connection.uuid))]
    assert bodies()[0]["data"]["status"] == "revoked"
    assert not Allowance.objects.exists()


def disconnects(connection: Connection) -> None:
    disconnect.wipe(connection, actor="them", now=timezone.now())


def ends(connection: Connection) -> None:
    settle.end_many([(connection, "invalid_grant")], lease_owners=[""])


def fails(connection: Connection) -> None:
    settle.fail(connection, InvalidGrant("gone"), lease_owner="", now=timezone.now())


def is_given_up(connection: Connection) -> None:
    with transaction.atomic():
        record_many(Event.Kind.SEAL_BROKEN, [connection.pk], details={"code": "key_lost"})


def is_shared_anew(connection: Connection) -> None:
    Allowance.objects.all().delete()
    share(connection, "profile")


@pytest.mark.requirement(156)
@pytest.mark.parametrize("change", [disconnects, ends, fails, is_given_up, is_shared_anew])
def test_message_and_event_are_there_together_or_not_at_all(change: Callable[[Connection], None]) -> None:
    make_webhook_endpoint()
    connection = lent_connection()
    seen: list[tuple[int, int]] = []

    def noted(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        result = execute(sql, params, many, context)
        if sql.startswith('INSERT INTO "integrations_webhookdelivery"'):
            seen.append((database.in_atomic_block, len(database.savepoint_ids)))
            raise RuntimeError("the database went away")
        return result

    with database.execute_wrapper(noted), pytest.raises(RuntimeError):
        change(connection)
    assert seen
    assert not Event.objects.exists()
    assert Connection.objects.get().status == Connection.Status.ACTIVE

    change(connection)
    assert len(told()) == Event.objects.count() == 1


def statements(connections: list[Connection]) -> int:
    with CaptureQueriesContext(database) as queries:
        settle.end_many([(row, "invalid_grant") for row in connections], lease_owners=[""] * len(connections))
    return len([query for query in queries if "webhook" in query["sql"]])


def test_a_batch_costs_one_query_where_no_endpoint_is_and_a_few_where_one_is() -> None:
    registration = make_registration()
    few, many = ([lent_connection(registration=registration) for _ in range(count)] for count in (1, 40))

    assert statements(few) == statements(many) == 1

    make_webhook_endpoint()
    more = [lent_connection(registration=registration) for _ in range(40)]
    with CaptureQueriesContext(database) as queries:
        settle.end_many([(row, "invalid_grant") for row in more], lease_owners=[""] * 40)
    assert len(told()) == 40
    assert len(queries) < 20


def test_renewing_costs_nothing() -> None:
    connection = lent_connection()

    with CaptureQueriesContext(database) as queries:
        record_many(Event.Kind.REFRESHED, [connection.pk], details={})

    assert [query["sql"] for query in queries if "webhook" in query["sql"]] == []


def test_an_endpoint_that_is_deleted_meanwhile_fails_nobodys_change() -> None:
    """The rows of its messages go with their age."""
    endpoint = make_webhook_endpoint()
    connection = lent_connection()

    def delete(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        if sql.startswith('INSERT INTO "integrations_webhookdelivery"'):
            with database.cursor() as cursor:
                cursor.execute("DELETE FROM integrations_webhookendpoint WHERE id = %s", [endpoint.pk])
        return execute(sql, params, many, context)

    with database.execute_wrapper(delete):
        record(Event.Kind.RECOVERED, connection=connection)
    database.check_constraints()

    assert Event.objects.filter(kind="recovered").exists()
