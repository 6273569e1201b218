"""What a person is asked before leaving, where one registration is good for many tenants."""

import re

import pytest
from django.test import Client
from django.utils.html import escape

from integrations.models import AuthorizationRequest, ClientRegistration, Connection
from integrations.providers import get
from tests.factories import make_registration
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.registration import register_helpdesk
from tests.web.person import Person, authorization_url, text_of

PAGE = "/connections/new/helpdesk/"
BEGIN = "/connections/begin/helpdesk/"
HELP = "The name of your desk, as it stands in its address: acme."


@pytest.fixture
def helpdesk(person: Person) -> ClientRegistration:
    return register_helpdesk(person.server)


def test_a_person_names_their_tenant_and_leaves_for_it(person: Person, helpdesk: ClientRegistration) -> None:
    page = person.get(PAGE).content.decode()
    response = person.post(BEGIN, features="tickets.read", variable_desk=" acme ", variable_region="us")

    assert HELP in page
    assert authorization_url(response).startswith(f"{person.server.origin}/us/acme/oauth/authorize/?")
    assert AuthorizationRequest.objects.get().variables == {"desk": "acme", "region": "us"}


def test_what_has_a_default_may_be_left_out(person: Person, helpdesk: ClientRegistration) -> None:
    person.post(BEGIN, variable_desk="acme")

    assert AuthorizationRequest.objects.get().variables == {"desk": "acme", "region": "eu"}


@pytest.mark.requirement(113, 124)
@pytest.mark.parametrize(
    "desk",
    ["", " ", "A desk", "../../evil", "acme/../x", "acme?x", "acme@evil.example", "{token}", "a" * 400, "x\x00y", "é"],
)
def test_a_bad_answer_keeps_everything_and_sends_nothing(
    person: Person, helpdesk: ClientRegistration, desk: str
) -> None:
    form = {"features": "tickets.write", "variable_desk": desk, "variable_region": "us", "next": "/connections/?page=2"}
    response = person.post(BEGIN, **form)
    body = response.content.decode()

    assert response.status_code == 400
    assert not AuthorizationRequest.objects.exists()
    if "\x00" not in desk:
        assert re.search(rf'class="field-error"[^>]*>.*?{HELP}', body)
        assert re.search(r'value="us" selected', body)
        assert re.search(r'value="tickets.write" checked', body)
        assert 'name="next" value="/connections/?page=2"' in body
        assert desk.strip()[:300] in text_of(response) or f'value="{desk}"' in body


@pytest.mark.requirement(47)
def test_a_bad_answer_is_shown_as_text(person: Person, helpdesk: ClientRegistration) -> None:
    body = person.post(BEGIN, variable_desk='"><script>alert(1)</script>').content.decode()

    assert "<script>alert" not in body
    assert "&lt;script&gt;alert" in body


@pytest.mark.requirement(134)
def test_what_the_operator_fixed_is_neither_asked_nor_taken(
    person: Person, provider_server: FakeAuthorizationServer
) -> None:
    register_helpdesk(provider_server, slug="fixed", desk="acme")

    page = person.get("/connections/new/fixed/").content.decode()
    posted = {"variable_desk": "mallory", "variable_origin": "https://evil.example", "variable_token_endpoint": "x"}
    response = person.post("/connections/begin/fixed/", **posted)

    assert "variable_desk" not in page
    assert "variable_region" in page
    assert authorization_url(response).startswith(f"{provider_server.origin}/eu/acme/")
    assert AuthorizationRequest.objects.get().variables == {"desk": "acme", "region": "eu"}


@pytest.mark.requirement(134)
@pytest.mark.parametrize("name", ["enable", "reconnect"])
def test_a_connection_stays_at_its_tenant_whatever_is_posted(
    person: Person, helpdesk: ClientRegistration, name: str
) -> None:
    person.come_back(authorization_url(person.post(BEGIN, variable_desk="acme")))
    connection = person.user.connections.get()

    response = person.post(person.page(connection, name), features="tickets.read", variable_desk="mallory")

    assert authorization_url(response).startswith(f"{person.server.origin}/eu/acme/")
    assert connection.variables == {"desk": "acme", "region": "eu"}


