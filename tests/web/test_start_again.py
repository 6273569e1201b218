"""Start again means the very same attempt, and nothing that was allowed gets lost unseen."""

import re

from django.http import HttpResponse

from tests.fakes.misbehaviour import Behaviour
from tests.web.person import Person, asked_scope, authorization_url, text_of

NOTES = "/connections/new/?page=2"


def press(person: Person, page: HttpResponse, label: str) -> str:
    """Send the page's form with that button; the authorization URL."""
    html = page.content.decode()
    forms = re.findall(r'<form[^>]*action="([^"]+)"[^>]*>(.*?)</form>', html, re.DOTALL)
    action, body = next(form for form in forms if label in form[1])
    fields = re.findall(r'<input type="hidden" name="(features|next)" value="([^"]*)"', body)
    form = {"features": [value for name, value in fields if name == "features"], "next": dict(fields).get("next", "")}
    return authorization_url(person.post(action, **form))


def test_a_denied_upgrade_is_started_again_as_it_was(person: Person) -> None:
    connection = person.connect("notes.read")
    url = authorization_url(person.post(person.page(connection, "enable"), features="notes.write", next=NOTES))

    again = press(person, person.come_back(url, error="access_denied"), "Start again")
    back = person.come_back(again)

    assert asked_scope(again) == asked_scope(url)
    assert back.headers["Location"] == NOTES
    connection.refresh_from_db()
    assert connection.scope == {"profile", "notes:read", "notes:write"}


def test_a_denied_beginning_keeps_its_features_and_the_way_on(person: Person) -> None:
    url = person.begin("notes.read", next=NOTES)

    again = press(person, person.come_back(url, error="access_denied"), "Start again")

    assert asked_scope(again) == asked_scope(url)
    assert person.come_back(again).headers["Location"] == NOTES


def test_of_two_attempts_the_one_that_failed_is_started_again(person: Person) -> None:
    first, second = person.begin("notes.read"), person.begin("notes.write")

    page = person.come_back(first, error="access_denied")

    assert asked_scope(press(person, page, "Start again")) == asked_scope(first)
    assert asked_scope(second) != asked_scope(first)


def test_an_attempt_for_a_connection_that_is_gone_starts_at_the_choice(person: Person) -> None:
    connection = person.connect()
    url = authorization_url(person.post(person.page(connection, "reconnect")))
    person.post(person.page(connection, "disconnect"))

    page = person.come_back(url)

    assert 'href="/connections/new/sandbox/">Start again' in page.content.decode()


def test_connecting_anew_starts_from_what_is_on(person: Person) -> None:
    person.connect("notes.read")

    html = person.get("/connections/new/sandbox/").content.decode()

    assert re.search(r'value="notes.read"\s+checked', html)
    assert not re.search(r'value="notes.write"\s+checked', html)


def test_what_the_same_account_lost_is_said_and_enabled_again_by_one_button(person: Person) -> None:
    connection = person.connect("notes.read", "notes.write")

    away = person.come_back(person.begin(next=NOTES))
    page = person.get(away.headers["Location"])

    connection.refresh_from_db()
    assert connection.scope == {"profile"}
    assert "Read your notes" in text_of(page)
    back = person.come_back(press(person, page, "Ask Sandbox again"))
    assert back.headers["Location"] == NOTES
    connection.refresh_from_db()
    assert connection.scope == {"profile", "notes:read", "notes:write"}
    assert "off now" not in text_of(person.get(away.headers["Location"]))


def test_a_try_that_needs_the_person_leads_to_reconnecting_with_everything(person: Person) -> None:
    connection = person.connect("notes.read")
    person.server.revoke_grants("alice")

    page = person.post(person.page(connection, "try"), feature="notes.read")

    assert asked_scope(press(person, page, "Reconnect")) == {"profile", "notes:read"}


def test_a_try_that_must_wait_leads_back_to_the_connection(person: Person) -> None:
    connection = person.connect("notes.read")
    person.server.misbehave("api", Behaviour.DROP_BEFORE_PROCESSING, times=None)

    page = person.post(person.page(connection, "try"), feature="notes.read")

    assert page.status_code == 503
    assert f'href="{person.page(connection)}">Back to the connection' in page.content.decode()
