"""RFC 7009: a client ends its own tokens, both of a pair, and nobody else's."""

import pytest
from oauth2_provider.models import Application

from tests.authorization_server.steps import basic, call, get_tokens, make_application, refresh, send
from tests.factories import make_user

pytestmark = pytest.mark.django_db
PATH = "/oauth/revoke_token/"


@pytest.fixture(autouse=True)
def application() -> Application:
    return make_application()


@pytest.mark.requirement(109)
@pytest.mark.parametrize("hint", ["", "access_token", "refresh_token", "nonsense"])
@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_either_token_ends_both(which: str, hint: str) -> None:
    tokens = get_tokens(make_user())

    response = send(PATH, {"token": getattr(tokens, which), "token_type_hint": hint}, Authorization=basic())

    assert (response.status_code, response.content) == (200, b"")
    assert response["Cache-Control"] == "no-store"
    assert call("/api/v1/me", tokens.access_token).status_code == 401
    assert refresh(tokens.refresh_token).json()["error"] == "invalid_grant"


@pytest.mark.requirement(109)
@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_another_clients_token_is_left_alone_and_nothing_is_told(which: str) -> None:
    make_application("client-2")
    tokens = get_tokens(make_user())

    foreign = send(PATH, {"token": getattr(tokens, which)}, Authorization=basic("client-2"))
    unknown = send(PATH, {"token": "unknown"}, Authorization=basic("client-2"))

    assert (foreign.status_code, foreign.content) == (unknown.status_code, unknown.content) == (200, b"")
    assert call("/api/v1/me", tokens.access_token).status_code == 200
    assert refresh(tokens.refresh_token).status_code == 200


@pytest.mark.requirement(109)
def test_a_refresh_token_that_was_revoked_has_no_grace_even_after_it_was_used() -> None:
    tokens = get_tokens(make_user())
    newer = refresh(tokens.refresh_token).json()

    send(PATH, {"token": newer["refresh_token"]}, Authorization=basic())

    for token in (tokens.refresh_token, newer["refresh_token"]):
        assert refresh(token).json()["error"] == "invalid_grant"
    assert call("/api/v1/me", newer["access_token"]).status_code == 401


@pytest.mark.requirement(109, 143)
@pytest.mark.parametrize("header", ["", basic("client-1", "wrong"), basic("nobody"), "Basic %%%", "Bearer x"])
def test_who_is_no_client_ends_nothing(header: str) -> None:
    tokens = get_tokens(make_user())

    response = send(PATH, {"token": tokens.access_token}, **({"Authorization": header} if header else {}))

    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    assert call("/api/v1/me", tokens.access_token).status_code == 200


def test_a_public_client_names_itself() -> None:
    tokens = get_tokens(make_user())
    Application.objects.update(client_type=Application.CLIENT_PUBLIC, client_secret="")

    assert send(PATH, {"token": tokens.access_token, "client_id": "client-1"}).status_code == 200

    assert call("/api/v1/me", tokens.access_token).status_code == 401


def test_without_a_token_the_request_is_invalid() -> None:
    response = send(PATH, {}, Authorization=basic())

    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
