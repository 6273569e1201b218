"""Leaving for the provider."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from integrations.models import AuthorizationRequest, ClientRegistration
from tests.web.person import Person, asked_scope, authorization_url, text_of

BEGIN = "/connections/begin/sandbox/"


def test_only_what_was_ticked_is_asked_for(person: Person) -> None:
    assert asked_scope(person.begin()) == {"profile"}
    assert asked_scope(person.begin("notes.read")) == {"profile", "notes:read"}


def test_a_page_hands_the_browser_over_with_a_link_for_those_who_wait(person: Person) -> None:
    response = person.post(BEGIN)

    url = authorization_url(response)
    assert response.status_code == 200
    assert url.startswith(f"{person.server.origin}/oauth/authorize/?")
    assert f'href="{url.replace("&", "&amp;")}"' in response.content.decode()
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in response.headers["Cache-Control"]


def test_a_feature_nobody_offers_is_not_asked_for(person: Person) -> None:
    response = person.post(BEGIN, features="everything")

    assert response.headers["Location"] == "/connections/new/sandbox/"
    assert not AuthorizationRequest.objects.exists()


@pytest.mark.requirement(9)
def test_a_get_never_starts_an_attempt(person: Person) -> None:
    response = person.get(BEGIN)

    assert response.headers["Location"] == "/connections/new/sandbox/"
    assert not AuthorizationRequest.objects.exists()


@pytest.mark.requirement(9)
@pytest.mark.parametrize("name", ["begin", "enable", "reconnect"])
def test_a_post_from_another_site_starts_no_attempt(person: Person, name: str) -> None:
    connection = person.connect()
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(person.user)
    path = BEGIN if name == "begin" else person.page(connection, name)

    response = strict.post(path, {"features": "notes.read"}, headers={"Origin": "https://evil.example"})

    assert response.status_code == 403
    assert "out of date" in text_of(response)  # type: ignore[arg-type]
    assert "Refresh" not in response.headers
    assert not AuthorizationRequest.objects.exists()


@pytest.mark.requirement(9)
def test_whoever_is_not_signed_in_starts_nothing(person: Person) -> None:
    response = Client().post(BEGIN)

    assert response.headers["Location"] == f"{reverse('account_login')}?next=/connections/new/sandbox/"
    assert not AuthorizationRequest.objects.exists()


@pytest.mark.parametrize("method", ["put", "delete", "patch", "options", "trace"])
def test_other_methods_are_refused(person: Person, method: str) -> None:
    assert getattr(person.client, method)(BEGIN).status_code == 405


@pytest.mark.requirement(21)
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "localhost"},
        {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"},
        {"Forwarded": "host=evil.example"},
        {"Origin": "http://testserver", "Referer": "http://evil.example/"},
    ],
)
def test_the_redirect_uri_does_not_follow_the_request(
    person: Person, settings: Settings, headers: dict[str, str]
) -> None:
    settings.SITE_URL = "https://hub.example.test"

    response = person.client.post(BEGIN, headers=headers)

    query = parse_qs(urlsplit(authorization_url(response)).query)  # type: ignore[arg-type]
    assert query["redirect_uri"] == ["https://hub.example.test/connections/callback/sandbox/"]


@pytest.mark.requirement(21)
def test_a_forged_host_gets_no_page(person: Person) -> None:
    assert person.client.post(BEGIN, headers={"Host": "evil.example"}).status_code == 400
    assert not AuthorizationRequest.objects.exists()


@pytest.mark.requirement(25)
def test_a_provider_that_is_switched_off_starts_nothing(person: Person, registration: ClientRegistration) -> None:
    ClientRegistration.objects.update(enabled=False)

    response = person.post(BEGIN)

    assert response.status_code == 502
    assert "Sandbox is switched off" in text_of(response)
    assert not AuthorizationRequest.objects.exists()


def test_enabling_asks_for_the_old_and_the_new_together(person: Person) -> None:
    connection = person.connect("notes.read")

    url = authorization_url(person.post(person.page(connection, "enable"), features="notes.write"))

    assert asked_scope(url) == {"profile", "notes:read", "notes:write"}


def test_enabling_nothing_goes_nowhere(person: Person) -> None:
    connection = person.connect()

    response = person.post(person.page(connection, "enable"))

    assert response.headers["Location"] == person.page(connection)


def test_reconnecting_asks_for_what_was_chosen_before(person: Person) -> None:
    connection = person.connect("notes.read")

    url = authorization_url(person.post(person.page(connection, "reconnect")))

    assert asked_scope(url) == {"profile", "notes:read"}
