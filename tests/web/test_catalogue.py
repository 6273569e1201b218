"""The catalogue: what can be connected, what is connected already, and for operators, what could be set up."""

import re

import pytest
from django.http import HttpResponse
from pytest_django import DjangoAssertNumQueries, Settings

from integrations.models import ClientRegistration, Connection
from integrations.providers import PROVIDERS
from integrations.web.offers import CATEGORIES
from tests.factories import make_connection, make_registration, make_user
from tests.web.person import Person, new_person, text_of

NAME = re.compile(r'class="provider-card-name" href="([^"]+)">([^<]+)<')


def names(page: HttpResponse) -> list[str]:
    return [name for _address, name in NAME.findall(page.content.decode())]


def registered(*providers: str) -> None:
    for provider in providers:
        make_registration(provider=provider, slug=provider, variables={"issuer": "https://login.example.test"})


@pytest.fixture
def operator(person: Person) -> Person:
    permissions = ("add_clientregistration", "change_clientregistration", "view_clientregistration")
    user = make_user("olive", is_staff=True, permissions=permissions)
    return new_person("olive", server=person.server, user=user)


def test_only_providers_that_are_switched_on_are_offered(person: Person) -> None:
    make_registration(provider="github", slug="github", enabled=False)

    page = text_of(person.get("/connections/new/"))

    assert "Sandbox" in page
    assert "GitHub" not in page
    assert person.get("/connections/new/github/").status_code == 404


def test_an_empty_catalogue_tells_an_operator_what_to_do(person: Person) -> None:
    ClientRegistration.objects.all().delete()
    assert "register_client" not in text_of(person.get("/connections/new/"))
    person.user.is_staff = True
    person.user.save()

    page = person.get("/connections/new/")

    assert "register_client" in text_of(page)
    assert "/admin/integrations/clientregistration/" in page.content.decode()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["GitHub", "GitLab", "Google", "Sandbox"]),
        ("?q=GIT", ["GitHub", "GitLab"]),
        ("?q=mail", ["Google"]),
        ("?q=development", ["GitHub", "GitLab"]),
        ("?q=try+sand", ["Sandbox"]),
        ("?category=development", ["GitHub", "GitLab"]),
        ("?category=development&q=hub", ["GitHub"]),
        ("?category=nothing", ["GitHub", "GitLab", "Google", "Sandbox"]),
        ("?q=%01%0a", ["GitHub", "GitLab", "Google", "Sandbox"]),
        ("?q=zzz", []),
        ("?category=files", ["GitHub", "GitLab", "Google", "Sandbox"]),
    ],
)
def test_search_and_categories(person: Person, query: str, found: list[str]) -> None:
    registered("google", "gitlab", "github")

    page = person.get(f"/connections/new/{query}")

    assert names(page) == found
    assert ("No service matches" in text_of(page)) is not bool(found)
    assert "Not set up yet" not in text_of(page)


def test_categories_keep_the_words(person: Person) -> None:
    registered("google", "github")

    body = person.get("/connections/new/?q=git&category=development").content.decode()

    assert 'href="/connections/new/?q=git&amp;category=office"' in body
    assert re.search(r'href="/connections/new/\?q=git&amp;category=development" aria-current="true"', body)
    assert '<input type="hidden" name="category" value="development">' in body


def test_what_is_connected_already_is_said_and_linked(person: Person, stranger: Person) -> None:
    sandbox = ClientRegistration.objects.get(slug="sandbox")
    registered("github")
    for owner in (person.user, person.user, stranger.user):
        make_connection(owner=owner, registration=sandbox)
    make_connection(owner=person.user, registration=sandbox, status=Connection.Status.REVOKED)

    page = person.get("/connections/new/")

    assert re.findall(r"Connected \(\d+\)", text_of(page)) == ["Connected (2)"]
    assert 'href="/connections/?provider=sandbox"' in page.content.decode()


def test_the_catalogue_costs_the_same_whatever_is_in_it(
    person: Person, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    registered("github", "gitlab", "google", "slack", "notion", "oidc")
    for _ in range(5):
        make_connection(owner=person.user)

    with django_assert_num_queries(4):  # session, person, registrations, connections by registration
        person.get("/connections/new/")


def test_an_operator_sees_what_is_not_set_up_and_gets_to_its_form(operator: Person) -> None:
    registered("github")
    off = make_registration(provider="gitlab", slug="gitlab", enabled=False)

    page = operator.get("/connections/new/")

    offered, _heading, missing = page.content.decode().partition("Not set up yet")
    assert [name for _address, name in NAME.findall(offered)] == ["GitHub", "Sandbox"]
    addresses = {name: address for address, name in NAME.findall(missing)}
    assert addresses["Google"] == "/admin/integrations/clientregistration/add/?provider=google"
    assert addresses["GitLab"] == f"/admin/integrations/clientregistration/{off.pk}/change/"
    assert "GitHub" not in addresses and "Sandbox" not in addresses
    for address in addresses.values():
        assert operator.get(address).status_code == 200


def test_an_operators_search_reaches_what_is_not_set_up(operator: Person) -> None:
    page = operator.get("/connections/new/?q=dropbox")

    assert names(page) == ["Dropbox"]
    assert "No service matches" not in text_of(page)


@pytest.mark.parametrize("staff", [True, False])
def test_without_the_permission_nobody_sees_what_is_not_set_up(person: Person, staff: bool) -> None:
    permissions = () if staff else ("add_clientregistration",)
    user = make_user("clerk", is_staff=staff, permissions=permissions)

    page = new_person("clerk", server=person.server, user=user).get("/connections/new/")

    assert names(page) == ["Sandbox"]
    assert "Not set up yet" not in text_of(page)


def test_the_sandbox_is_not_to_be_set_up_in_production(operator: Person, settings: Settings) -> None:
    ClientRegistration.objects.all().delete()
    assert "Sandbox" in names(operator.get("/connections/new/"))

    settings.HUB_SANDBOX = False

    assert "Sandbox" not in names(operator.get("/connections/new/"))


def test_htmx_is_given_the_results_alone(person: Person) -> None:
    page = person.get("/connections/new/?q=sand", **{"HX-Request": "true"})

    assert names(page) == ["Sandbox"]
    assert page.content.decode().lstrip().startswith('<div id="catalogue-results"')
    assert "HX-Request" in page.headers["Vary"]


def test_every_category_of_the_catalogue_has_a_name() -> None:
    assert {category for provider in PROVIDERS.values() for category in provider.categories} <= CATEGORIES.keys()
