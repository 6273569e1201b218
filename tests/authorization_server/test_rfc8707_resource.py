"""RFC 8707: a token may be bound to the hub's API, and to nothing else."""

from typing import Any

import pytest
from django.test import Client
from oauth2_provider.models import AccessToken, Application

from tests.authorization_server.device_steps import approved, begin_response, make_device_client
from tests.authorization_server.steps import (
    authorization_request,
    basic,
    call,
    exchange,
    make_application,
    refresh,
    response_of,
    send,
    token_request,
)
from tests.factories import make_user

pytestmark = pytest.mark.django_db
API = "http://127.0.0.1:8000/api/v1"
OTHERS = ["https://other.example", f"{API}/", f"{API}/me", API.upper(), "not a uri", "http://[::1", f"{API}#x", "é"]
each_other = pytest.mark.parametrize("resource", OTHERS)


@pytest.fixture
def application() -> Application:
    return make_application()


def decision_for(*resources: str, more: str = "") -> Any:
    """What answers the form of a request for these; `more` is what somebody writes into the form instead."""
    browser = Client()
    browser.force_login(make_user())
    query: dict[str, Any] = {**authorization_request(), "resource": list(resources)}
    page = browser.get("/oauth/authorize/", query)
    if page.status_code != 200:
        return page
    fields = {name: value for name, value in page.context["form"].initial.items() if value is not None}
    fields |= {"resource": more} if more else {}
    return browser.post("/oauth/authorize/", {**fields, "allow": "true"}, query_params=query)


def code_for(*resources: str) -> dict[str, str]:
    """The authorization response to a request for these."""
    return response_of(decision_for(*resources))


def audience(token: str) -> object:
    return send("/oauth/introspect/", {"token": token}, Authorization=basic()).json().get("aud")


def test_a_token_for_our_api_says_so_and_is_good_there_alone(application: Application) -> None:
    body = exchange(code_for(API)["code"]).json()

    assert audience(body["access_token"]) == [API]
    assert call("/api/v1/me", body["access_token"]).status_code == 200
    assert call("/sandbox/api/profile", body["access_token"]).status_code == 401


def test_what_a_code_or_refresh_token_is_bound_to_its_tokens_are(application: Application) -> None:
    body = exchange(code_for(API)["code"], resource=API).json()

    renewed = refresh(body["refresh_token"]).json()

    assert audience(renewed["access_token"]) == [API]


def test_a_token_can_be_bound_later_and_not_be_let_loose(application: Application) -> None:
    body = exchange(code_for()["code"], resource=[API, API]).json()
    assert audience(body["access_token"]) == [API]

    assert audience(refresh(body["refresh_token"]).json()["access_token"]) == [API]


def test_without_one_a_token_is_bound_to_none(application: Application) -> None:
    assert audience(exchange(code_for()["code"]).json()["access_token"]) is None


@each_other
def test_another_resource_is_refused_before_anyone_is_asked(application: Application, resource: str) -> None:
    for resources in ([resource], [API, resource]):
        response = code_for(*resources)
        assert (response["error"], response["state"]) == ("invalid_target", "state-1")
        assert response["iss"] == "http://127.0.0.1:8000/oauth"


@each_other
def test_a_form_that_was_changed_gets_no_code_for_another_resource(application: Application, resource: str) -> None:
    response = decision_for(API, more=resource)

    assert (response.status_code, "Location" in response) == (400, False)


@each_other
def test_another_resource_is_refused_at_the_token_endpoint(application: Application, resource: str) -> None:
    code = code_for()["code"]

    assert exchange(code, resource=resource).json()["error"] == "invalid_target"
    body = exchange(code).json()
    assert refresh(body["refresh_token"], resource=[API, resource]).json()["error"] == "invalid_target"
    assert refresh(body["refresh_token"]).status_code == 200


@each_other
def test_client_credentials_are_for_our_api_or_for_any(resource: str) -> None:
    make_application(grant_type=Application.GRANT_CLIENT_CREDENTIALS)

    assert token_request(grant_type="client_credentials", resource=resource).json()["error"] == "invalid_target"
    body = token_request(grant_type="client_credentials", resource=API).json()
    assert audience(body["access_token"]) == [API]


def test_a_device_asks_for_it_when_it_begins() -> None:
    make_device_client()
    device_code = approved(make_user(), resource=API)
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": device_code}

    assert begin_response(resource=API).status_code == 200
    body = token_request(**form).json()

    assert audience(body["access_token"]) == [API]


def test_a_token_for_another_resource_is_refused_at_the_api(application: Application) -> None:
    body = exchange(code_for()["code"]).json()
    AccessToken.objects.update(resource=["https://other.example"])

    response = call("/api/v1/me", body["access_token"])

    assert response.status_code == 401
    assert 'error="invalid_token"' in response["WWW-Authenticate"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "127.0.0.1"])
def test_the_audience_is_our_name_whatever_host_was_called(application: Application, host: str) -> None:
    token = exchange(code_for(API)["code"]).json()["access_token"]

    response = Client().get("/api/v1/me", headers={"Authorization": f"Bearer {token}", "Host": host})

    assert response.status_code == 200
