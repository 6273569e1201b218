"""RFC 6750 at the sandbox: which token opens what, and what is said when it does not."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken

from hub.sandbox.models import Note
from tests.authorization_server.steps import call, get_tokens, make_application
from tests.factories import make_user

pytestmark = pytest.mark.django_db
PROFILE, NOTES = "/sandbox/api/profile", "/sandbox/api/notes"


@pytest.fixture
def owner() -> User:
    make_application()
    return make_user("ada")


def token(owner: User, scope: str) -> str:
    return get_tokens(owner, scope=scope).access_token


def add(access_token: str, document: object) -> Any:
    headers = {"Authorization": f"Bearer {access_token}"}
    return Client().post(NOTES, document, content_type="application/json", headers=headers)


def test_the_profile_says_whose_token_it_is(owner: User) -> None:
    assert call(PROFILE, token(owner, "profile")).json() == {"sub": str(owner.pk), "name": "ada"}


def test_notes_are_written_and_read_by_their_owner_alone(owner: User) -> None:
    Note.objects.create(owner=make_user(), text="not yours")
    access_token = token(owner, "notes:read notes:write")

    written = add(access_token, {"text": " Buy milk "})

    assert written.status_code == 201
    assert [note["text"] for note in call(NOTES, access_token).json()["notes"]] == ["Buy milk"]


@pytest.mark.parametrize(
    "document", [{}, {"text": ""}, {"text": 7}, {"text": "\x00"}, {"text": "x" * 501}, [], "x", None]
)
def test_a_note_must_have_a_text(owner: User, document: object) -> None:
    assert add(token(owner, "notes:write"), document).status_code == 400
    assert not Note.objects.exists()


@pytest.mark.parametrize(
    ("scope", "method", "path", "lacking"),
    [
        ("notes:read notes:write", "get", PROFILE, "profile"),
        ("profile notes:write", "get", NOTES, "notes:read"),
        ("profile notes:read", "post", NOTES, "notes:write"),
    ],
)
def test_without_its_scope_nothing_opens(owner: User, scope: str, method: str, path: str, lacking: str) -> None:
    headers = {"Authorization": f"Bearer {token(owner, scope)}"}

    response = getattr(Client(), method)(path, headers=headers)

    assert response.status_code == 403
    assert response["WWW-Authenticate"] == f'Bearer realm="sandbox", error="insufficient_scope", scope="{lacking}"'


@pytest.mark.requirement(111)
def test_an_expired_token_opens_nothing(owner: User) -> None:
    access_token = token(owner, "profile notes:read")
    assert call(PROFILE, access_token).status_code == 200
    AccessToken.objects.update(expires=timezone.now())

    for path in (PROFILE, NOTES):
        response = call(path, access_token)
        assert response.status_code == 401
        assert 'error="invalid_token"' in response["WWW-Authenticate"]


def test_an_unknown_token_is_refused_as_invalid(owner: User) -> None:
    response = call(PROFILE, "unknown")

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="sandbox", error="invalid_token"'


@pytest.mark.parametrize("header", ["", "Basic YTpi", "Bearer", "Bearer ", "Bearer a b"])
def test_without_a_token_the_answer_is_a_challenge(owner: User, header: str) -> None:
    response = Client().get(PROFILE, headers={"Authorization": header})

    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith('Bearer realm="sandbox"')


@pytest.mark.requirement(101)
def test_a_token_in_the_query_opens_nothing(owner: User) -> None:
    access_token = token(owner, "profile")

    response = Client().get(PROFILE, {"access_token": access_token})

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="sandbox"'


@pytest.mark.requirement(101)
def test_a_token_in_a_form_opens_nothing(owner: User) -> None:
    response = Client().post(NOTES, {"access_token": token(owner, "notes:write"), "text": "x"})

    assert response.status_code == 401


@pytest.mark.requirement(101)
def test_a_good_header_does_not_excuse_a_token_in_the_query(owner: User) -> None:
    access_token = token(owner, "profile")

    response = call(f"{PROFILE}?access_token={access_token}", access_token)

    assert response.status_code == 401


def test_no_cache_keeps_what_the_sandbox_says(owner: User) -> None:
    assert "no-store" in call(PROFILE, token(owner, "profile"))["Cache-Control"]


def test_a_session_is_not_a_token(owner: User) -> None:
    browser = Client()
    browser.force_login(owner)

    assert browser.get(PROFILE).status_code == 401
