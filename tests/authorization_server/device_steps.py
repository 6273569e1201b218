"""A device's steps at our authorization server, and those of the person who lets it in."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import F
from django.test import Client
from oauth2_provider.models import Application

from hub.authorization_server.models import DeviceAuthorization
from tests.authorization_server.steps import basic, make_application, send

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"


def make_device_client(client_id: str = "client-1", **fields: Any) -> Application:
    return make_application(client_id, grant_type=GRANT_TYPE, **fields)


def begin_response(*, client_id: str = "client-1", **form: Any) -> Any:
    return send("/oauth/device_authorization/", form, Authorization=basic(client_id))


def begin(**form: Any) -> dict[str, Any]:
    response = begin_response(**form)
    assert response.status_code == 200, response.content
    document: dict[str, Any] = response.json()
    return document


def poll(device_code: str, *, client_id: str = "client-1") -> Any:
    form = {"grant_type": GRANT_TYPE, "device_code": device_code}
    return send("/oauth/token/", form, Authorization=basic(client_id))


def error_of(response: Any) -> str:
    assert response.status_code == 400, response.content
    return str(response.json()["error"])


def browser_of(person: User) -> Client:
    browser = Client()
    browser.force_login(person)
    return browser


def enter(browser: Client, user_code: str) -> Any:
    return browser.post("/device/", {"user_code": user_code})


def decide(browser: Client, user_code: str, *, allow: bool = True) -> Any:
    """Enter the code and press a button."""
    entered = enter(browser, user_code)
    assert entered.status_code == 303, entered.content
    return browser.post(entered["Location"], {"decision": "allow" if allow else "deny"})


def approved(person: User, **form: Any) -> str:
    """A device code that a person has allowed."""
    codes = begin(**form)
    decide(browser_of(person), codes["user_code"])
    return str(codes["device_code"])


def pass_by(seconds: float) -> None:
    """Let time pass for every device that waits."""
    span = timedelta(seconds=seconds)
    DeviceAuthorization.objects.update(expires_at=F("expires_at") - span, polled_at=F("polled_at") - span)
