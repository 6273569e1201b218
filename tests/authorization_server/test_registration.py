"""RFC 7591: clients register over the network only where an operator says so, and with the operator's token."""

import json
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from oauth2_provider.models import Application
from pytest_django import Settings

from hub.authorization_server.configuration import registration_token
from hub.authorization_server.models import Tally
from hub.environment import Environment
from tests.authorization_server.steps import basic, decide, send
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.requirement(152)]
TOKEN = "initial-access-token-of-an-operator"
PATH = "/oauth/register/"
METADATA: dict[str, Any] = {"client_name": "A tool", "redirect_uris": ["https://tool.example/callback"]}
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture(autouse=True)
def switched_on(settings: Settings) -> None:
    settings.HUB_CLIENT_REGISTRATION_TOKEN = TOKEN


def register(metadata: Any = None, *, token: str = TOKEN, content_type: str = "application/json") -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = metadata if isinstance(metadata, str | bytes) else json.dumps(metadata)
    return Client().post(PATH, body, content_type=content_type, headers=headers)


def test_it_is_off_unless_an_operator_says_so(settings: Settings) -> None:
    settings.HUB_CLIENT_REGISTRATION_TOKEN = ""

    for token in ("", TOKEN):
        assert register(METADATA, token=token).status_code == 404
    assert Client().get(PATH).status_code == 404
    assert not Application.objects.exists()
    assert "registration_endpoint" not in Client().get("/.well-known/oauth-authorization-server/oauth").json()


@pytest.mark.parametrize("value", ["short", "x" * 31, "with space " * 5, "é" * 40])
def test_a_token_that_could_be_guessed_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HUB_CLIENT_REGISTRATION_TOKEN", value)

    with pytest.raises(ImproperlyConfigured, match="HUB_CLIENT_REGISTRATION_TOKEN needs 32"):
        registration_token(Environment())


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", TOKEN.upper(), "é"])
def test_without_the_operators_token_nobody_registers(token: str) -> None:
    response = register(METADATA, token=token)

    assert (response.status_code, response.json()["error"]) == (401, "invalid_token")
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert not Application.objects.exists()


def test_a_client_that_registered_can_be_used_and_its_secret_is_told_once() -> None:
    response = register({"client_name": "Job", "grant_types": ["client_credentials"]})

    body = response.json()
    application = Application.objects.get()
    assert response.status_code == 201
    assert response["Cache-Control"] == "no-store"
    assert body["client_secret"] not in application.client_secret
    assert (body["client_secret_expires_at"], body["response_types"]) == (0, [])
    assert (application.registration_source, application.name) == ("dcr", "Job")
    assert not application.skip_authorization
    assert application.user is None
    asked = send(
        "/oauth/token/",
        {"grant_type": "client_credentials"},
        Authorization=basic(body["client_id"], body["client_secret"]),
    )
    assert asked.status_code == 200
    assert not {"registration_access_token", "registration_client_uri"} & body.keys()


def test_what_is_answered_is_what_was_registered() -> None:
    body = register(METADATA | {"token_endpoint_auth_method": "none", "unknown": {"a": 1}}).json()

    application = Application.objects.get()
    issued_at = body.pop("client_id_issued_at")
    assert body == {
        "client_id": application.client_id,
        "client_name": "A tool",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "redirect_uris": ["https://tool.example/callback"],
        "token_endpoint_auth_method": "none",
    }
    assert issued_at == int(application.created.timestamp())
    assert (application.client_type, application.redirect_uris) == ("public", "https://tool.example/callback")


def test_a_device_needs_no_redirect_uri() -> None:
    body = register({"grant_types": [DEVICE, "refresh_token"], "token_endpoint_auth_method": "none"}).json()

    assert send("/oauth/device_authorization/", {"client_id": body["client_id"]}).status_code == 200


@pytest.mark.parametrize(
    "uri",
    [
        "http://tool.example/callback",
        "javascript:alert(1)",
        "com.example.app:/callback",
        "data:text/html,x",
        "https://tool.example/callback#fragment",
        "https://tool.example/callback#",
        "https://user@tool.example/callback",
        "https://*.example/callback",
        "https://tool.example/*",
        "https://tool.example/a b",
        "https://tool.example/\nhttps://evil.example/",
        "https://",
        "https://[::1",
        "//tool.example/callback",
        "https://tööl.example/",
        "",
    ],
)
def test_a_redirect_uri_has_to_be_plain_https(uri: str) -> None:
    response = register(METADATA | {"redirect_uris": ["https://tool.example/callback", uri]})

    assert (response.status_code, response.json()["error"]) == (400, "invalid_redirect_uri")
    assert not Application.objects.exists()


