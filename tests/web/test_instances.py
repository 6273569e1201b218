"""Two registrations of one provider are told apart wherever one of them is meant."""

import re
from urllib.parse import urlencode

import pytest

from integrations.models import ClientRegistration
from tests.factories import make_registration
from tests.web.listing import held, titles
from tests.web.person import Person, text_of

OPTION = re.compile(r'<option value="(\w[^"]*)" (?:selected)?>([^<]+)<')


@pytest.fixture
def gitlabs(registration: ClientRegistration) -> list[ClientRegistration]:
    """GitLab twice at different hosts; GitHub twice at the same one."""
    return [
        make_registration(provider="gitlab", slug="gitlab", variables={"host": "gitlab.com"}),
        make_registration(provider="gitlab", slug="gitlab-acme", variables={"host": "gitlab.acme.example"}),
        make_registration(provider="github", slug="github", variables={}),
        make_registration(provider="github", slug="github-bots", variables={}),
    ]


@pytest.fixture
def connected(person: Person, gitlabs: list[ClientRegistration]) -> Person:
    for registration in gitlabs:
        held(person, f"At {registration.slug}", registration=registration, account_label="Robin")
    held(person, "At sandbox", account_label="Robin")
    return person


def row(person: Person, query: str = "") -> dict[str, str]:
    """The line below each title."""
    body = person.get(f"/connections/{query}").content.decode()
    found = re.findall(r'<bdi>(At [\w-]+)</bdi></a>\s*<span class="connection-row-line">(.*?)</span>', body)
    return {title: re.sub("<[^>]+>", "", line).removesuffix(" · Robin") for title, line in found}


@pytest.mark.parametrize("query", ["", "?q=at"])
def test_rows_say_the_host_or_where_that_is_the_same_the_slug(connected: Person, query: str) -> None:
    assert row(connected, query) == {
        "At gitlab": "GitLab · gitlab.com",
        "At gitlab-acme": "GitLab · gitlab.acme.example",
        "At github": "GitHub · github",
        "At github-bots": "GitHub · github-bots",
        "At sandbox": "Sandbox",
    }


def test_a_row_says_no_more_than_the_provider_where_nothing_looks_like_it(
    person: Person, gitlabs: list[ClientRegistration]
) -> None:
    held(person, "At gitlab-acme", registration=gitlabs[1], account_label="Robin")

    assert row(person) == {"At gitlab-acme": "GitLab"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"provider": "gitlab"}, ["At gitlab", "At gitlab-acme"]),
        ({"provider": "gitlab/gitlab-acme"}, ["At gitlab-acme"]),
        ({"provider": "github/gitlab-acme"}, None),
        ({"provider": "gitlab/"}, None),
        ({"provider": "sandbox/sandbox"}, ["At sandbox"]),
        ({"q": "acme.example"}, ["At gitlab-acme"]),
        ({"q": "bots github"}, ["At github-bots"]),
    ],
)
def test_one_of_them_is_filtered_and_found(connected: Person, query: dict[str, str], found: list[str] | None) -> None:
    shown = titles(connected.get(f"/connections/?{urlencode(query)}"))

    assert sorted(shown) == (found or sorted(row(connected)))


def test_the_filter_offers_both_and_each_of_them(connected: Person) -> None:
    for number in range(3):
        held(connected, f"More {number}")

    options = OPTION.findall(connected.get("/connections/?provider=gitlab/gitlab-acme").content.decode())

    assert options[-7:] == [
        ("github", "GitHub"),
        ("github/github", "GitHub · github"),
        ("github/github-bots", "GitHub · github-bots"),
        ("gitlab", "GitLab"),
        ("gitlab/gitlab-acme", "GitLab · gitlab.acme.example"),
        ("gitlab/gitlab", "GitLab · gitlab.com"),
        ("sandbox", "Sandbox"),
    ]


def test_the_catalogue_tells_them_apart_and_counts_each(connected: Person) -> None:
    held(connected, "Second", registration=ClientRegistration.objects.get(slug="gitlab-acme"))

    page = connected.get("/connections/new/")

    text = text_of(page)
    assert "gitlab.acme.example Connected (2) GitLab gitlab.acme.example" in text
    assert "github.com · github-bots Connected (1) GitHub github-bots" in text
    assert re.findall(r'href="(/connections/\?provider=gitlab[^"]+)"', page.content.decode()) == [
        "/connections/?provider=gitlab%2Fgitlab-acme",
        "/connections/?provider=gitlab%2Fgitlab",
    ]
    assert "Sandbox Try" not in text_of(connected.get("/connections/new/?q=bots"))
    assert text_of(connected.get("/connections/new/?q=bots")).count("Connected (") == 1


def test_the_pages_of_a_service_and_of_a_connection_name_it(connected: Person) -> None:
    connection = connected.user.connections.get(registration__slug="github-bots")
    other = connected.user.connections.get(name="At sandbox")

    assert "GitHub · github-bots" in text_of(connected.get(connected.page(connection)))
    assert "github-bots" in text_of(connected.get("/connections/new/github-bots/"))
    assert "Sandbox · sandbox" not in text_of(connected.get(connected.page(other)))


def test_a_registration_that_is_not_complete_is_named_by_its_slug(person: Person) -> None:
    for slug in ("uni", "work"):
        registration = make_registration(provider="gitlab", slug=slug, variables={"host": "/"})
        held(person, f"At {slug}", registration=registration, account_label="Robin")

    assert row(person) == {"At uni": "GitLab · uni", "At work": "GitLab · work"}
