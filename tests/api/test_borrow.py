"""Borrow an access token: only what was allowed, valid now, kept nowhere, and never a refresh token."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from integrations.models import AnsweredRequest, Connection, Event, Use
from tests.api.awaited import TAKEN_BACK, AwaitedBody
from tests.api.calling import Program, program_of
from tests.factories import make_connection, make_registration, make_tokens, make_user
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour
from tests.lending import make_allowance
from tests.web.person import Person

pytestmark = pytest.mark.django_db


def borrow(program: Program, connection: Connection, **body: Any) -> Any:
    return program.post(f"/connections/{connection.uuid}/token", body or None)


def shared(**fields: Any) -> tuple[Program, Connection]:
    """A program, and a connection that it may use."""
    connection = make_connection(owner=make_user(), **fields)
    make_allowance(connection)
    return program_of(connection.owner), connection


@pytest.mark.requirement(101)
@pytest.mark.requirement(102)
def test_access_token_alone_and_no_cache_keeps_it() -> None:
    tokens = make_tokens(access_token="the access token", refresh_token="the refresh token")
    program, connection = shared(tokens=tokens, scope="profile notes:read")

    response = borrow(program, connection, scope="notes:read")

    body = response.json()
    assert (response.status_code, response["Cache-Control"], response.has_header("ETag")) == (200, "no-store", False)
    assert set(body) == {"access_token", "token_type", "expires_in", "scope"}
    assert (body["access_token"], body["scope"]) == ("the access token", "notes:read profile")
    assert 3590 <= body["expires_in"] <= 3600
    assert "refresh" not in response.content.decode()


def test_expiry_that_is_not_known() -> None:
    program, connection = shared(expires_in=None, due_in=None)
    assert borrow(program, connection).json()["expires_in"] is None


@pytest.mark.requirement(102)
def test_no_answer_of_the_api_holds_a_refresh_token_or_a_client_secret() -> None:
    registration = make_registration(client_secret="the client secret")
    tokens = make_tokens(access_token="the access token", refresh_token="the refresh token")
    program, connection = shared(tokens=tokens, registration=registration)
    paths = ("/me", "/providers", f"/providers/{registration.slug}", "/connections", "/events")
    answers = [program.get(path) for path in (*paths, f"/connections/{connection.uuid}")]

    told = "".join(answer.content.decode() for answer in [*answers, borrow(program, connection)])

    assert {answer.status_code for answer in answers} == {200}
    assert "the access token" in told
    assert "the refresh token" not in told
    assert "the client secret" not in told


@pytest.mark.requirement(43)
def test_scope_that_the_connection_lacks_is_for_its_owner_to_grant() -> None:
    program, connection = shared(scope="profile")
    response = borrow(program, connection, scope="notes:read")
    body = response.json()
    assert (response.status_code, body["code"], body["scope"]) == (403, "insufficient_scope", "notes:read")
    assert body["consent_url"].startswith("http://127.0.0.1:8000/connections/consent/?provider=sandbox")
    assert not response.has_header("WWW-Authenticate")


@pytest.mark.requirement(43)
@pytest.mark.requirement(112)
def test_token_that_exceeds_what_was_allowed_is_not_lent() -> None:
    program, connection = shared(scope="profile")
    Connection.objects.update(granted_scope="notes:write profile")
    response = borrow(program, connection)
    assert (response.status_code, response.json()["code"]) == (403, "token_exceeds_consent")
    assert "access_token" not in response.json()


@pytest.mark.requirement(43)
@pytest.mark.requirement(112)
def test_right_for_one_connection_is_none_for_another() -> None:
    program, connection = shared()
    other = make_connection(owner=connection.owner, registration=make_registration(provider="github", variables={}))
    assert borrow(program, connection).status_code == 200
    assert borrow(program, other).json()["code"] == "unknown_connection"
    assert borrow(program_of(connection.owner, client_id="client-2"), connection).status_code == 404


@pytest.mark.requirement(43, 112)
def test_right_that_speaks_of_somebody_else_is_good_for_nobody() -> None:
    ada, bob = make_user(), make_user()
    connection = make_connection(owner=ada)
    rule = make_allowance(connection)
    assert borrow(program_of(ada), connection).status_code == 200
    for fields in ({"person": bob, "issuer": ""}, {"person": ada, "issuer": "https://another.example"}):
        type(rule).objects.update(**fields)
        for user in (ada, bob):
            assert borrow(program_of(user), connection).json()["code"] == "unknown_connection"


@pytest.mark.requirement(112)
@pytest.mark.parametrize("taken_back", TAKEN_BACK)
def test_what_is_taken_back_while_the_body_is_waited_for_is_not_lent(
    client: Client, taken_back: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, connection = shared()
    body = AwaitedBody(b"{}", lambda: taken_back(connection), monkeypatch)
    response = client.post(
        f"/api/v1/connections/{connection.uuid}/token",
        b"{}",
        content_type="application/json",
        headers={"Authorization": f"Bearer {program.token}"},
        **{"wsgi.input": body},  # type: ignore[arg-type]
    )
    assert body.is_read
    assert response.status_code in (404, 409)
    assert not Use.objects.exists()


def test_connection_that_needs_its_owner_says_where() -> None:
    program, connection = shared(status=Connection.Status.NEEDS_REAUTHORIZATION)
    response = borrow(program, connection)
    body = response.json()
    assert (response.status_code, body["code"], body["reason"]) == (409,) + ("needs_reauthorization",) * 2
    assert body["reconnect_url"] == f"http://127.0.0.1:8000/connections/{connection.uuid}/"


def test_connection_of_the_hub_has_no_page_for_a_person() -> None:
    connection = make_connection(of_the_hub=True, status=Connection.Status.NEEDS_REAUTHORIZATION)
    make_allowance(connection)
    assert borrow(program_of(None), connection).json()["reconnect_url"] is None


def test_provider_that_fails_for_now(person: Person, provider_server: FakeAuthorizationServer) -> None:
    connection = person.connect()
    make_allowance(connection)
    Connection.objects.update(access_expires_at=connection.created_at, refresh_due_at=connection.created_at)
    provider_server.misbehave("token", Behaviour.RATE_LIMITED)

    response = borrow(program_of(person.user), connection)

    assert (response.status_code, response.json()["code"]) == (503, "temporarily_unavailable")
    assert int(response["Retry-After"]) > 0


def test_switched_off_provider_is_for_an_operator() -> None:
    program, connection = shared(registration=make_registration(enabled=False))
    response = borrow(program, connection)
    body = response.json()
    assert (response.status_code, body["code"], body["reason"]) == (502, "operator_needed", "registration_disabled")


def test_one_query_with_the_check_of_the_token_or_three_of_the_hub(django_assert_num_queries: Any) -> None:
    program, connection = shared()
    of_hub = make_connection(of_the_hub=True)
    make_allowance(of_hub)
    for caller, row, queries in ((program, connection, 1), (program_of(None), of_hub, 3)):
        borrow(caller, row)
        with django_assert_num_queries(queries) as done:
            assert borrow(caller, row).status_code == 200
        assert all("SELECT " in query["sql"] for query in done.captured_queries)


def test_who_borrowed_is_told() -> None:
    program, connection = shared()
    borrow(program, connection)
    assert Use.objects.get(connection=connection).actor == "application: Example Client [client-1]"


@pytest.mark.requirement(102)
def test_key_of_a_repeated_request_keeps_no_token() -> None:
    program, connection = shared()
    path = f"/connections/{connection.uuid}/token"
    for _ in range(2):
        assert program.post(path, headers={"Idempotency-Key": "once"}).status_code == 200
    assert not AnsweredRequest.objects.exists()
    assert not Event.objects.filter(details__icontains="access").exists()


@pytest.mark.requirement(134)
@pytest.mark.parametrize("member", ["user", "provider", "status", "owner", "client_id", "is_staff", "expires_in"])
def test_member_that_is_not_known_is_named(member: str) -> None:
    program, connection = shared()
    response = borrow(program, connection, **{member: "x"})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_parameters")
    assert response.json()["errors"] == [{"in": "body", "name": member, "detail": "Extra inputs are not permitted"}]


@pytest.mark.requirement(99)
def test_token_that_the_provider_refused_is_renewed_once(
    person: Person, provider_server: FakeAuthorizationServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    connection = person.connect()
    make_allowance(connection)
    program = program_of(person.user)

    def lent(**body: str) -> str:
        response = borrow(program, connection, **body)
        assert response.status_code == 200, response.content
        return str(response.json()["access_token"])

    first = lent()
    assert lent(refused_token="another") == first
    assert len(provider_server.refreshes()) == 0
    second = lent(refused_token=first)
    assert second != first
    assert lent(refused_token=first) == lent(refused_token=second) == second
    assert len(provider_server.refreshes()) == 1
    Connection.objects.update(last_refreshed_at=timezone.now() - timedelta(minutes=6))
    assert lent(refused_token=first) == second
    assert lent(refused_token=second) not in (first, second)
    assert len(provider_server.refreshes()) == 2
    assert Event.objects.filter(kind=Event.Kind.REFRESHED, actor="application: Example Client [client-1]").count() == 2
    assert first not in caplog.text and second not in caplog.text

    third = lent()
    provider_server.revoke_grants("alice")
    Connection.objects.update(last_refreshed_at=timezone.now() - timedelta(minutes=6))
    response = borrow(program, connection, refused_token=third)
    assert (response.status_code, response.json()["code"]) == (409, "needs_reauthorization")


def test_word_of_a_borrower_ends_no_connection() -> None:
    program, connection = shared(tokens=make_tokens(access_token="for ever", refresh_token=None))
    assert borrow(program, connection, refused_token="for ever").json()["access_token"] == "for ever"
    assert Connection.objects.get().status == Connection.Status.ACTIVE


@pytest.mark.parametrize("value", ["", "\ud800", "ü", "x" * 20_001, 7])
def test_refused_token_that_is_none_is_not_repeated(value: Any) -> None:
    program, connection = shared()
    response = borrow(program, connection, refused_token=value)
    assert (response.status_code, response.json()["errors"][0]["name"]) == (422, "refused_token")
    assert "xxx" not in response.content.decode()
