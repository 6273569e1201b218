"""What holds for every route: methods, bodies, caches, quotas, and what goes wrong told alike."""

import socket
from typing import Any

import pytest
from django.test import Client
from oauth2_provider.models import Application
from pytest_django import Settings

from integrations.api.codes import CODES
from tests.api.calling import Program, program_of
from tests.authorization_server.steps import make_application, token_request
from tests.factories import make_connection, make_user
from tests.lending import make_allowance

pytestmark = pytest.mark.django_db


@pytest.fixture
def program() -> Program:
    return program_of(make_user())


def code_of(response: Any) -> tuple[int, str]:
    body = response.json()
    assert response["Content-Type"] == "application/problem+json"
    assert body["status"] == response.status_code == CODES[body["code"]].status
    assert body["type"] == f"http://127.0.0.1:8000/api/v1/docs#{body['code']}"
    return response.status_code, body["code"]


def test_head_is_get_without_the_body(program: Program) -> None:
    whole, head = program.get("/me"), program.ask("HEAD", "/me")
    assert (head.status_code, head.content, head["ETag"]) == (200, b"", whole["ETag"])
    assert head["Content-Length"] == str(len(whole.content))
    assert program.ask("HEAD", "/connections/6f9619ff-8b86-4d01-b42d-00cf4fc964ff/token").status_code == 405


def test_options_names_the_methods_to_everybody() -> None:
    response = Client().options("/api/v1/connections", headers={"Origin": "https://evil.example"})
    assert (response.status_code, response["Allow"], response.content) == (204, "GET, HEAD, OPTIONS", b"")


@pytest.mark.parametrize("method", ["TRACE", "POST", "PUT", "PATCH", "BREW"])
def test_method_that_is_not_known(program: Program, method: str) -> None:
    response = program.ask(method, "/connections")
    assert (code_of(response), response["Allow"]) == ((405, "method_not_allowed"), "GET, HEAD, OPTIONS")


@pytest.mark.parametrize("path", ["/", "/nothing", "/connections/", "/me/", "/connections/not-an-id", "/é"])
def test_address_of_nothing(program: Program, path: str) -> None:
    assert code_of(program.get(path)) == (404, "not_found")


def test_no_other_origin_may_read(program: Program) -> None:
    for method, path in (("GET", "/me"), ("OPTIONS", "/me"), ("GET", "/nothing")):
        response = program.ask(method, path, headers={"Origin": "https://evil.example"})
        assert not [name for name in response.headers if name.startswith("Access-Control")]


def test_what_is_known_is_not_sent_again(program: Program) -> None:
    first = program.get("/me")
    again = program.get("/me", headers={"If-None-Match": first["ETag"]})
    other = program_of(make_user()).get("/me", headers={"If-None-Match": first["ETag"]})
    assert (first["Cache-Control"], "Authorization" in first["Vary"]) == ("private, no-cache", True)
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("body", "content_type", "told"),
    [
        (b"{", "application/json", (400, "request_malformed")),
        (b'"\xff"', "application/json", (400, "request_malformed")),
        (b"\x00", "application/json", (400, "request_malformed")),
        (b'{"scope": NaN}', "application/json", (400, "request_malformed")),
        (b'{"scope": "a", "scope": "b"}', "application/json", (400, "request_malformed")),
        (b"[" * 50_000, "application/json", (400, "request_malformed")),
        (b"1" * 5_000, "application/json", (400, "request_malformed")),
        (b'"' + b"x" * 65_536 + b'"', "application/json", (413, "body_too_large")),
        (b'"' + b"x" * 3_000_000 + b'"', "application/json", (413, "body_too_large")),
        (b"scope=a", "application/x-www-form-urlencoded", (415, "media_type_unsupported")),
        (b"--b--", "multipart/form-data; boundary=b", (415, "media_type_unsupported")),
        (b"{}", "text/plain", (415, "media_type_unsupported")),
        (b"[]", "application/json", (422, "invalid_parameters")),
        (b"7", "application/json", (422, "invalid_parameters")),
        (b'{"scope": 7}', "application/json", (422, "invalid_parameters")),
        (b'{"scope": ["a"]}', "application/json", (422, "invalid_parameters")),
        (b'{"scope": "a\\u0000b"}', "application/json", (422, "invalid_parameters")),
        (b'{"scope": "\\ud800"}', "application/json", (422, "invalid_parameters")),
        (b'{"scope": "a\\nb"}', "application/json", (422, "invalid_parameters")),
    ],
)
def test_body_that_cannot_be_meant(body: bytes, content_type: str, told: tuple[int, str]) -> None:
    connection = make_connection(owner=make_user())
    make_allowance(connection)
    path = f"/connections/{connection.uuid}/token"
    response = program_of(connection.owner).post(path, body, headers={"Content-Type": content_type})
    assert code_of(response) == told


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", f"limit={'9' * 5000}", "limit=", "limit=1.5"])
def test_limit_that_is_none(program: Program, query: str) -> None:
    response = program.client.get(f"/api/v1/connections?{query}", headers={"Authorization": f"Bearer {program.token}"})
    assert code_of(response) == (422, "invalid_parameters")
    assert response.json()["errors"][0]["name"] == "limit"