def test_a_client_without_a_secret_may_have_people_sent_back_to_their_own_machine(settings: Settings) -> None:
    # As in production.
    settings.OAUTH2_PROVIDER = {**settings.OAUTH2_PROVIDER, "ALLOWED_REDIRECT_URI_SCHEMES": ["https"]}
    own = METADATA | {"redirect_uris": ["http://127.0.0.1/callback", "http://[::1]:4000/"]}

    assert register(own).json()["error"] == "invalid_redirect_uri"
    body = register(own | {"token_endpoint_auth_method": "none"}).json()

    browser = Client()
    browser.force_login(make_user())
    back = decide(browser, client_id=body["client_id"], redirect_uri="http://127.0.0.1:51234/callback")
    assert back["Location"].startswith("http://127.0.0.1:51234/callback?code=")


@pytest.mark.parametrize("method", ["none", "client_secret_basic"])
def test_a_name_is_nobodys_own_machine(method: str) -> None:
    uris = {"redirect_uris": ["http://localhost/callback"], "token_endpoint_auth_method": method}
    assert register(METADATA | uris).json()["error"] == "invalid_redirect_uri"


@pytest.mark.parametrize("name", ["client_uri", "logo_uri", "policy_uri", "tos_uri", "jwks_uri"])
@pytest.mark.parametrize(
    "uri", ["https://169.254.169.254/", "http://tool.example/", "https://localhost/", "https://10.0.0.1/", "file:///x"]
)
def test_an_address_in_metadata_has_to_be_public(settings: Settings, name: str, uri: str) -> None:
    settings.HUB_OUTBOUND_ALLOWED_HOSTS = ()

    response = register(METADATA | {name: uri})

    assert (response.status_code, response.json()["error"]) == (400, "invalid_client_metadata")
    assert register(METADATA | {name: "https://tool.example/about"}).status_code == 201


@pytest.mark.parametrize(
    "changes",
    [
        {"grant_types": ["implicit"]},
        {"grant_types": ["password"]},
        {"grant_types": ["urn:ietf:params:oauth:grant-type:jwt-bearer"]},
        {"grant_types": []},
        {"grant_types": ["refresh_token"]},
        {"grant_types": ["authorization_code", "client_credentials"]},
        {"grant_types": "authorization_code"},
        {"grant_types": [1]},
        {"response_types": ["token"]},
        {"response_types": ["code", "token"]},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"token_endpoint_auth_method": None},
        {"token_endpoint_auth_method": ["none"]},
        {"grant_types": ["client_credentials"], "redirect_uris": [], "token_endpoint_auth_method": "none"},
        {"client_name": 5},
        {"client_name": "x" * 5000},
        {"jwks": {"keys": []}},
    ],
)
def test_what_the_hub_does_not_have_is_refused(changes: dict[str, Any]) -> None:
    response = register(METADATA | changes)

    assert (response.status_code, response.json()["error"]) == (400, "invalid_client_metadata")
    assert not Application.objects.exists()


@pytest.mark.parametrize("redirect_uris", [[], "https://tool.example/", None, [None], ["https://t.example/"] * 11])
def test_redirect_uris_are_a_list_of_some(redirect_uris: Any) -> None:
    assert register(METADATA | {"redirect_uris": redirect_uris}).status_code == 400


@pytest.mark.parametrize("body", ["", "[]", "{", "null", b"\xff", "[" * 100_000, '{"a": NaN}', "1" * 5000])
def test_what_is_no_metadata_is_refused(body: str | bytes) -> None:
    assert register(body).status_code == 400


def test_a_form_is_no_metadata() -> None:
    assert register("a=b", content_type="application/x-www-form-urlencoded").status_code == 400


def test_a_name_is_one_line_that_can_be_read() -> None:
    register(METADATA | {"client_name": "Bank\u202egro.knab\n<script>"})

    assert Application.objects.get().name == "Bankgro.knab <script>"


@pytest.mark.usefixtures("one_minute")
def test_registrations_are_limited_by_address_and_in_total() -> None:
    for _ in range(20):
        assert register("no").status_code == 400

    response = register(METADATA)

    assert (response.status_code, response.json()["error"]) == (429, "temporarily_unavailable")
    assert int(response["Retry-After"]) > 0
    Tally.objects.filter(name="registration.address").delete()
    Tally.objects.filter(name="registration.everybody").update(count=200)
    assert register(METADATA).status_code == 429
