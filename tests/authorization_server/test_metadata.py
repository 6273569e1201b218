"""RFC 8414, RFC 9728: what we say about ourselves is what we do, and what we do not say we do not do."""

from typing import Any

import pytest
from django.test import Client
from django.urls import resolve
from oauth2_provider.models import Application
from pytest_django import Settings

from hub.authorization_server import token_exchange
from hub.authorization_server.configuration import SCOPE
from tests.authorization_server.device_steps import GRANT_TYPE, approved, make_device_client
from tests.authorization_server.steps import (
    CLIENT_SECRET,
    CODE_VERIFIER,
    REDIRECT_URI,
    authorization_request,
    basic,
    decide,
    get_code,
    get_tokens,
    make_application,
    response_of,
    send,
)
from tests.factories import make_user

pytestmark = pytest.mark.django_db
ORIGIN = "http://127.0.0.1:8000"
INSERTED = "/.well-known/oauth-authorization-server/oauth"
APPENDED = "/oauth/.well-known/oauth-authorization-server"
PROTECTED = "/.well-known/oauth-protected-resource/api/v1"
SENT: dict[str, dict[str, Any]] = {
    "client_secret_basic": {},
    "client_secret_post": {"client_id": "client-1", "client_secret": CLIENT_SECRET},
    "none": {"client_id": "client-1"},
}
UNSUPPORTED = {
    "client_id": "client-1",
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    "client_assertion": "e30.e30.",
}


@pytest.fixture
def document() -> dict[str, Any]:
    found: dict[str, Any] = Client().get(INSERTED).json()
    return found


@pytest.mark.parametrize("path", [INSERTED, APPENDED])
def test_the_issuer_comes_from_our_settings_and_not_from_the_request(path: str) -> None:
    document = Client().get(path, headers={"Host": "localhost"}).json()

    assert document["issuer"] == f"{ORIGIN}/oauth"
    assert document["authorization_endpoint"] == f"{ORIGIN}/oauth/authorize/"
    assert document["authorization_response_iss_parameter_supported"] is True


@pytest.mark.requirement(142)
def test_every_field_is_accounted_for(document: dict[str, Any]) -> None:
    """A field that is added has to be proven below, too."""
    assert set(document) == {
        "issuer",
        "authorization_endpoint",
        "token_endpoint",
        "revocation_endpoint",
        "introspection_endpoint",
        "device_authorization_endpoint",
        "scopes_supported",
        "response_types_supported",
        "response_modes_supported",
        "grant_types_supported",
        "code_challenge_methods_supported",
        "token_endpoint_auth_methods_supported",
        "revocation_endpoint_auth_methods_supported",
        "introspection_endpoint_auth_methods_supported",
        "authorization_response_iss_parameter_supported",
        "request_parameter_supported",
        "request_uri_parameter_supported",
        "protected_resources",
    }


@pytest.mark.requirement(142)
def test_every_endpoint_named_exists_and_no_other(document: dict[str, Any]) -> None:
    endpoints = {name: value for name, value in document.items() if name.endswith("_endpoint")}
    for url in endpoints.values():
        assert resolve(url.removeprefix(ORIGIN)).namespace == "oauth2_provider"
        assert Client().post(url.removeprefix(ORIGIN)).status_code != 404
    for path in ("par/", "register/", "userinfo/", "jwks/", "logout/", ".well-known/openid-configuration"):
        assert Client().get(f"/oauth/{path}").status_code == 404


@pytest.mark.requirement(142, 152)
def test_registration_is_named_only_where_it_is_on(settings: Settings) -> None:
    settings.HUB_CLIENT_REGISTRATION_TOKEN = "t" * 32

    assert Client().get(INSERTED).json()["registration_endpoint"] == f"{ORIGIN}/oauth/register/"


@pytest.mark.requirement(140, 142)
def test_every_grant_that_is_named_gives_tokens_and_no_other_does(document: dict[str, Any]) -> None:
    make_application()
    make_application("client-2", grant_type=Application.GRANT_CLIENT_CREDENTIALS)
    make_device_client("client-3")
    person = make_user()
    code = {"code": get_code(person), "redirect_uri": REDIRECT_URI, "code_verifier": CODE_VERIFIER}
    asked = {
        "authorization_code": ("client-1", code),
        "refresh_token": ("client-1", {"refresh_token": get_tokens(person).refresh_token}),
        "client_credentials": ("client-2", {}),
        GRANT_TYPE: ("client-3", {"device_code": approved(person, client_id="client-3")}),
    }
    # Of the exchange, which needs a connection too, tests of its own tell.
    assert set(document["grant_types_supported"]) == {*asked, token_exchange.GRANT_TYPE}
    for grant_type, (client_id, form) in asked.items():
        form = {"grant_type": grant_type, **form}
        assert send("/oauth/token/", form, Authorization=basic(client_id)).status_code == 200, grant_type

    for grant_type in (
        "password",
        "implicit",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "openid",
        "Refresh_Token",
    ):
        form = {"grant_type": grant_type, "username": person.username, "password": "x", **code}
        response = send("/oauth/token/", form, Authorization=basic())
        assert (response.status_code, response.json()["error"]) == (400, "unsupported_grant_type")


