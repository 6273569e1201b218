"""Deleting one's account: said beforehand, proven, typed; afterwards nothing of it works, and a farewell."""

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client

from integrations.flows import close_account, disconnect
from integrations.models import AccountClosure, Connection, Event
from tests.authorization_server import steps
from tests.factories import PASSWORD, make_user
from tests.fakes.misbehaviour import Behaviour
from tests.web.person import Person, text_of

PAGE = "/settings/delete/"
FAREWELL = "/settings/delete/done/"


def prove(person: Person) -> None:
    person.post("/accounts/reauthenticate/", password=PASSWORD)


def elsewhere(user: User) -> Client:
    """Another device of the same person."""
    client = Client()
    client.post("/accounts/login/", {"login": user.username, "password": PASSWORD})
    assert client.get("/connections/").status_code == 200
    return client


def is_signed_in(client: Client) -> bool:
    return client.get("/connections/").status_code == 200


def test_the_page_says_what_goes_and_what_stays(person: Person) -> None:
    person.connect()
    steps.make_application(user=person.user)
    prove(person)

    text = text_of(person.get(PAGE))

    assert "your 1 connection: it is disconnected first" in text
    assert "1 application that you made at this hub" in text
    assert "a note that an account was deleted, and when; it does not say whose" in text
    assert "Sandbox 1 connection The hub tells Sandbox to end the access." in text
    assert "To go on, type your username: robin" in text
    assert "history of what you did as an operator" not in text


def test_it_wants_a_proof_of_who_it_is_and_the_username(person: Person) -> None:
    asked = person.get(PAGE)
    refused = person.post(PAGE, username="robin")
    prove(person)
    wrong = [person.post(PAGE, username=name) for name in ("", "Robin", "mallory", "x" * 200)]

    assert asked.headers["Location"] == "/accounts/reauthenticate/?next=%2Fsettings%2Fdelete%2F"
    assert (refused.status_code, refused.headers["Location"]) == (303, PAGE)
    assert [page.status_code for page in wrong] == [400] * 4
    assert "This is not your username. Nothing was deleted." in text_of(wrong[1])
    assert User.objects.filter(username="robin", is_active=True).exists()
    assert Client().post(PAGE, {"username": "robin"}).headers["Location"].startswith("/accounts/login/")


@pytest.mark.requirement(26, 105)
def test_the_account_goes_and_every_device_is_signed_out(person: Person, stranger: Person) -> None:
    phone = elsewhere(person.user)
    person.connect()
    prove(person)

    answer = person.post(PAGE, username="robin")

    assert (answer.status_code, answer.headers["Location"]) == (303, FAREWELL)
    page = person.get(FAREWELL)
    assert "Your account is deleted" in text_of(page)
    assert "robin" not in page.content.decode()
    assert "no-store" in page.headers["Cache-Control"]
    assert not is_signed_in(phone)
    assert not is_signed_in(person.client)
    assert is_signed_in(stranger.client)
    assert person.server.grants("alice")[-1].revoked
    assert not User.objects.filter(username="robin").exists()
    assert [event.kind for event in Event.objects.all()] == ["account_deleted"]
    assert signed_in_as() == {str(stranger.user.pk)}


def signed_in_as() -> set[str]:
    """Whom the stored sessions belong to."""
    kept = [session.get_decoded() for session in Session.objects.all()]
    return {session["_auth_user_id"] for session in kept if "_auth_user_id" in session}


@pytest.mark.requirement(26)
def test_while_a_provider_is_down_nothing_works_on_any_device(person: Person) -> None:
    phone = elsewhere(person.user)
    phone_session = phone.session.session_key
    steps.make_application()
    tokens = steps.get_tokens(person.user)
    steps.make_application("machine", grant_type="client-credentials", user=person.user)
    person.connect()
    person.server.misbehave("revoke", Behaviour.SERVER_ERROR, times=None)
    prove(person)
    assert steps.token_request(client_id="machine", grant_type="client_credentials").status_code == 200
    assert steps.call("/sandbox/api/profile", tokens.access_token).status_code == 200

    person.post(PAGE, username="robin")

    assert "Your account is closed" in text_of(person.get(FAREWELL))
    assert not is_signed_in(phone)
    again = Client()
    again.post("/accounts/login/", {"login": "robin", "password": PASSWORD})
    assert not is_signed_in(again)
    assert steps.refresh(tokens.refresh_token).status_code == 400
    assert steps.call("/sandbox/api/profile", tokens.access_token).status_code == 401
    assert AccountClosure.objects.exists()
    assert not Connection.objects.visible().exists()
    assert not Session.objects.filter(session_key=phone_session).exists()
    assert steps.token_request(client_id="machine", grant_type="client_credentials").status_code == 401


def test_the_farewell_is_for_those_who_leave(person: Person) -> None:
    assert person.get(FAREWELL).headers["Location"] == "/connections/"
    assert Client().get(FAREWELL).status_code == 302


def test_the_last_superuser_is_told_why_not(person: Person) -> None:
    User.objects.update(is_superuser=True, is_staff=True)
    prove(person)

    answers = [person.get(PAGE), person.post(PAGE, username="robin")]

    assert [answer.status_code for answer in answers] == [200, 409]
    assert all("You are the only operator" in text_of(answer) for answer in answers)
    assert is_signed_in(person.client)
    make_user(is_superuser=True)
    assert "What you did" not in text_of(person.get(PAGE))
    assert "history of what you did as an operator" in text_of(person.get(PAGE))
    assert person.post(PAGE, username="robin").status_code == 303


def test_the_sweep_finishes_what_the_page_began(person: Person) -> None:
    person.connect()
    person.server.misbehave("revoke", Behaviour.SERVER_ERROR, times=1)
    prove(person)
    person.post(PAGE, username="robin")
    row = Connection.objects.get().pending_revocations.get()

    disconnect.retry_revocations(now=row.next_attempt_at)
    close_account.finish_closures(clock=lambda: row.next_attempt_at)

    assert not User.objects.filter(username="robin").exists()
