"""RFC 6749 §2.3, §4.1.3 and §6: requests to the token endpoint; RFC 6750 §2.1: the token in a header."""

import base64
import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from integrations.oauth.errors import InvalidClient, Remedy
from integrations.oauth.message import Request
from integrations.oauth.server import Dialect, Userinfo
from tests.oauth.making import make_client

SECRETS = ("gX1fBat3bV", "SplxlOBeZQQYbYS6WxSbIA", "tGzv3JOkF0XG5Qx2TlKWIA", "the-verifier-canary")


def form(request: Request) -> dict[str, str]:
    pairs = parse_qsl(request.body.decode(), strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def exchange(dialect: Dialect | None = None, **changes: Any) -> Request:
    return make_client(dialect=dialect, **changes).exchange_request(
        "SplxlOBeZQQYbYS6WxSbIA", code_verifier="the-verifier-canary"
    )


def refresh(dialect: Dialect | None = None, *, scope: frozenset[str] = frozenset(), **server: object) -> Request:
    return make_client(dialect=dialect, server=server).refresh_request("tGzv3JOkF0XG5Qx2TlKWIA", scope=scope)


@pytest.mark.requirement(35)
def test_the_example_of_section_4_1_3() -> None:
    request = exchange()

    assert (request.method, request.url) == ("POST", "https://server.example.com/token")
    assert request.headers["Authorization"] == "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert form(request) == {
        "grant_type": "authorization_code",
        "code": "SplxlOBeZQQYbYS6WxSbIA",
        "redirect_uri": "https://client.example.com/cb",
        "code_verifier": "the-verifier-canary",
    }
    assert request.idempotent is False


@pytest.mark.requirement(35)
def test_the_example_of_section_6() -> None:
    request = refresh(scope=frozenset({"a"}))

    assert request.headers["Authorization"] == "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW"
    assert form(request) == {"grant_type": "refresh_token", "refresh_token": "tGzv3JOkF0XG5Qx2TlKWIA"}
    assert request.idempotent is False


@pytest.mark.requirement(35)
def test_basic_encodes_both_parts_as_form_before_base64() -> None:
    request = exchange(client_id="an id:ü", client_secret="se cret:+%/ä")

    decoded = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
    assert decoded == "an+id%3A%C3%BC:se+cret%3A%2B%25%2F%C3%A4"


@pytest.mark.requirement(35)
def test_post_sends_the_secret_in_the_body_only() -> None:
    request = exchange(Dialect(token_endpoint_auth_method="client_secret_post"))

    assert "Authorization" not in request.headers
    assert form(request)["client_id"] == "s6BhdRkqt3"
    assert form(request)["client_secret"] == "gX1fBat3bV"


@pytest.mark.requirement(35)
def test_a_public_client_sends_its_id_and_no_secret() -> None:
    request = exchange(Dialect(token_endpoint_auth_method="none"))

    assert "Authorization" not in request.headers
    assert form(request)["client_id"] == "s6BhdRkqt3"
    assert b"gX1fBat3bV" not in request.body


@pytest.mark.requirement(35)
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
@pytest.mark.parametrize("secret", [None, ""])
def test_a_method_without_its_secret_is_an_operators_matter(method: str, secret: str | None) -> None:
    dialect = Dialect(token_endpoint_auth_method=method)  # type: ignore[arg-type]

    with pytest.raises(InvalidClient) as caught:
        exchange(dialect, client_secret=secret)

    assert (caught.value.code, caught.value.remedy) == ("client_secret_missing", Remedy.OPERATOR)


@pytest.mark.requirement(101, 98)
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
def test_no_secret_is_in_a_url_or_a_repr(method: str) -> None:
    dialect = Dialect(token_endpoint_auth_method=method)  # type: ignore[arg-type]
    client = make_client(dialect=dialect)
    token = SECRETS[2]
    requests = [
        exchange(dialect),
        refresh(dialect),
        client.userinfo_request(token),
        client.api_request("GET", "https://api.example/a?b=c", token),
        *client.revocation_requests(access_token=token, refresh_token=token),
    ]

    for request in requests:
        assert not any(secret in request.url or secret in repr(request) for secret in SECRETS)
    assert "gX1fBat3bV" not in repr(client)


def test_a_dialect_says_json_renames_and_adds() -> None:
    dialect = Dialect(
        token_request_format="json",
        token_endpoint_auth_method="client_secret_post",
        token_parameter_names={"client_id": "app_id", "client_secret": "secret", "redirect_uri": ""},
        token_parameters={"resource": "r", "grant_type": "ignored"},
        token_headers={"X-Version": "2"},
    )

    request = exchange(dialect)

    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["X-Version"] == "2"
    assert json.loads(request.body) == {
        "resource": "r",
        "grant_type": "authorization_code",
        "code": "SplxlOBeZQQYbYS6WxSbIA",
        "code_verifier": "the-verifier-canary",
        "app_id": "s6BhdRkqt3",
        "secret": "gX1fBat3bV",
    }


def test_a_refresh_may_have_its_own_endpoint_parameters_scope_and_no_secret() -> None:
    dialect = Dialect(
        refresh_parameters={"audience": "x"}, refresh_sends_scope=True, refresh_sends_secret=False, scope_separator=","
    )

    request = refresh(dialect, scope=frozenset({"b", "a"}), refresh_endpoint="https://server.example.com/refresh")

    assert request.url == "https://server.example.com/refresh"
    assert form(request) == {
        "audience": "x",
        "grant_type": "refresh_token",
        "refresh_token": "tGzv3JOkF0XG5Qx2TlKWIA",
        "scope": "a,b",
        "client_id": "s6BhdRkqt3",
    }
    assert "Authorization" not in request.headers


@pytest.mark.requirement(101)
def test_an_api_request_carries_the_token_in_the_providers_header() -> None:
    plain = make_client().api_request("GET", "https://api.example/", "mF_9.B5f-4.1JqM")
    shop = make_client(
        dialect=Dialect(token_header_name="X-Shopify-Access-Token", token_header_template="{token}")
    ).api_request("GET", "https://api.example/", "mF_9.B5f-4.1JqM", headers={"X-A": "b"})

    assert plain.headers["Authorization"] == "Bearer mF_9.B5f-4.1JqM"
    assert shop.headers["X-Shopify-Access-Token"] == "mF_9.B5f-4.1JqM"
    assert shop.headers["X-A"] == "b"
    assert "Authorization" not in shop.headers


def test_userinfo_is_asked_as_the_provider_wants() -> None:
    dialect = Dialect(userinfo=Userinfo(method="POST", headers={"Content-Type": "application/json"}, body="null"))

    request = make_client(dialect=dialect).userinfo_request("token")

    assert (request.method, request.body, request.headers["Content-Type"]) == ("POST", b"null", "application/json")
    assert request.idempotent is True
