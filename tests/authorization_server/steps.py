"""A client's steps at our authorization server, over Django's test client."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.contrib.auth.models import User
from django.test import Client
from oauth2_provider.models import Application

REDIRECT_URI = "https://client.example/callback"
CLIENT_SECRET = "s" * 64
CODE_VERIFIER = "v" * 43
CODE_CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(CODE_VERIFIER.encode()).digest()).decode().rstrip("=")


def make_application(client_id: str = "client-1", *, grant_type: str = "", **fields: Any) -> Application:
    """A confidential client with CLIENT_SECRET."""
    return Application.objects.create(
        client_id=client_id,
        client_secret=CLIENT_SECRET,
        name=fields.pop("name", "Example Client"),
        client_type=fields.pop("client_type", Application.CLIENT_CONFIDENTIAL),
        authorization_grant_type=grant_type or Application.GRANT_AUTHORIZATION_CODE,
        redirect_uris=fields.pop("redirect_uris", REDIRECT_URI),
        **fields,
    )


def authorization_request(**changes: str | None) -> dict[str, str]:
    """The query of a good authorization request; None leaves a parameter out."""
    query = {
        "response_type": "code",
        "client_id": "client-1",
        "redirect_uri": REDIRECT_URI,
        "scope": "profile",
        "state": "state-1",
        "code_challenge": CODE_CHALLENGE,
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in {**query, **changes}.items() if value is not None}


def decide(client: Client, *, allow: bool = True, form: Mapping[str, str] | None = None, **changes: Any) -> Any:
    """Open the page, then press a button; `form` changes what the page's hidden fields say."""
    query = authorization_request(**changes)
    page = client.get("/oauth/authorize/", query)
    assert page.status_code == 200, page.content
    fields = {name: value for name, value in page.context["form"].initial.items() if value is not None}
    press = {"allow": "true"} if allow else {}
    return client.post("/oauth/authorize/", {**fields, **(form or {}), **press}, query_params=query)


def response_of(response: Any) -> dict[str, str]:
    """The authorization response in a redirect."""
    return dict(parse_qsl(urlsplit(response["Location"]).query))


def get_code(user: User, **changes: Any) -> str:
    browser = Client()
    browser.force_login(user)
    return response_of(decide(browser, **changes))["code"]


def send(path: str, form: Mapping[str, str | list[str]], **headers: str) -> Any:
    """Send a form, as programs do; Django's client alone would send parts."""
    body = urlencode(form, doseq=True)
    return Client().post(path, body, content_type="application/x-www-form-urlencoded", headers=headers)


def basic(client_id: str = "client-1", client_secret: str = CLIENT_SECRET) -> str:
    """An Authorization header."""
    return "Basic " + base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()


def token_request(*, client_id: str = "client-1", client_secret: str = CLIENT_SECRET, **form: str | list[str]) -> Any:
    return send("/oauth/token/", form, Authorization=basic(client_id, client_secret))


def exchange(code: str, **changes: Any) -> Any:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI}
    return token_request(**{**form, "code_verifier": CODE_VERIFIER, **changes})


def refresh(refresh_token: str, **changes: Any) -> Any:
    return token_request(grant_type="refresh_token", refresh_token=refresh_token, **changes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokens:
    access_token: str
    refresh_token: str


def get_tokens(user: User, *, scope: str = "profile") -> Tokens:
    body = exchange(get_code(user, scope=scope)).json()
    return Tokens(access_token=body["access_token"], refresh_token=body["refresh_token"])


def call(path: str, access_token: str) -> Any:
    return Client().get(path, headers={"Authorization": f"Bearer {access_token}"})
