"""What happens to what is shared, oldest first, once, and without what is not an application's business."""

from base64 import urlsafe_b64decode
from contextlib import ExitStack, closing
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.db import connections
from django.db.models import F
from django.utils import timezone

from integrations.flows import allow, disconnect, figures
from integrations.flows import told as told_flow
from integrations.flows.lend import Borrower
from integrations.flows.open_registration import close
from integrations.models import Allowance, Connection, Event, WebhookDelivery
from tests.api.calling import Program, program_of
from tests.factories import make_connection, make_event, make_registration, make_user
from tests.lending import make_allowance, make_webhook_endpoint

pytestmark = pytest.mark.django_db


def settle() -> None:
    """Let time pass."""
    for model in (Event, Allowance):
        model.objects.update(created_at=F("created_at") - timedelta(minutes=1))


@pytest.fixture
def connection() -> Connection:
    row = make_connection(owner=make_user())
    make_allowance(row)
    return row


def told(program: Program, **query: str) -> list[str]:
    return [event["kind"] for event in program.get("/events", query).json()["data"]]


def test_an_event_without_what_is_not_an_applications_business(connection: Connection) -> None:
    details: dict[str, Any] = {"code": "invalid_grant", "application": "Another", "ip": "192.0.2.1", "x": "secret"}
    event = make_event(
        kind=Event.Kind.NEEDS_REAUTHORIZATION, connection=connection, actor="an operator", details=details
    )
    settle()

    (found,), (again,) = (program_of(connection.owner).get("/events").json()["data"] for _ in range(2))

    assert (found["id"], found["kind"]) == (again["id"], "needs_reauthorization")
    assert len(found["id"]) == 32
    assert int.from_bytes(urlsafe_b64decode(found["id"])[-8:]) != event.pk
    assert (found["connection"], found["details"]) == (str(connection.uuid), {"code": "invalid_grant"})
    assert set(found) == {"id", "kind", "connection", "provider", "created_at", "details"}


def test_pages_go_on_where_they_ended(connection: Connection) -> None:
    kinds = [Event.Kind.CONNECTED, Event.Kind.REFRESHED, Event.Kind.REFRESH_FAILED]
    for kind in kinds:
        make_event(kind=kind, connection=connection)
    settle()
    program = program_of(connection.owner)

    first = program.get("/events", {"limit": "2"})
    second = program.get("/events", {"limit": "2", "after": first.json()["cursor"]}).json()
    make_event(kind=Event.Kind.RECOVERED, connection=connection)
    settle()

    assert ([event["kind"] for event in first.json()["data"]], first.json()["has_more"]) == (kinds[:2], True)
    assert first.has_header("Link")
    assert ([event["kind"] for event in second["data"]], second["has_more"]) == (kinds[2:], False)
    assert told(program, after=second["cursor"]) == ["recovered"]
    empty = program.get("/events", {"after": program.get("/events").json()["cursor"]}).json()
    assert (empty["data"], told(program, after=empty["cursor"])) == ([], [])


def test_event_that_may_be_overtaken_waits_and_holds_back_what_follows(connection: Connection) -> None:
    make_event(kind=Event.Kind.CONNECTED, connection=connection)
    settle()
    make_event(kind=Event.Kind.REFRESHED, connection=connection)
    late = make_event(kind=Event.Kind.RECOVERED, connection=connection)
    Event.objects.filter(pk=late.pk).update(created_at=timezone.now() - timedelta(minutes=1))
    assert told(program_of(connection.owner)) == ["connected"]


def test_only_of_what_is_lent_now(connection: Connection) -> None:
    make_event(connection=connection)
    make_event(connection=make_connection(owner=connection.owner))
    make_event()
    settle()
    program = program_of(connection.owner)
    assert told(program) == ["connected"]
    assert told(program_of(make_user())) == told(program_of(connection.owner, client_id="client-2")) == []
    Allowance.objects.all().delete()
    assert told(program) == []


