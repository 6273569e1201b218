"""RFC 7662: a client may ask about its own tokens, in a POST body, and learns nothing about others'."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application

from tests.authorization_server.steps import CLIENT_SECRET, basic, get_tokens, make_application, send
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def introspect(token: str, *, client_id: str = "client-1", client_secret: str = CLIENT_SECRET) -> Any:
    return send("/oauth/introspect/", {"token": token}, Authorization=basic(client_id, client_secret))


def test_a_client_learns_about_its_token() -> None:
    make_application()
    user = make_user()

    response = introspect(get_tokens(user, scope="profile notes:read").access_token)

    body = response.json()
    assert body.pop("exp") - body.pop("iat") == 600
    assert body == {
        "active": True,
        "client_id": "client-1",
        "scope": "profile notes:read",
        "iss": "http://127.0.0.1:8000/oauth",
        "token_type": "Bearer",
        "sub": str(user.pk),
        "username": user.username,
    }
    assert response["Cache-Control"] == "no-store"


@pytest.mark.requirement(144)
def test_another_clients_token_an_expired_and_an_unknown_one_are_inactive() -> None:
    make_application()
    make_application("client-2")
    theirs = get_tokens(make_user()).access_token

    assert introspect(theirs, client_id="client-2").json() == {"active": False}
    assert introspect("unknown").json() == {"active": False}
    AccessToken.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert introspect(theirs).json() == {"active": False}


@pytest.mark.requirement(144)
def test_a_token_that_was_revoked_and_a_refresh_token_are_inactive() -> None:
    make_application()
    tokens = get_tokens(make_user())
    assert introspect(tokens.refresh_token).json() == {"active": False}

    send("/oauth/revoke_token/", {"token": tokens.refresh_token}, Authorization=basic())

    assert introspect(tokens.access_token).json() == {"active": False}


@pytest.mark.requirement(26)
def test_the_token_of_an_inactive_person_is_inactive() -> None:
    make_application()
    token = get_tokens(make_user()).access_token

    User.objects.update(is_active=False)

    assert introspect(token).json() == {"active": False}


def test_a_client_must_authenticate() -> None:
    make_application()

    response = introspect("x", client_secret="wrong")

    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Basic")


@pytest.mark.requirement(101)
def test_a_token_in_the_query_is_not_looked_at() -> None:
    make_application()
    token = get_tokens(make_user()).access_token

    asked = Client().get("/oauth/introspect/", {"token": token}, headers={"Authorization": basic()})

    assert asked.status_code == 405
    assert send(f"/oauth/introspect/?token={token}", {}, Authorization=basic()).status_code == 400


def test_a_public_client_cannot_ask() -> None:
    make_application()
    Application.objects.update(client_type=Application.CLIENT_PUBLIC, client_secret="")

    assert introspect("x", client_secret="").status_code == 401