def test_two_tenants_are_two_connections(person: Person, helpdesk: ClientRegistration) -> None:
    for desk in ("acme", "globex"):
        person.come_back(authorization_url(person.post(BEGIN, variable_desk=desk)))

    assert sorted(row.variables["desk"] for row in person.user.connections.all()) == ["acme", "globex"]
    assert len({row.subject for row in person.user.connections.all()}) == 1


def test_the_page_of_a_connection_names_its_tenant(person: Person, helpdesk: ClientRegistration) -> None:
    person.come_back(authorization_url(person.post(BEGIN, variable_desk="acme", variable_region="us")))

    page = text_of(person.get(person.page(person.user.connections.get())))

    assert "Your help desk acme Region us" in page


def test_two_tenants_are_told_apart_wherever_connections_are_listed(
    person: Person, helpdesk: ClientRegistration
) -> None:
    for desk in ("acme", "globex"):
        person.come_back(authorization_url(person.post(BEGIN, variable_desk=desk)))

    consent = "/connections/consent/?provider=helpdesk&feature=tickets.read"
    for address in ("/connections/", PAGE, consent):
        page = text_of(person.get(address))
        assert "acme, eu" in page and "globex, eu" in page, address
    found = text_of(person.get("/connections/?q=globex"))
    assert "globex, eu" in found and "acme, eu" not in found


def test_what_the_operator_fixed_tells_nobody_apart(person: Person, provider_server: FakeAuthorizationServer) -> None:
    register_helpdesk(provider_server, slug="fixed", desk="acme", region="eu")
    person.come_back(authorization_url(person.post("/connections/begin/fixed/")))

    assert "acme" not in text_of(person.get("/connections/"))


def test_starting_again_goes_to_the_same_tenant(person: Person, helpdesk: ClientRegistration) -> None:
    url = authorization_url(person.post(BEGIN, features="tickets.read", variable_desk="acme", variable_region="us"))
    page = person.come_back(url, error="access_denied").content.decode()

    fields = dict(re.findall(r'<input type="hidden" name="(features|next|variable_\w+)" value="([^"]*)"', page))
    again = authorization_url(person.post(BEGIN, **fields))

    assert again.startswith(f"{person.server.origin}/us/acme/")


def test_the_consent_page_asks_too(person: Person, helpdesk: ClientRegistration) -> None:
    page = person.get("/connections/consent/?provider=helpdesk&feature=tickets.read").content.decode()

    assert 'name="variable_desk"' in page
    assert HELP in page


def test_a_link_does_not_fill_in_the_tenant(person: Person, helpdesk: ClientRegistration) -> None:
    page = person.get(PAGE + "?variable_desk=mallory&desk=mallory").content.decode()

    assert "mallory" not in page


def test_a_registration_that_is_off_is_not_there(person: Person, helpdesk: ClientRegistration) -> None:
    ClientRegistration.objects.update(enabled=False)

    assert person.get(PAGE).status_code == 404
    assert person.post(BEGIN, variable_desk="!").headers["Location"] == PAGE
    assert person.post(BEGIN, variable_desk="acme").status_code == 502


def test_shops_are_asked_for_with_the_rest_of_their_address(person: Person) -> None:
    make_registration(slug="shop", provider="shopify", variables={})

    page = person.get("/connections/new/shop/")

    assert '<span class="field-ending">.myshopify.com</span>' in page.content.decode()
    assert "You go to ….myshopify.com ." in text_of(page)
    assert escape(get("shopify").variables[0].help) in text_of(page)


@pytest.mark.requirement(135)
def test_whoever_is_not_signed_in_is_asked_nothing(helpdesk: ClientRegistration) -> None:
    assert Client().post(BEGIN, {"variable_desk": "acme"}).status_code == 302
    assert not Connection.objects.exists()
