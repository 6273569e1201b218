"""A NUL is refused at the door. Without that, PostgreSQL makes an error of ours of it."""

import base64
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from tests.authorization_server.steps import CLIENT_SECRET, authorization_request, make_application, send
from tests.factories import make_user

pytestmark = pytest.mark.django_db
ENDPOINTS = ("token", "revoke_token", "introspect")


def basic(client_id: str, client_secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()}


def signed_in() -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(make_user())
    return client


@pytest.fixture
def anonymous() -> Client:
    return Client(raise_request_exception=False)


@pytest.mark.parametrize("parameter", ["client_id", "scope", "state", "unknown\x00"])
def test_in_an_authorization_request(parameter: str) -> None:
    make_application()

    response = signed_in().get("/oauth/authorize/", authorization_request(**{parameter: "\x00"}))

    assert response.status_code == 400


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("multipart", [True, False])
def test_in_a_form(anonymous: Client, endpoint: str, multipart: bool) -> None:
    make_application()
    form = {"client_id": "client-1", "client_secret": CLIENT_SECRET, "token": "a\x00b"}
    encoding: dict[str, Any] = {} if multipart else {"content_type": "application/x-www-form-urlencoded"}
    body: Any = form if multipart else "&".join(f"{k}={v}" for k, v in form.items()).replace("\x00", "%00")

    assert anonymous.post(f"/oauth/{endpoint}/", body, **encoding).status_code == 400
    nobody = {"client_id": "\x00", "client_secret": "x", "grant_type": "client_credentials"}
    assert anonymous.post(f"/oauth/{endpoint}/", nobody).status_code == 400


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("client_id", ["a\x00", "a%00", "\x00"])
def test_in_basic_credentials(anonymous: Client, endpoint: str, client_id: str) -> None:
    form = {"token": "x", "grant_type": "client_credentials"}

    response = anonymous.post(f"/oauth/{endpoint}/", form, headers=basic(client_id, "b"))

    assert response.status_code == 400


def test_in_a_quoted_cookie(anonymous: Client) -> None:
    anonymous.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32 + "\x00"

    assert anonymous.get("/connections/").status_code == 400


@pytest.mark.parametrize("credentials", ["Basic", "Basic !", "Basic /w==", "Bearer AA=="])
def test_unreadable_credentials_are_somebody_elses_business(credentials: str) -> None:
    response = send("/oauth/introspect/", {"token": "x"}, Authorization=credentials)

    assert response.status_code == 401
