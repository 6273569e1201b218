"""What happens to what is shared, oldest first, once, and without what is not an application's business."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from integrations.models import Allowance, Connection, Event
from tests.api.calling import Program, program_of
from tests.factories import make_connection, make_event, make_user
from tests.lending import make_allowance

pytestmark = pytest.mark.django_db


def settle() -> None:
    """Let time pass."""
    Event.objects.update(created_at=timezone.now() - timedelta(minutes=1))


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

    (found,) = program_of(connection.owner).get("/events").json()["data"]

    assert (found["id"], found["kind"]) == (event.pk, "needs_reauthorization")
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
