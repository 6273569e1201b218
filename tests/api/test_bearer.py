"""Who may call at all: RFC 6750 to the letter."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken

from tests.authorization_server.steps import make_application
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def make_token(value: str = "token-1", *, scope: str = "profile", expires_in: int = 600, **fields: Any) -> str:
    AccessToken.objects.create(
        token=value,
        scope=scope,
        expires=timezone.now() + timedelta(seconds=expires_in),
        application=fields.pop("application", None) or make_application(),
        user=fields.pop("user", None),
        **fields,
    )
    return value


def ask(client: Client, token: str, *, scheme: str = "Bearer") -> Any:
    return client.get("/api/v1/me", headers={"Authorization": f"{scheme} {token}"})


def test_who_the_token_speaks_for(client: Client) -> None:
    person = make_user("ada")
    response = ask(client, make_token(user=person), scheme="bearer")
    assert response.json() == {"client_id": "client-1", "sub": str(person.pk), "name": "ada", "scope": "profile"}


@pytest.mark.requirement(147)
def test_without_a_token_no_error_is_named(client: Client) -> None:
    response = client.get("/api/v1/me")
    metadata = f"{settings.SITE_URL}/.well-known/oauth-protected-resource/api/v1"
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == f'Bearer realm="hub", resource_metadata="{metadata}"'
    assert response.json()["code"] == "token_missing"


@pytest.mark.requirement(147)
def test_token_in_the_query_is_not_looked_at(client: Client) -> None:
    assert client.get("/api/v1/me", {"access_token": make_token(user=make_user())}).status_code == 401


@pytest.mark.requirement(147)
@pytest.mark.parametrize("how", ["unknown", "expired", "inactive"])
def test_token_that_is_no_longer_good(client: Client, how: str) -> None:
    person = make_user(is_active=how != "inactive")
    token = make_token(user=person, expires_in=-1 if how == "expired" else 600)
    response = ask(client, "other" if how == "unknown" else token)
    assert response.status_code == 401
    assert 'error="invalid_token"' in response["WWW-Authenticate"]


@pytest.mark.requirement(147)
def test_scope_that_is_missing_is_named(client: Client) -> None:
    response = ask(client, make_token(scope="connections:read", user=make_user()))
    assert response.status_code == 403
    assert 'error="insufficient_scope"' in response["WWW-Authenticate"]
    assert 'scope="profile"' in response["WWW-Authenticate"]


@pytest.mark.parametrize("path", ["%3F%C3%BD", "%3Fa=%22", "%23x", "%25zz"])
def test_no_path_is_taken_for_a_query(client: Client, path: str) -> None:
    token = make_token(user=make_user())
    response = client.get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 404
    proxied = f"/api/v1/connections/6f9619ff-8b86-4d01-b42d-00cf4fc964ff/proxy/{path}"
    assert client.get(proxied, headers={"Authorization": f"Bearer {token}"}).status_code == 403