@pytest.mark.requirement(140)
@pytest.mark.parametrize("grant_type", ["implicit", "password", "openid-hybrid"])
def test_what_an_application_is_registered_for_does_not_switch_a_grant_on(grant_type: str) -> None:
    make_application(grant_type=grant_type)
    person = make_user()
    browser = Client()
    browser.force_login(person)

    for response_type in ("token", "code token", "code id_token", "id_token"):
        page = browser.get("/oauth/authorize/", authorization_request(response_type=response_type))
        answered = response_of(page)
        assert "error" in answered
        assert not {"access_token", "id_token", "code"} & answered.keys()
        assert "#" not in page["Location"]
    form = {"grant_type": "password", "username": person.username, "password": "correct horse battery staple"}
    assert send("/oauth/token/", form, Authorization=basic()).status_code == 400


@pytest.mark.requirement(142)
@pytest.mark.parametrize("method", [*SENT, "private_key_jwt"])
@pytest.mark.parametrize("endpoint", ["token", "revocation", "introspection"])
def test_a_client_authenticates_by_the_methods_that_are_named_and_by_no_other(
    document: dict[str, Any], endpoint: str, method: str
) -> None:
    make_application()
    tokens = get_tokens(make_user())
    if method == "none":
        Application.objects.update(client_type=Application.CLIENT_PUBLIC, client_secret="")
    form = {"refresh_token": tokens.refresh_token, "grant_type": "refresh_token", "token": tokens.access_token}
    headers = {"Authorization": basic()} if method == "client_secret_basic" else {}

    path = document[f"{endpoint}_endpoint"].removeprefix(ORIGIN)
    status = send(path, {**form, **SENT.get(method, UNSUPPORTED)}, **headers).status_code

    named = method in document[f"{endpoint}_endpoint_auth_methods_supported"]
    assert status == (200 if named else 401)


@pytest.mark.requirement(142)
def test_every_scope_that_is_named_can_be_asked_for_and_no_other(document: dict[str, Any]) -> None:
    make_application()
    browser = Client()
    browser.force_login(make_user())
    for scope in document["scopes_supported"]:
        assert browser.get("/oauth/authorize/", authorization_request(scope=scope)).status_code == 200

    assert document["scopes_supported"] == sorted({*SCOPE, "notes:read", "notes:write"})
    refused = browser.get("/oauth/authorize/", authorization_request(scope="openid"))
    assert response_of(refused)["error"] == "invalid_scope"


@pytest.mark.requirement(142)
@pytest.mark.parametrize("mode", [None, "query", "fragment", "form_post", "query.jwt", "", "nonsense"])
def test_responses_come_in_the_mode_that_is_named_and_in_no_other(document: dict[str, Any], mode: str | None) -> None:
    make_application()
    browser = Client()
    browser.force_login(make_user())

    page = browser.get("/oauth/authorize/", authorization_request(response_mode=mode))

    named = mode is None or mode in document["response_modes_supported"]
    if named:
        assert page.status_code == 200
    else:
        assert response_of(page)["error"] == "invalid_request"
        assert "#" not in page["Location"]


@pytest.mark.requirement(142, 151)
@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("request", "e30.e30.", "request_not_supported"),
        ("request_uri", "https://client.example/request", "request_uri_not_supported"),
        ("request_uri", "urn:ietf:params:oauth:request_uri:x", "request_uri_not_supported"),
        ("authorization_details", '[{"type": "payment"}]', "invalid_authorization_details"),
    ],
)
def test_what_is_not_supported_is_refused_and_not_passed_over(name: str, value: str, error: str) -> None:
    make_application()
    browser = Client()
    browser.force_login(make_user())

    response = response_of(browser.get("/oauth/authorize/", authorization_request(**{name: value})))

    assert (response["error"], response["state"]) == (error, "state-1")
    assert response["iss"] == f"{ORIGIN}/oauth"


@pytest.mark.requirement(151)
def test_nothing_says_that_requests_can_be_pushed(document: dict[str, Any]) -> None:
    assert document["request_parameter_supported"] is document["request_uri_parameter_supported"] is False
    assert not [name for name in document if "pushed" in name]


@pytest.mark.requirement(142)
@pytest.mark.parametrize("allow", [True, False])
def test_the_issuer_that_is_named_is_in_every_response(document: dict[str, Any], allow: bool) -> None:
    make_application()
    browser = Client()
    browser.force_login(make_user())

    assert response_of(decide(browser, allow=allow))["iss"] == document["issuer"]
    refused = browser.get("/oauth/authorize/", authorization_request(scope="everything"))
    assert response_of(refused)["iss"] == document["issuer"]


@pytest.mark.requirement(142)
def test_the_api_says_who_its_authorization_server_is(document: dict[str, Any]) -> None:
    response = Client().get(PROTECTED, headers={"Host": "localhost"})

    assert response.json() == {
        "resource": f"{ORIGIN}/api/v1",
        "resource_name": "Integration Hub",
        "authorization_servers": [document["issuer"]],
        "scopes_supported": sorted(SCOPE),
        "bearer_methods_supported": ["header"],
    }
    assert document["protected_resources"] == [response.json()["resource"]]


@pytest.mark.parametrize("path", [INSERTED, APPENDED, PROTECTED])
def test_anybody_may_read_and_nobody_write(path: str) -> None:
    assert Client().get(path)["Access-Control-Allow-Origin"] == "*"
    assert Client().post(path).status_code == 405
