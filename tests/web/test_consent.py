"""Consent to one feature."""

import pytest

from integrations.models import ClientRegistration
from tests.factories import make_connection
from tests.web.person import Person, text_of

CONSENT = "/connections/consent/?provider=sandbox&feature=notes.read"


def test_it_says_what_is_asked_and_of_which_account(person: Person) -> None:
    connection = person.connect(account="bob")

    page = person.get(CONSENT)

    assert "What you want to do needs this at Sandbox. List your notes and open them." in text_of(page)
    assert "bob Only this is added." in text_of(page)
    assert f'action="{person.page(connection, "enable")}"' in page.content.decode()
    assert not person.server.requests("authorize")[1:]


def test_each_account_can_be_chosen(person: Person) -> None:
    pages = [person.page(person.connect(account=name), "enable") for name in ("alice", "bob")]

    body = person.get(CONSENT).content.decode()

    assert all(f'action="{page}"' in body for page in pages)


def test_a_connection_that_ended_is_not_offered(person: Person) -> None:
    connection = person.connect()
    person.post(person.page(connection, "disconnect"))

    body = person.get(CONSENT).content.decode()

    assert str(connection.uuid) not in body
    assert 'action="/connections/begin/sandbox/"' in body


@pytest.mark.requirement(111)
def test_connections_of_others_are_not_offered(person: Person, stranger: Person) -> None:
    connection = person.connect()

    assert str(connection.uuid) not in stranger.get(CONSENT).content.decode()


@pytest.mark.parametrize("query", ["", "?provider=nobody&feature=x", "?provider=sandbox&feature=nothing", "?feature=x"])
def test_what_does_not_exist_is_not_found(person: Person, query: str) -> None:
    assert person.get(f"/connections/consent/{query}").status_code == 404


def test_scope_of_no_feature_leads_to_the_connection_or_the_catalogue(person: Person) -> None:
    path = "/connections/consent/?provider=sandbox"
    assert person.get(path).headers["Location"] == "/connections/new/"

    connection = person.connect()

    assert person.get(path).headers["Location"] == person.page(connection)


def test_a_provider_that_is_switched_off_offers_nothing(person: Person) -> None:
    ClientRegistration.objects.update(enabled=False)

    page = person.get(CONSENT)

    assert "switched this service off" in text_of(page)
    assert b"<form" not in page.content.partition(b"<main")[2].partition(b"</main")[0]


def test_one_of_several_registrations_is_named_by_its_host(person: Person) -> None:
    other = make_connection().registration

    body = text_of(person.get(CONSENT))

    assert person.server.origin.partition("://")[2] in body
    assert other.variables["origin"].partition("://")[2] in body
