"""Disconnecting everything: said beforehand, confirmed twice over, done at once, followed on a page."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from integrations.flows import disconnect
from integrations.models import AuthorizationRequest, Connection, Event, PendingRevocation, VaultEntry
from tests.factories import PASSWORD, make_connection, make_registration
from tests.fakes.misbehaviour import Behaviour
from tests.web.person import Person, text_of

PAGE = "/connections/disconnect-all/"
PROGRESS = "/connections/disconnect-all/progress/"


def prove(person: Person) -> None:
    """Say the password again."""
    person.post("/accounts/reauthenticate/", password=PASSWORD)


def forget_proof(person: Person) -> None:
    session = person.client.session
    session["account_authentication_methods"][-1]["at"] -= 301
    session.save()


def test_the_page_says_what_will_happen_at_which_service(person: Person) -> None:
    person.connect(account="alice")
    person.connect(account="bob")
    make_connection(owner=person.user, registration=make_registration(provider="spotify", variables={}))
    ours = {"host": "git.example.test"}
    make_connection(owner=person.user, registration=make_registration(provider="gitlab", variables=ours))
    prove(person)

    page = person.get(PAGE)

    text = text_of(page)
    assert "Sandbox 2 connections The hub tells Sandbox to end the access." in text
    assert "Spotify 1 connection Spotify cannot be told. Remove the hub on its own page:" in text
    assert 'href="https://www.spotify.com/account/apps/"' in page.content.decode()
    assert "Disconnect all 4 connections" in text
    assert "{" not in text
    assert VaultEntry.objects.count() == 4


def test_it_wants_a_proof_of_who_it_is(person: Person) -> None:
    person.connect()

    asked = person.get(PAGE)
    refused = person.post(PAGE, confirmed="yes")
    prove(person)
    forget_proof(person)
    late = person.post(PAGE, confirmed="yes")
    prove(person)

    assert asked.headers["Location"] == "/accounts/reauthenticate/?next=%2Fconnections%2Fdisconnect-all%2F"
    assert [(answer.status_code, answer.headers["Location"]) for answer in (refused, late)] == [(303, PAGE)] * 2
    assert Connection.objects.visible().exists()
    assert person.post(PAGE, confirmed="yes").headers["Location"] == PROGRESS
    assert not Connection.objects.visible().exists()


@pytest.mark.requirement(105)
def test_a_proof_alone_or_a_slip_of_the_finger_ends_nothing(person: Person) -> None:
    person.connect()
    prove(person)

    slips = [person.post(PAGE), person.post(PAGE, confirmed="no")]

    assert [slip.status_code for slip in slips] == [400, 400]
    assert "Nothing was disconnected" in text_of(slips[0])
    assert Connection.objects.visible().exists()


def test_it_wants_somebody_who_is_signed_in_and_a_csrf_token(person: Person) -> None:
    person.connect()
    prove(person)
    elsewhere = Client(enforce_csrf_checks=True)
    elsewhere.cookies = person.client.cookies

    for path in (PAGE, PROGRESS):
        assert Client().get(path).headers["Location"].startswith("/accounts/login/")
        assert Client().post(path, {"confirmed": "yes"}).headers["Location"].startswith("/accounts/login/")
        assert elsewhere.post(path, {"confirmed": "yes"}).status_code == 403
        assert person.client.put(path).status_code == 405
    assert Connection.objects.visible().exists()


@pytest.mark.requirement(24, 105, 111)
def test_everything_ends_and_is_followed_on_a_page(person: Person, stranger: Person) -> None:
    theirs = stranger.connect(account="carol")
    for name in ("alice", "bob"):
        person.connect(account=name)
    begun = person.begin()
    prove(person)

    answer = person.post(PAGE, confirmed="yes")
    page = person.get(PROGRESS)

    assert (answer.status_code, answer.headers["Location"]) == (303, PROGRESS)
    assert "2 of 2 connections are confirmed as ended by their services." in text_of(page)
    assert "There is nothing left to do." in text_of(page)
    assert '<progress class="progress" max="2" value="2"' in page.content.decode()
    assert not AuthorizationRequest.objects.exists()
    assert "This way back is not valid" in text_of(person.come_back(begun))
    assert [row.pk for row in Connection.objects.visible()] == [theirs.pk]
    assert "Nothing is under way" in text_of(stranger.get(PROGRESS))
    assert {event.ip for event in Event.objects.filter(kind="disconnected")} == {"127.0.0.1"}


@pytest.mark.requirement(134)
def test_a_form_that_names_somebody_else_ends_only_ones_own(person: Person, stranger: Person) -> None:
    theirs = stranger.connect(account="carol")
    person.connect()
    prove(person)

    person.post(PAGE, confirmed="yes", owner=stranger.user.pk, user=stranger.user.pk, connection=theirs.uuid)

    assert [row.pk for row in Connection.objects.visible()] == [theirs.pk]


def test_what_waits_can_be_gone_on_with(person: Person) -> None:
    first, *_ = [person.connect(account=name) for name in ("alice", "bob", "carol")]
    person.server.misbehave("revoke", Behaviour.SERVER_ERROR, times=None)
    prove(person)
    person.post(PAGE, confirmed="yes")

    waits = person.get(PROGRESS)
    again = person.post(PAGE, confirmed="yes")
    person.server.behave()
    PendingRevocation.objects.filter(connection=first).update(next_attempt_at="2020-01-01T00:00Z")
    due = person.get(PROGRESS)
    pressed = person.post(PROGRESS)

    assert "0 of 3 connections are confirmed" in text_of(waits)
    assert "3 wait for an answer" in text_of(waits)
    assert "You can leave this page: the hub goes on" in text_of(waits)
    assert "Go on now" not in text_of(waits)
    assert "The hub tries again at" in text_of(waits)
    assert again.headers["Location"] == PROGRESS
    assert "Go on now" in text_of(due)
    assert (pressed.status_code, pressed.headers["Location"]) == (303, PROGRESS)
    assert "1 of 3 connections are confirmed" in text_of(person.get(PROGRESS))


def test_what_needs_a_visit_is_listed_with_its_page(person: Person) -> None:
    make_connection(owner=person.user, registration=make_registration(provider="spotify", variables={}))
    prove(person)
    person.post(PAGE, confirmed="yes")

    page = person.get(PROGRESS)

    assert "0 of 1 connection is confirmed" in text_of(page)
    assert "1 needs you to visit the service." in text_of(page)
    assert re.search(r'href="https://www.spotify.com/account/apps/"\s+rel="noreferrer"', page.content.decode())


def test_a_later_run_counts_for_itself(person: Person) -> None:
    prove(person)
    for name in ("alice", "bob"):
        person.connect(account=name)
        person.post(PAGE, confirmed="yes")

    assert "1 of 1 connection is confirmed" in text_of(person.get(PROGRESS))


def test_only_the_progress_itself_is_sent_when_it_is_asked_for_anew(person: Person) -> None:
    part = person.get(PROGRESS, **{"HX-Request": "true"})

    assert b"<html" not in part.content
    assert b'id="disconnect-progress"' in part.content
    assert "HX-Request" in part.headers["Vary"]


def test_with_nothing_connected_there_is_nothing_to_press(person: Person) -> None:
    prove(person)
    assert "so there is nothing to disconnect" in text_of(person.get(PAGE))
    assert "Nothing is under way" in text_of(person.get(PROGRESS))

    connection = person.connect()
    person.server.misbehave("revoke", Behaviour.SERVER_ERROR)
    disconnect.disconnect(connection, actor="robin", now=connection.created_at)

    assert reverse("integrations:disconnect_progress") in person.get(PAGE).content.decode()
