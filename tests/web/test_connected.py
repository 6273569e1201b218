"""Back from the provider: the page says what was stored, and nothing that an address claims."""

import re
from urllib.parse import urlencode

import pytest
from django.test import Client

from integrations.models import Connection, Event
from tests.factories import make_connection, make_event
from tests.web.person import Person, authorization_url, text_of

NOTES = "/connections/new/?page=2"


def shown(person: Person, connection: Connection, **query: str) -> str:
    response = person.get(person.page(connection, "connected") + (f"?{urlencode(query)}" if query else ""))
    assert response.status_code == 200
    return text_of(response)


def test_what_was_granted_is_said_and_survives_a_reload(person: Person) -> None:
    connection = person.connect("notes.read")

    first, second = shown(person, connection), shown(person, connection)

    assert "Sandbox is connected. On now Know who you are Read your notes" in first
    assert "Not granted" not in first
    assert "On before" not in first
    assert first == second


def test_what_was_not_granted_is_said_with_what_it_means(person: Person) -> None:
    away = person.come_back(person.begin("notes.read", "notes.write", next=NOTES), scope="profile notes:read")

    page = person.get(away.headers["Location"])

    assert away.status_code == 303
    assert "Write notes stays off." in text_of(page)
    assert "Whatever needs it asks you again when the time comes." in text_of(page)
    assert "Ask Sandbox again" in text_of(page)
    assert f'href="{NOTES}">Go on without it' in page.content.decode()


def test_when_all_is_as_asked_the_person_goes_straight_on(person: Person) -> None:
    away = person.come_back(person.begin("notes.read", next=NOTES))

    assert away.headers["Location"] == NOTES
    assert "Sandbox is connected. On now: Know who you are, Read your notes." in text_of(person.get(NOTES))


def test_more_than_asked_is_said_even_to_who_goes_on(person: Person) -> None:
    away = person.come_back(person.begin(next=NOTES), scope="profile <b>admin</b>")

    page = person.get(away.headers["Location"])

    assert "More than the hub asked for" in text_of(page)
    assert f'href="{NOTES}">Go on' in page.content.decode()


@pytest.mark.requirement(47, 132)
def test_scope_that_nobody_asked_for_is_shown_as_text(person: Person) -> None:
    connection = make_connection(owner=person.user)
    vector = "<script>alert(1)</script>\u202e" + "x" * 500
    make_event(connection=connection, details={"asked": [], "lost": [], "unexpected": [vector]})

    body = person.get(person.page(connection, "connected")).content.decode()

    assert "<script>alert" not in body
    assert "\u202e" not in body
    assert "x" * 300 not in body


def test_asking_again_brings_the_page_of_the_new_attempt(person: Person) -> None:
    person.come_back(person.begin("notes.read"), scope="profile")
    connection = person.user.connections.get()
    url = authorization_url(person.post(person.page(connection, "enable"), features="notes.read"))
    person.come_back(url)

    page = shown(person, connection)

    assert "Your connection to Sandbox was updated." in page
    assert "stays off" not in page


def test_what_was_switched_on_since_is_not_called_off(person: Person) -> None:
    person.come_back(person.begin("notes.read"), scope="profile")
    connection = person.user.connections.get()
    Connection.objects.update(granted_scope="notes:read profile")

    assert "stays off" not in shown(person, connection)


def test_nothing_that_an_address_claims_is_shown(person: Person) -> None:
    connection = person.connect()
    claims = {"feature": "notes.write", "missing": "notes.read", "lost": "notes.write", "title": "Pwned", "on": "all"}

    assert shown(person, connection, **claims) == shown(person, connection)


@pytest.mark.requirement(128)
@pytest.mark.parametrize(
    "value",
    [
        "//evil.example",
        "/\\evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "/%09/evil",
        "https://evil.example",
    ],
)
def test_the_way_on_stays_here(person: Person, value: str) -> None:
    person.come_back(person.begin("notes.read"), scope="profile")
    connection = person.user.connections.get()

    page = person.get(person.page(connection, "connected") + "?" + urlencode({"next": value}))

    assert "evil" not in page.content.decode()
    assert "javascript:" not in page.content.decode()
    assert "Go on" not in text_of(page)


@pytest.mark.requirement(135)
def test_the_page_is_the_owners_alone(person: Person, stranger: Person) -> None:
    connection = person.connect()
    unknown = person.page(connection, "connected").replace(
        str(connection.uuid), "0" * 8 + "-0000-4000-8000-" + "0" * 12
    )

    theirs, nobodys = stranger.get(person.page(connection, "connected")), stranger.get(unknown)

    assert theirs.status_code == nobodys.status_code == 404
    support_code = re.compile(r"code: \w+")
    assert support_code.sub("", text_of(theirs)) == support_code.sub("", text_of(nobodys))
    assert Client().get(person.page(connection, "connected")).status_code == 302


@pytest.mark.parametrize("status", ["needs_reauthorization", "revoking", "revoked"])
def test_a_connection_that_does_not_work_is_not_called_connected(person: Person, status: str) -> None:
    connection = make_connection(owner=person.user, status=status)
    make_event(connection=connection)

    response = person.get(person.page(connection, "connected"))

    assert response.headers["Location"] == person.page(connection)


def test_without_a_way_to_the_provider_there_is_nothing_to_tell(person: Person) -> None:
    connection = make_connection(owner=person.user)

    assert person.get(person.page(connection, "connected")).headers["Location"] == person.page(connection)


def test_an_event_of_before_this_page_is_told_as_far_as_it_goes(person: Person) -> None:
    connection = make_connection(owner=person.user)
    make_event(connection=connection, kind=Event.Kind.RECONNECTED)

    assert "was updated." in shown(person, connection)


def test_looking_changes_nothing(person: Person) -> None:
    connection = person.connect()
    before = list(Connection.objects.values()), Event.objects.count()

    shown(person, connection)

    assert (list(Connection.objects.values()), Event.objects.count()) == before
