"""The handshake inspector: found by support code, read step by step, and without a secret."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client

from integrations.models import Attempt, StrayResponse
from tests.admin.posting import Page
from tests.factories import make_user
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.registration import register_sandbox
from tests.web.person import Person, new_person, text_of

pytestmark = pytest.mark.django_db
LIST = "/admin/integrations/attempt/"


@pytest.fixture
def provider_server() -> Iterator[FakeAuthorizationServer]:
    """On the real clock, as the views."""
    with FakeAuthorizationServer() as server:
        yield server


@pytest.fixture
def person(provider_server: FakeAuthorizationServer, db: None) -> Person:
    register_sandbox(provider_server)
    return new_person("robin", server=provider_server)


def rows(page: Page) -> list[Attempt]:
    return list(page.context["cl"].result_list)


def detail(client: Client, attempt: Attempt) -> str:
    return client.get(f"{LIST}{attempt.pk}/change/").content.decode()


def support_code(person: Person) -> str:
    """What the page that says what went wrong tells the person."""
    page: Page = person.get("/connections/problem/")
    code = page.context["request_id"]
    assert code
    return str(code)


def test_an_operator_finds_an_attempt_by_the_code_that_the_person_read(operator: Client, person: Person) -> None:
    person.connect(account="bob")
    person.come_back(person.begin("notes.read"), error="access_denied")
    code = support_code(person)

    (attempt,) = rows(operator.get(LIST, {"q": code}))

    assert (attempt.outcome, attempt.error_code, attempt.user.username) == ("failed", "access_denied", "robin")
    page = detail(operator, attempt)
    for told in ("Sent to the provider", "code_challenge_method", "S256", "Came back", "access_denied", "said no at"):
        assert told in page
    assert "consent denied" in operator.get(LIST).content.decode()


def test_what_happens_with_the_token_endpoint_is_read_there(
    operator: Client, person: Person, provider_server: FakeAuthorizationServer
) -> None:
    url = person.begin()
    provider_server.misbehave("token", Behaviour.ERROR, error="invalid_client")
    person.come_back(url)

    page = detail(operator, Attempt.objects.get())

    for told in (
        "Asked the token endpoint",
        "invalid_client",
        "status: <code>400</code>",
        "ms: <code>",
        "client_refused",
    ):
        assert told in page


def test_an_answer_to_no_attempt_is_found_by_its_code_too(operator: Client, person: Person) -> None:
    person.get("/connections/callback/sandbox/?code=x&state=made-up")
    code = support_code(person)

    page = operator.get("/admin/integrations/strayresponse/", {"q": code})

    assert page.context["cl"].result_count == 1
    assert operator.get("/admin/integrations/strayresponse/", {"q": "nothing-like-it"}).context["cl"].result_count == 0
    row = StrayResponse.objects.get()
    assert code in operator.get(f"/admin/integrations/strayresponse/{row.pk}/change/").content.decode()


@pytest.mark.requirement(98, 99)
def test_answers_to_no_attempt_are_told_in_words_and_without_what_may_be_a_secret(
    operator: Client, person: Person
) -> None:
    person.get("/connections/callback/sandbox/?code=x&state=made-up")
    row = StrayResponse.objects.get()
    pasted = {
        "at": "2026-01-31T04:07:00+00:00",
        "error": "ya29.a0AfH6SMBx7canary",
        "request_id": "eyJhbGciOiJIUzI1NiJ9canary",
    }
    row.recent = [*row.recent, pasted, {"at": "none", "error": "<b>", "more": 1}]
    row.save()

    page = operator.get(f"/admin/integrations/strayresponse/{row.pk}/change/").content.decode()

    assert "attempt unknown" in page
    assert "&quot;request_id&quot;" not in page
    assert "canary" not in page
    assert "<b>" not in page


def test_the_person_sees_nothing_new(person: Person) -> None:
    person.come_back(person.begin(), error="access_denied")

    text = text_of(person.get("/connections/problem/"))

    assert "Sent to the provider" not in text
    assert "consent denied" not in text


@pytest.mark.requirement(99, 100)
def test_attempts_are_looked_at_with_a_permission_and_changed_by_nobody(
    operator: Client, stranger: Client, person: Person
) -> None:
    person.begin()
    attempt = Attempt.objects.get()
    looking = Client()
    looking.force_login(make_user(is_staff=True, permissions=["view_attempt"]))

    assert stranger.get(LIST).status_code == 403
    assert stranger.get(f"{LIST}{attempt.pk}/change/").status_code == 403
    assert looking.get(LIST).status_code == 200
    for client in (operator, looking):
        assert client.get(f"{LIST}add/").status_code == 403
        assert client.post(f"{LIST}{attempt.pk}/change/", {"outcome": "connected"}).status_code == 403
        assert client.post(f"{LIST}{attempt.pk}/delete/", {"post": "yes"}).status_code == 403
    attempt.refresh_from_db()
    assert attempt.outcome == "begun"


@pytest.mark.requirement(99)
@pytest.mark.parametrize("lookup", ["state_hash__startswith=a", "steps__icontains=a", "user__password__startswith=a"])
def test_the_list_is_no_oracle(operator: Client, lookup: str) -> None:
    assert operator.get(f"{LIST}?{lookup}").status_code == 400


@pytest.mark.requirement(99)
def test_the_state_and_its_hash_are_not_on_the_page_nor_found_by_search(operator: Client, person: Person) -> None:
    person.begin()
    attempt = Attempt.objects.get()
    state_hash = attempt.state_hash or ""

    assert state_hash not in detail(operator, attempt)
    assert rows(operator.get(LIST, {"q": state_hash})) == []


def test_a_hostile_answer_is_shown_as_text(operator: Client, person: Person) -> None:
    sent = parse_qs(urlsplit(person.begin()).query)
    iss = person.server.origin + "/oauth"
    answer = {"state": sent["state"][0], "iss": iss, "error": "invalid_request"}
    answer["error_description"] = "<script>alert(1)</script> \u202e is wrong"
    person.get(f"/connections/callback/sandbox/?{urlencode(answer)}")

    page = detail(operator, Attempt.objects.get())

    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "\u202e" not in page


def test_the_list_costs_no_query_for_each_row(operator: Client, person: Person) -> None:
    for _ in range(3):
        person.begin()

    assert len(rows(operator.get(LIST))) == 3
