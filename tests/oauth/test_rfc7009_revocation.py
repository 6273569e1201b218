"""RFC 7009: token revocation."""

import json
from typing import Any

import pytest

from integrations.oauth.errors import InvalidClient, OAuthError, ProviderUnavailable, Remedy, RequestRefused
from integrations.oauth.message import Request
from integrations.oauth.server import Dialect, Revocation
from tests.oauth.making import make_client, make_response
from tests.oauth.test_rfc6749_token_request import form


def requests(*, revocation: Revocation | None = None, refresh_token: str | None = "rt", **server: Any) -> list[Request]:
    client = make_client(dialect=Dialect(revocation=revocation or Revocation()), server=server)
    return client.revocation_requests(access_token="at", refresh_token=refresh_token)


@pytest.mark.requirement(105)
def test_the_example_of_section_2_1_refresh_token_first() -> None:
    first, second = requests()

    assert (first.method, first.url) == ("POST", "https://server.example.com/revoke")
    assert first.headers["Authorization"] == "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW"
    assert form(first) == {"token": "rt", "token_type_hint": "refresh_token"}
    assert form(second) == {"token": "at", "token_type_hint": "access_token"}


def test_only_what_there_is_and_only_where_there_is_an_endpoint() -> None:
    assert [form(request)["token"] for request in requests(refresh_token=None)] == ["at"]
    assert requests(revocation_endpoint="") == []


def test_a_provider_may_want_json_delete_and_basic() -> None:
    github = Revocation(
        method="DELETE",
        authentication="client_secret_basic",
        format="json",
        parameter="access_token",
        hint=False,
        tokens=("access_token",),
    )

    (request,) = requests(revocation=github, revocation_endpoint="https://api.example/applications/{client_id}/token")

    assert (request.method, request.url) == ("DELETE", "https://api.example/applications/s6BhdRkqt3/token")
    assert request.headers["Authorization"].startswith("Basic ")
    assert json.loads(request.body) == {"access_token": "at"}


def test_a_provider_may_take_the_token_as_its_bearer_and_nothing_else() -> None:
    dropbox = Revocation(authentication="bearer", format="query-free", tokens=("access_token",))

    (request,) = requests(revocation=dropbox)

    assert request.headers["Authorization"] == "Bearer at"
    assert (request.body, "Content-Type" in request.headers) == (b"", False)


def test_a_provider_may_want_no_client_at_all() -> None:
    request = requests(revocation=Revocation(authentication="none"))[0]

    assert "Authorization" not in request.headers
    assert form(request) == {"token": "rt", "token_type_hint": "refresh_token"}


def judge(response: Any, *, dialect: Dialect | None = None) -> None:
    make_client(dialect=dialect).judge_revocation(response)


@pytest.mark.requirement(106)
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"OK"),
        (200, b"{}"),
        (204, b""),
        (400, b'{"error": "invalid_token"}'),
        (400, b'{"error": "invalid_grant"}'),
        (200, b'{"error": "token_revoked", "ok": false}'),
    ],
)
def test_a_token_that_is_no_more_is_revoked_however_often(status: int, body: bytes) -> None:
    judge(make_response(body, status=status), dialect=Dialect(success_path="ok"))


@pytest.mark.requirement(106)
def test_a_provider_may_say_gone_by_status() -> None:
    judge(make_response(b"", status=404), dialect=Dialect(revocation=Revocation(gone_statuses=frozenset({404}))))
    judge(make_response(b"", status=401), dialect=Dialect(revocation=Revocation(authentication="bearer")))
    judge(make_response({"error": "no_such"}, status=400), dialect=Dialect(errors={"no_such": "invalid_token"}))


@pytest.mark.requirement(46, 105, 106)
@pytest.mark.parametrize(
    ("response", "kind", "code"),
    [
        (make_response(b"", status=503, retry_after="30"), ProviderUnavailable, "server_error"),
        (make_response(b"", status=429), ProviderUnavailable, "rate_limited"),
        (make_response(b"", status=307, location="https://evil.example"), ProviderUnavailable, "unexpected_redirect"),
        (make_response({"error": "invalid_client"}, status=401), InvalidClient, "invalid_client"),
        (make_response({"error": "unsupported_token_type"}, status=400), RequestRefused, "unsupported_token_type"),
        (make_response(b"<html>", status=400), RequestRefused, "revocation_refused"),
        (make_response(b"", status=404), RequestRefused, "revocation_refused"),
        (make_response(b"", status=401), RequestRefused, "revocation_refused"),
    ],
)
def test_everything_else_is_not_a_revocation(response: Any, kind: type[OAuthError], code: str) -> None:
    with pytest.raises(kind) as caught:
        judge(response)

    assert caught.value.code == code
    assert caught.value.remedy is (Remedy.RETRY if kind is ProviderUnavailable else Remedy.OPERATOR)
