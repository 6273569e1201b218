"""An application sees what is shared with it, and nothing else."""

from base64 import urlsafe_b64decode

import pytest
from pytest_django import Settings

from integrations.models import Allowance, Connection, Event
from tests.api.calling import program_of
from tests.factories import make_connection, make_registration, make_user
from tests.lending import make_allowance
from tests.web.person import Person

pytestmark = pytest.mark.django_db


def test_what_a_connection_says_of_itself() -> None:
    connection = make_connection(owner=make_user(), scope="profile notes:read", name="for my eyes")
    make_allowance(connection, features=["profile"])

    body = program_of(connection.owner).get(f"/connections/{connection.uuid}").json()

    assert {name: body[name] for name in ("id", "provider", "title", "account_label", "status", "usable")} == {
        "id": str(connection.uuid),
        "provider": "sandbox",
        "title": "Sandbox: Alice Example",
        "account_label": "Alice Example",
        "status": "active",
        "usable": True,
    }
    assert (body["features"], body["allowed_features"]) == (["notes.read", "profile"], ["profile"])
    assert (body["scope"], body["allowed_scope"]) == ("notes:read profile", "notes:read profile")
    assert "for my eyes" not in str(body)


def test_list_is_what_is_shared() -> None:
    owner = make_user()
    shared, _ = make_connection(owner=owner), make_connection(owner=owner)
    make_allowance(shared)
    make_allowance(make_connection())

    body = program_of(owner).get("/connections").json()

    assert ([row["id"] for row in body["data"]], body["next"]) == ([str(shared.uuid)], None)


def test_list_by_provider_and_status() -> None:
    owner = make_user()
    one = make_connection(owner=owner, registration=make_registration(slug="here"))
    ended = make_connection(owner=owner, status=Connection.Status.NEEDS_REAUTHORIZATION)
    for row in (one, ended):
        make_allowance(row)
    program = program_of(owner)

    def found(**query: str) -> list[str]:
        return [row["id"] for row in program.get("/connections", query).json()["data"]]

    assert found(provider="here") == [str(one.uuid)]
    assert found(provider="sandbox") == [str(one.uuid), str(ended.uuid)]
    assert found(provider="github") == []
    assert found(status="needs_reauthorization") == [str(ended.uuid)]
    assert program.get("/connections", {"status": "revoked"}).status_code == 422


def test_pages_follow_each_other() -> None:
    owner = make_user()
    rows = [make_connection(owner=owner) for _ in range(5)]
    for row in rows:
        make_allowance(row)
    program = program_of(owner)
    found: list[str] = []
    after: str | None = ""
    for _ in range(3):
        response = program.get("/connections", {"limit": "2", "after": str(after)})
        body = response.json()
        found += [row["id"] for row in body["data"]]
        after = body["next"]
        assert response.has_header("Link") is bool(after)

    assert (found, after) == ([str(row.uuid) for row in rows], None)


@pytest.mark.parametrize("after", ["1", "WzFd", "x" * 200, "A" * 32, "\u0661"])
def test_cursor_that_is_none_is_refused(after: str) -> None:
    response = program_of(make_user()).get("/connections", {"after": after})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_parameters")
    assert response.json()["errors"][0]["name"] == "after"


def test_cursor_of_another_list_is_refused() -> None:
    program = program_of(make_user())
    cursor = program.get("/events").json()["cursor"]
    assert program.get("/events", {"after": cursor}).status_code == 200
    assert program.get("/connections", {"after": cursor}).status_code == 422


def test_cursor_tells_nothing_and_is_good_for_as_long_as_its_key(settings: Settings) -> None:
    owner = make_user()
    rows = [make_connection(owner=owner) for _ in range(2)]
    for row in rows:
        make_allowance(row)
    program = program_of(owner)

    first, again = (program.get("/connections", {"limit": "1"}).json()["next"] for _ in range(2))

    assert first == again
    assert b"connections" not in urlsafe_b64decode(first)
    assert int.from_bytes(urlsafe_b64decode(first)[-8:]) > 2**32
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]
    found = program.get("/connections", {"after": first}).json()["data"]
    assert [row["id"] for row in found] == [str(rows[1].uuid)]
    settings.SECRET_KEY_FALLBACKS = []
    assert program.get("/connections", {"after": first}).status_code == 422


@pytest.mark.requirement(145)
def test_application_of_its_own_sees_what_an_operator_opened() -> None:
    registration = make_registration()
    opened, persons = make_connection(of_the_hub=True, registration=registration), make_connection()
    Allowance.objects.create(client_id="client-1", registration=registration, scope="profile", features=["profile"])
    make_allowance(persons)
    program = program_of(None)

    body = program.get("/connections").json()

    assert [(row["id"], row["allowed_features"]) for row in body["data"]] == [(str(opened.uuid), ["profile"])]
    assert program.get(f"/connections/{persons.uuid}").status_code == 404


@pytest.mark.requirement(111)
@pytest.mark.requirement(135)
def test_not_yours_and_not_there_are_the_same() -> None:
    shared, kept = make_connection(owner=make_user()), make_connection(owner=make_user())
    make_allowance(shared)
    program = program_of(kept.owner)
    gone = make_connection(owner=kept.owner, status=Connection.Status.REVOKED)
    make_allowance(gone)
    nowhere = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"

    answers = {
        (answer.status_code, answer.content)
        for uuid in (shared.uuid, kept.uuid, gone.uuid, nowhere)
        for answer in (
            program.get(f"/connections/{uuid}"),
            program.post(f"/connections/{uuid}/token"),
            program.delete(f"/connections/{uuid}"),
        )
    }

    assert [status for status, _ in answers] == [404]


def test_disconnect(person: Person) -> None:
    connection = person.connect()
    make_allowance(connection)
    program = program_of(person.user)

    response = program.delete(f"/connections/{connection.uuid}")

    assert (response.status_code, response.json()["at_provider"]) == (200, "revoked")
    connection.refresh_from_db()
    assert connection.status == Connection.Status.REVOKED
    ended = Event.objects.get(kind=Event.Kind.DISCONNECTED)
    assert ended.actor == "application: Example Client [client-1]"
    assert program.delete(f"/connections/{connection.uuid}").status_code == 404


def test_application_of_its_own_disconnects_nothing() -> None:
    connection = make_connection(of_the_hub=True)
    make_allowance(connection)
    response = program_of(None).delete(f"/connections/{connection.uuid}")
    assert (response.status_code, response.json()["code"]) == (403, "person_required")
    assert Connection.objects.get().status == Connection.Status.ACTIVE