@pytest.mark.parametrize("path", ["/connections?provider=%00", "/providers/%00", "/connections?after=a%00"])
def test_nul_in_an_address(program: Program, path: str) -> None:
    response = program.client.get(f"/api/v1{path}", headers={"Authorization": f"Bearer {program.token}"})
    assert code_of(response) == (400, "request_malformed")


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Bearer \xff", "Bearer a b", "Bearer ..", "Basic eDp5", "\xff"])
def test_authorization_that_is_none(value: str) -> None:
    response = Client().get("/api/v1/me", headers={"Authorization": value})
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith('Bearer realm="hub"')


def test_session_of_a_person_lets_nobody_in(client: Client) -> None:
    client.force_login(make_user(is_superuser=True))
    assert code_of(client.get("/api/v1/me")) == (401, "token_missing")


@pytest.mark.usefixtures("one_minute")
def test_quota_is_told_and_kept(settings: Settings) -> None:
    settings.HUB_API_REQUESTS_PER_MINUTE = 2
    person = make_user()
    program = program_of(person)

    answers = [program.get("/me") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer["RateLimit"].partition(";t=")[0] for answer in answers] == [f'"api";r={left}' for left in (1, 0, 0)]
    assert {answer["RateLimit-Policy"] for answer in answers} == {'"api";q=2;w=60'}
    assert code_of(answers[2]) == (429, "rate_limited")
    assert 1 <= int(answers[2]["Retry-After"]) <= 60
    for other in (program_of(make_user()), program_of(person, client_id="client-2"), program_of(None)):
        assert other.get("/me").status_code == 200


@pytest.mark.usefixtures("one_minute")
def test_cache_that_is_away_turns_nobody_away_and_lets_nobody_in_without_end(settings: Settings) -> None:
    settings.HUB_API_REQUESTS_PER_MINUTE = 2
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": address}}
    make_application("robot", grant_type=Application.GRANT_CLIENT_CREDENTIALS)
    issued = token_request(client_id="robot", grant_type="client_credentials", scope="profile")

    robot, other = Program(token=issued.json()["access_token"]), program_of(make_user())
    answers = [robot.get("/me") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[1]["RateLimit"].startswith('"api";r=0;t=')
    assert code_of(answers[2]) == (429, "rate_limited")
    assert other.get("/me").status_code == 200


@pytest.mark.usefixtures("one_minute")
def test_another_token_of_the_same_application_has_no_quota_of_its_own(settings: Settings) -> None:
    settings.HUB_API_REQUESTS_PER_MINUTE = 1
    person = make_user()
    assert [program_of(person).get("/me").status_code for _ in range(2)] == [200, 429]
