"""Coming back from the provider."""

from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from integrations.models import AuthorizationRequest, ClientRegistration, Connection
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour
from tests.web.person import Person, authorization_url, text_of

CALLBACK = "/connections/callback/sandbox/"


def test_a_new_connection_is_shown(person: Person) -> None:
    response = person.come_back(person.begin(), account="bob")

    connection = person.user.connections.get()
    assert response.headers["Location"] == person.page(connection, "connected")
    page = text_of(person.get(person.page(connection, "connected")))
    assert "Sandbox is connected." in page
    assert "bob" in page


def test_the_person_returns_to_where_they_were(person: Person) -> None:
    response = person.come_back(person.begin(next="/connections/new/?a=b"))

    assert response.headers["Location"] == "/connections/new/?a=b"


@pytest.mark.requirement(16)
@pytest.mark.parametrize("name", ["state", "code", "iss"])
def test_a_parameter_that_came_twice_is_refused(person: Person, name: str) -> None:
    parts = urlsplit(person.server.authorization_response(person.begin()))
    value = dict(parse_qsl(parts.query))[name]

    response = person.get(f"{parts.path}?{urlencode({name: value})}&{parts.query}")

    assert response.status_code == 409
    assert not person.server.requests("token")


@pytest.mark.requirement(6)
def test_whoever_is_not_signed_in_is_not_sent_back_to_the_callback(person: Person) -> None:
    url = person.begin()
    location = person.server.authorization_response(url)
    anonymous = Client()

    response = anonymous.get(location[location.index(CALLBACK) :])

    assert response.headers["Location"] == f"{reverse('account_login')}?next=/connections/"
    assert "state" not in response.headers["Location"]
    assert not any("state" in str(value) for value in anonymous.session.values())
    assert AuthorizationRequest.objects.count() == 1
    assert not person.server.requests("token")


@pytest.mark.requirement(6)
def test_signing_in_after_an_anonymous_callback_resumes_nothing(person: Person, stranger: Person) -> None:
    location = person.server.authorization_response(person.begin())
    stranger.client.logout()
    stranger.get(location[location.index(CALLBACK) :])

    stranger.client.force_login(stranger.user)
    stranger.client.get("/connections/", follow=True)

    assert not Connection.objects.exists()
    assert not person.server.requests("token")


@pytest.mark.requirement(5, 7)
def test_another_person_cannot_finish_an_attempt(person: Person, stranger: Person) -> None:
    response = stranger.come_back(person.begin())

    assert response.status_code == 409
    assert "Somebody else started this" in text_of(response)
    assert person.user.username not in text_of(response)
    assert not Connection.objects.exists()
    assert not person.server.requests("token")


@pytest.mark.requirement(4, 8)
def test_another_browser_of_the_same_person_cannot_finish_an_attempt(person: Person) -> None:
    url = person.begin()
    person.client.logout()
    person.client.force_login(person.user)

    response = person.come_back(url)

    assert response.status_code == 409
    assert "You started in another browser" in text_of(response)
    assert not Connection.objects.exists()


@pytest.mark.requirement(20)
def test_two_tabs_finish_in_any_order(person: Person) -> None:
    first, second = person.begin(), person.begin("notes.read")

    answers = [person.come_back(second, account="bob"), person.come_back(first, account="alice")]

    assert [answer.status_code for answer in answers] == [303, 303]
    assert person.user.connections.count() == 2


@pytest.mark.requirement(18)
@pytest.mark.parametrize("parameter", ["access_token", "id_token", "refresh_token", "token"])
def test_tokens_in_the_query_are_not_taken(person: Person, parameter: str) -> None:
    state = dict(parse_qsl(urlsplit(person.begin()).query))["state"]

    response = person.get(f"{CALLBACK}?state={state}&iss={person.server.origin}/oauth&{parameter}=canary-token")

    assert response.status_code == 409
    assert "canary-token" not in response.content.decode()
    assert not Connection.objects.exists()
    assert not person.server.requests("token")


@pytest.mark.requirement(18)
def test_a_posted_response_is_not_taken(person: Person) -> None:
    url = person.begin()
    location = person.server.authorization_response(url)
    form = dict(parse_qsl(urlsplit(location).query))

    response = person.client.post(CALLBACK, {**form, "access_token": "canary-token"})

    assert response.status_code == 405
    assert not Connection.objects.exists()


def test_a_head_request_does_not_use_the_attempt_up(person: Person) -> None:
    location = person.server.authorization_response(person.begin())
    path = location[location.index(CALLBACK) :]

    assert person.client.head(path).status_code == 405
    assert person.get(path).status_code == 303


@pytest.mark.requirement(33, 34)
def test_the_browser_leaves_the_code_behind(person: Person) -> None:
    response = person.come_back(person.begin())

    assert response.status_code == 303
    assert urlsplit(response.headers["Location"]).query == ""
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in response.headers["Cache-Control"]


