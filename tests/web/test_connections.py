"""The page of a provider, and of a connection."""

import pytest

from tests.factories import make_connection, make_registration
from tests.web.person import Person, text_of


@pytest.mark.requirement(111)
def test_only_ones_own_connections_are_listed(person: Person, stranger: Person) -> None:
    person.connect(account="alice")

    assert "alice" not in text_of(stranger.get("/connections/"))


def test_a_provider_that_left_the_catalogue_breaks_no_page(person: Person) -> None:
    gone = make_registration(provider="gone", slug="gone")
    connection = make_connection(owner=person.user, registration=gone)

    for path in ("/connections/", "/connections/new/", person.page(connection), person.page(connection, "disconnect")):
        assert person.get(path).status_code == 200
    assert person.get("/connections/new/gone/").status_code == 404
    assert person.post("/connections/begin/gone/").status_code == 404
    assert person.post(person.page(connection, "reconnect")).status_code == 502


def test_the_page_of_a_provider_fixes_the_minimum_and_offers_the_rest(person: Person) -> None:
    body = person.get("/connections/new/sandbox/?feature=notes.write").content.decode()

    assert 'value="profile"' not in body
    assert "Always on" in body
    assert 'value="notes.read" >' in body
    assert 'value="notes.write" checked>' in body


def test_the_page_of_a_connection_says_what_is_on_and_what_is_missing(person: Person) -> None:
    connection = person.connect("notes.read")

    body = person.get(person.page(connection)).content.decode()

    assert body.count('data-status="on"') == 2
    assert body.count('data-status="off"') == 1
    assert 'name="features" value="notes.write"' in body
    assert 'name="feature" value="notes.read"' in body


@pytest.mark.parametrize("status", ["revoking", "revoked"])
def test_an_ended_connection_offers_nothing_but_a_new_start(person: Person, status: str) -> None:
    connection = make_connection(owner=person.user, registration=person.connect().registration, status=status)

    body = person.get(person.page(connection)).content.decode().partition("<main")[2].partition("</main>")[0]

    assert "You need to do nothing." in body
    assert "<form" not in body
    assert 'href="/connections/new/sandbox/"' in body
