"""Test, try, name and end a connection."""

import socket
import threading

import pytest
from pytest_django import Settings

from integrations.models import ClientRegistration, Connection, Event
from integrations.vault import new_key
from tests.factories import make_registration
from tests.fakes.misbehaviour import Behaviour
from tests.oauth.loopback import Answer, Loopback, raw, reply
from tests.web.person import Person, text_of


def stop_half_way(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
    stop.wait()


def messages_of(person: Person, path: str = "/connections/") -> str:
    return text_of(person.get(path))


def test_a_test_really_asks_the_provider(person: Person) -> None:
    connection = person.connect()
    person.server.forget_requests()

    response = person.post(person.page(connection, "test"))

    assert response.headers["Location"] == person.page(connection)
    assert [request.endpoint for request in person.server.requests()] == ["userinfo"]
    assert "It works: Sandbox answered with status 200." in messages_of(person)


def test_a_test_says_when_the_person_must_act(person: Person) -> None:
    connection = person.connect()
    person.server.revoke_grants("alice")

    person.post(person.page(connection, "test"))

    connection.refresh_from_db()
    assert connection.status == Connection.Status.NEEDS_REAUTHORIZATION
    page = messages_of(person, person.page(connection))
    assert "Reconnect the account to go on" in page
    assert "Needs you" in page


def test_a_test_says_when_the_provider_is_down(person: Person) -> None:
    connection = person.connect()
    person.server.misbehave("userinfo", Behaviour.SERVER_ERROR, times=None)

    person.post(person.page(connection, "test"))

    assert "Sandbox refused: it answered with status 500." in messages_of(person)


def test_notes_are_seen(person: Person) -> None:
    connection = person.connect("notes.read", account="bob")

    response = person.post(person.page(connection, "try"), feature="notes.read")

    assert "What Sandbox says for bob : a note of bob" in text_of(response)
    assert "no-store" in response.headers["Cache-Control"]


@pytest.mark.parametrize("feature", ["notes.read", "profile", "nothing", ""])
def test_a_feature_that_is_off_or_cannot_be_tried_is_not_found(person: Person, feature: str) -> None:
    connection = person.connect()
    person.server.forget_requests()

    assert person.post(person.page(connection, "try"), feature=feature).status_code == 404
    assert not person.server.requests()


def test_a_refusal_of_the_api_is_shown_as_one(person: Person) -> None:
    connection = person.connect("notes.read")
    person.server.misbehave("api", Behaviour.SERVER_ERROR, times=None)

    response = person.post(person.page(connection, "try"), feature="notes.read")

    assert "Sandbox has a problem of its own." in text_of(response)


@pytest.mark.parametrize("action", ["try", "test"])
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(reply(b"not compressed", headers="Content-Encoding: gzip\r\n"), id="no gzip"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), id="truncated"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), id="bad chunk"),
        pytest.param(stop_half_way, id="never ends"),
    ],
)
def test_an_answer_that_cannot_be_read_is_the_providers_fault(
    person: Person, settings: Settings, answer: Answer, action: str
) -> None:
    connection = person.connect("notes.read")
    settings.HUB_HTTP_DEADLINE_SECONDS = 1
    with Loopback(answer) as api:
        ClientRegistration.objects.update(variables={"origin": f"http://127.0.0.1:{api.port}"})

        response = person.post(person.page(connection, action), feature="notes.read")

    page = text_of(response) if action == "try" else messages_of(person, person.page(connection))
    assert "Sandbox is not answering" in page


def test_a_connection_that_cannot_be_used_explains_itself(person: Person) -> None:
    connection = person.connect("notes.read")
    ClientRegistration.objects.update(enabled=False)

    response = person.post(person.page(connection, "try"), feature="notes.read")

    assert response.status_code == 502
    assert "Sandbox is switched off" in text_of(response)


def test_a_connection_gets_a_name_and_loses_it(person: Person) -> None:
    connection = person.connect()

    person.post(person.page(connection, "rename"), name="  Work  ")
    assert "Work" in messages_of(person)
    person.post(person.page(connection, "rename"), name="")

    connection.refresh_from_db()
    assert connection.title == "alice"
    assert [event.kind for event in connection.events.all()][:2] == [Event.Kind.RENAMED] * 2


def test_the_same_name_again_is_no_event(person: Person) -> None:
    connection = person.connect()

    person.post(person.page(connection, "rename"), name="")

    assert not connection.events.filter(kind=Event.Kind.RENAMED).exists()


def test_a_name_that_is_too_long_is_explained_beside_the_field(person: Person) -> None:
    connection = person.connect()

    response = person.post(person.page(connection, "rename"), name="a" * 101)

    assert response.status_code == 400
    assert "at most 100 characters" in text_of(response)
    assert 'aria-invalid="true"' in response.content.decode()


@pytest.mark.requirement(134)
def test_a_form_changes_nothing_but_what_it_is_for(person: Person, stranger: Person) -> None:
    connection = person.connect()
    untouched = Connection.objects.values("owner", "status", "granted_scope", "subject", "registration")
    before = untouched.get()

    person.post(
        person.page(connection, "rename"),
        name="Work",
        owner=stranger.user.pk,
        status="revoked",
        granted_scope="everything",
        subject="sub-bob",
        registration=make_registration().pk,
    )

    assert untouched.get() == before


def test_disconnecting_is_confirmed_before_anything_happens(person: Person) -> None:
    connection = person.connect("notes.read")
    person.server.forget_requests()

    page = text_of(person.get(person.page(connection, "disconnect")))

    assert "These stop at once: Know who you are, Read your notes." in page
    assert "The hub tells Sandbox to end the access." in page
    assert not person.server.requests()


def test_disconnecting_ends_it_here_and_there(person: Person) -> None:
    connection = person.connect()

    response = person.post(person.page(connection, "disconnect"))

    assert response.headers["Location"] == "/connections/"
    assert "Sandbox confirmed that the access has ended." in messages_of(person)
    assert all(grant.revoked for grant in person.server.grants("alice"))
    page = messages_of(person, person.page(connection))
    assert "You need to do nothing." in page
    assert "Disconnect…" not in page


def test_disconnecting_while_the_provider_is_down_says_what_is_left(person: Person) -> None:
    connection = person.connect()
    person.server.misbehave("revoke", Behaviour.SERVER_ERROR, times=None)

    person.post(person.page(connection, "disconnect"))

    assert "could not be told yet; the hub keeps trying" in messages_of(person)


def test_disconnecting_without_the_key_says_that_the_provider_still_allows_it(
    person: Person, settings: Settings
) -> None:
    connection = person.connect()
    settings.HUB_SEALING_KEYS = new_key("another")

    person.post(person.page(connection, "disconnect"))

    assert "Sandbox could not be told and still allows the access until you" in messages_of(person)
    history = person.get(person.page(connection)).content.decode()
    assert "remove the hub there yourself" in history


def test_disconnecting_twice_is_harmless(person: Person) -> None:
    connection = person.connect()
    person.post(person.page(connection, "disconnect"))

    for response in (
        person.post(person.page(connection, "disconnect")),
        person.get(person.page(connection, "disconnect")),
    ):
        assert response.headers["Location"] == person.page(connection)
    assert connection.events.filter(kind=Event.Kind.DISCONNECTED).count() == 1


@pytest.mark.parametrize("name", ["enable", "reconnect", "test", "try", "rename"])
def test_an_action_reached_by_its_address_leads_to_its_page(person: Person, name: str) -> None:
    connection = person.connect()

    assert person.get(person.page(connection, name)).headers["Location"] == person.page(connection)