def test_what_concerns_its_owner_alone_is_not_told(connection: Connection) -> None:
    silent = (Event.Kind.USED, Event.Kind.RENAMED, Event.Kind.ADMIN_ACTION, Event.Kind.DATA_EXPORTED)
    for kind in silent:
        make_event(kind=kind, connection=connection)
    for client_id in ("client-1", "client-2"):
        make_event(
            kind=Event.Kind.APPLICATION_ALLOWED, connection=connection, details={"client_id": client_id, "features": []}
        )
    settle()
    found = program_of(connection.owner).get("/events").json()["data"]
    assert [(event["kind"], event["details"]) for event in found] == [("application_allowed", {"features": []})]


def test_tokens_that_cannot_be_opened_mean_to_connect_again(connection: Connection) -> None:
    make_event(kind=Event.Kind.SEAL_BROKEN, connection=connection, details={"code": "seal_broken"})
    settle()
    assert told(program_of(connection.owner)) == ["needs_reauthorization"]


@pytest.mark.requirement(156)
def test_what_happened_before_it_was_shared_is_not_told() -> None:
    connection = make_connection(owner=make_user())
    make_event(kind=Event.Kind.REFRESH_FAILED, connection=connection, details={"code": "timeout"})
    settle()
    rule = make_allowance(connection)
    make_event(kind=Event.Kind.REFRESHED, connection=connection)
    settle()
    program = program_of(connection.owner)
    assert told(program) == ["refreshed"]
    rule.delete()
    make_allowance(connection)
    settle()
    assert told(program) == []


@pytest.mark.requirement(156)
def test_of_scope_only_what_is_allowed_is_told() -> None:
    connection = make_connection(owner=make_user(), scope="notes:read profile")
    make_allowance(connection)
    gained, lost = ["notes:read", "notes:write"], ["admin", "profile"]
    make_event(kind=Event.Kind.SCOPE_CHANGED, connection=connection, details={"gained": gained, "lost": lost})
    make_event(kind=Event.Kind.SCOPE_CHANGED, connection=connection, details={"gained": [], "lost": ["admin"]})
    features = {"lost": ["notes.write"], "unexpected": ["admin"]}
    make_event(kind=Event.Kind.RECONNECTED, connection=connection, details=features)
    settle()
    found = program_of(connection.owner).get("/events").json()["data"]
    assert [event["details"] for event in found] == [{"gained": ["notes:read"], "lost": ["profile"]}, {}]


@pytest.mark.requirement(156)
def test_what_is_left_out_takes_no_place_on_a_page(connection: Connection) -> None:
    for _ in range(3):
        make_event(kind=Event.Kind.SCOPE_CHANGED, connection=connection, details={"lost": ["admin"]})
    make_event(kind=Event.Kind.REFRESHED, connection=connection)
    settle()
    found = program_of(connection.owner).get("/events", {"limit": "1"}).json()
    assert ([event["kind"] for event in found["data"]], found["has_more"]) == (["refreshed"], False)


def test_what_is_left_out_is_read_once_and_not_without_end(
    connection: Connection, django_assert_max_num_queries: Any
) -> None:
    silent = {"kind": Event.Kind.SCOPE_CHANGED, "details": {"lost": ["admin"]}, "created_at": timezone.now()}
    whose = {"connection": connection, "registration": connection.registration, "owner": connection.owner}
    Event.objects.bulk_create(Event(**silent, **whose) for _ in range(told_flow.READ_AT_ONCE * told_flow.READ_AT_MOST))
    make_event(kind=Event.Kind.REFRESHED, connection=connection)
    settle()
    program = program_of(connection.owner)
    with django_assert_max_num_queries(20):
        first = program.get("/events", {"limit": "1"}).json()
    assert (first["data"], first["has_more"]) == ([], True)
    second = program.get("/events", {"limit": "1", "after": first["cursor"]}).json()
    assert ([event["kind"] for event in second["data"]], second["has_more"]) == (["refreshed"], False)