@pytest.mark.requirement(33)
@pytest.mark.parametrize("path", [CALLBACK, "/connections/callback/nowhere/"])
def test_no_error_is_shown_at_the_address_with_the_code(person: Person, path: str) -> None:
    away = person.client.get(f"{path}?code=canary-code&state=canary-state")

    assert (away.status_code, away.headers["Location"]) == (303, "/connections/problem/")
    assert away.headers["Referrer-Policy"] == "no-referrer"
    shown = [person.get("/connections/problem/") for _ in range(2)]
    assert [page.status_code for page in shown] == [409, 409]
    assert "This way back is not valid" in text_of(shown[1])
    assert "canary" not in shown[0].content.decode()


@pytest.mark.requirement(33)
def test_whoever_is_not_signed_in_leaves_the_code_behind_too(registration: ClientRegistration) -> None:
    away = Client().get(f"{CALLBACK}?code=canary-code&state=canary-state")

    assert away.status_code == 302
    assert "canary" not in away.headers["Location"]


def test_without_a_problem_there_is_none_to_show(person: Person, stranger: Person) -> None:
    person.get(f"{CALLBACK}?code=x&state=y")

    assert stranger.client.get("/connections/problem/").headers["Location"] == "/connections/"
    assert Client().get("/connections/problem/").headers["Location"].startswith("/accounts/login/")


@pytest.mark.requirement(47)
def test_only_the_providers_own_words_stand_as_what_it_says(person: Person) -> None:
    ours = text_of(person.get(f"{CALLBACK}?code=x&state=y"))
    theirs = text_of(person.come_back(person.begin(), error="access_denied"))

    assert "Sandbox says" not in ours
    assert "The hub notes This attempt is not known" in ours
    assert "Sandbox says" in theirs
    assert "The hub notes" not in theirs


@pytest.mark.requirement(34)
def test_no_page_redirects_with_its_body(person: Person) -> None:
    connection = person.connect()
    answers = [
        person.come_back(person.begin()),
        person.post(person.page(connection, "rename"), name="Work"),
        person.post(person.page(connection, "test")),
        person.post(person.page(connection, "disconnect")),
        Client().post(person.page(connection, "enable")),
    ]

    assert {answer.status_code for answer in answers} <= {302, 303}


@pytest.mark.requirement(2)
@pytest.mark.parametrize("query", ["", "?code=x", "?code=x&state=", "?code=x&state=unknown", "?state=a&state=b&code=x"])
def test_an_answer_to_nothing_is_refused(person: Person, query: str) -> None:
    response = person.get(CALLBACK + query)

    assert response.status_code == 409
    assert "This way back is not valid" in text_of(response)
    assert not person.server.requests("token")


@pytest.mark.requirement(3)
def test_a_callback_opened_twice_changes_nothing(person: Person) -> None:
    location = person.server.authorization_response(person.begin())
    path = location[location.index(CALLBACK) :]
    person.get(path)
    before = person.user.connections.values().get()

    response = person.get(path)

    assert response.status_code == 409
    assert person.user.connections.values().get() == before
    assert len(person.server.requests("token")) == 1


def test_a_denial_says_that_nothing_changed(person: Person) -> None:
    connection = person.connect()
    url = authorization_url(person.post(person.page(connection, "enable"), features="notes.read"))

    response = person.come_back(url, error="access_denied")

    assert response.status_code == 409
    assert "You did not allow access" in text_of(response)
    assert person.user.connections.get().scope == {"profile"}


@pytest.mark.requirement(19)
def test_an_attempt_that_took_too_long_says_so(person: Person) -> None:
    url = person.begin()
    AuthorizationRequest.objects.update(expires_at="2020-01-01T00:00:00Z")

    response = person.come_back(url)

    assert response.status_code == 409
    assert "That took too long" in text_of(response)


@pytest.mark.requirement(22)
def test_another_account_does_not_take_a_connection_over(person: Person) -> None:
    connection = person.connect(account="alice")
    url = authorization_url(person.post(person.page(connection, "reconnect")))

    response = person.come_back(url, account="bob")

    assert response.status_code == 409
    assert "That is another account" in text_of(response)
    assert person.user.connections.get().account_label == "alice"


def test_a_provider_that_is_down_is_named(person: Person, provider_server: FakeAuthorizationServer) -> None:
    provider_server.misbehave("token", Behaviour.SERVER_ERROR)

    response = person.come_back(person.begin())

    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert "Sandbox is not answering" in text_of(response)


@pytest.mark.requirement(25)
def test_a_provider_switched_off_meanwhile_connects_nothing(person: Person) -> None:
    url = person.begin()
    ClientRegistration.objects.update(enabled=False)

    response = person.come_back(url)

    assert "Sandbox is switched off" in text_of(response)
    assert not Connection.objects.exists()


@pytest.mark.parametrize("error", ["invalid_request", "redirect_uri_mismatch"])
def test_an_operator_reads_the_redirect_uri_to_register(person: Person, error: str) -> None:
    response = person.come_back(person.begin(), error=error)

    assert "http://127.0.0.1:8000/connections/callback/sandbox/" in text_of(response)
    assert f"Code {error}" in text_of(response)