@pytest.mark.requirement(156)
@pytest.mark.parametrize("how", ["disconnected", "taken back"])
def test_end_of_sharing_is_told_and_nothing_after_it(connection: Connection, how: str) -> None:
    other, stranger = make_connection(owner=connection.owner), make_connection(owner=make_user())
    make_allowance(other, client_id="client-2")
    make_allowance(stranger)
    for ended in (connection, other, stranger):
        if how == "disconnected":
            disconnect.wipe(ended, actor="their owner", now=timezone.now(), reason="private")
        else:
            for client_id in ("client-1", "client-2"):
                allow.remove_application(ended.owner_id or 0, client_id, client_name="Example", actor="their owner")
        make_event(kind=Event.Kind.REFRESHED, connection=ended)
    settle()
    found = program_of(connection.owner).get("/events").json()["data"]
    assert [(event["kind"], event["connection"], event["details"]) for event in found] == [
        ("sharing_ended", str(connection.uuid), {})
    ]


def test_application_of_its_own_hears_that_what_was_opened_to_it_has_ended() -> None:
    connection = make_connection(of_the_hub=True)
    Allowance.objects.create(client_id="client-1", registration=connection.registration, scope="profile")
    make_event(kind=Event.Kind.REFRESHED, connection=connection)
    disconnect.wipe(connection, actor="an operator", now=timezone.now())
    settle()
    assert told(program_of(None)) == ["sharing_ended"]
    assert told(program_of(None, client_id="client-2")) == []


@pytest.mark.requirement(156)
def test_application_of_its_own_hears_of_what_an_operator_closes_unless_it_is_open_by_another_rule() -> None:
    one, other = (make_connection(of_the_hub=True, registration=make_registration()) for _ in range(2))
    second = make_connection(of_the_hub=True, registration=one.registration)
    make_connection(of_the_hub=True, registration=one.registration, status=Connection.Status.REVOKED)
    make_connection(owner=make_user(), registration=one.registration)
    rules = [
        Allowance.objects.create(client_id="client-1", registration=row.registration, connection=named, scope="profile")
        for row, named in ((one, None), (one, one), (other, None))
    ]
    Allowance.objects.create(client_id="client-2", registration=one.registration, scope="profile")
    make_webhook_endpoint()
    make_webhook_endpoint(client_id="client-2")

    def ended() -> list[tuple[str, str]]:
        settle()
        found = program_of(None).get("/events").json()["data"]
        return [(event["kind"], event["connection"]) for event in found]

    close(rules[0], client_name="Example", actor="an operator")
    assert ended() == [("sharing_ended", str(second.uuid))]
    close(rules[1], client_name="Example", actor="an operator")
    assert ended() == [("sharing_ended", str(row.uuid)) for row in (second, one)]

    assert told(program_of(None, client_id="client-2")) == []
    messages = WebhookDelivery.objects.values_list("endpoint__client_id", "kind")
    assert list(messages) == [("client-1", "connection.revoked")] * 2


@pytest.mark.requirement(156)
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(database.vendor != "postgresql", reason="on SQLite whoever writes is alone until they are done")
def test_event_of_a_transaction_that_takes_long_holds_back_what_follows_and_is_not_missed(
    connection: Connection,
) -> None:
    borrower = Borrower(issuer="", client_id="client-1", client_name="", person_id=connection.owner_id)

    def kinds() -> list[str]:
        found = told_flow.events(borrower, after=0, limit=9, now=timezone.now(), written_within=timedelta())
        return [event.kind for event in found.events]

    with ExitStack() as stack:
        busy, slow = (stack.enter_context(closing(connections.create_connection("default"))) for _ in range(2))
        for cursor in (busy.cursor(), slow.cursor()):
            cursor.execute("BEGIN")
            cursor.execute("UPDATE integrations_connection SET name = name WHERE false")
        slow.cursor().execute(
            "INSERT INTO integrations_event (kind, actor, owner_id, connection_id, details)"
            " VALUES ('refresh_failed', '', %s, %s, '{}')",
            [connection.owner_id, connection.pk],
        )
        make_event(kind=Event.Kind.RECOVERED, connection=connection)
        assert kinds() == []
        began, asked = slow.cursor().execute("SELECT now()").fetchone()[0], timezone.now()
        assert figures.events(asked) == {figures.EVENTS_HELD_BACK: {(): (asked - began).total_seconds()}}
        slow.cursor().execute("COMMIT")
        assert kinds() == ["refresh_failed", "recovered"]
        asked = timezone.now()
        assert figures.events(asked)[figures.EVENTS_HELD_BACK][()] < (asked - began).total_seconds()
