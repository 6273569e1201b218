"""Dangerous things ask once more who it is, keys are their owner's alone, no credential breaks a page."""

import json
import re
from typing import Any
from unittest.mock import ANY

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import User
from django.test import Client

from tests.factories import PASSWORD, make_user
from tests.web.second_factor import code_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    user = make_user("ada")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    EmailAddress.objects.create(user=user, email="ada@home.example", verified=True)
    return user


@pytest.fixture
def client(ada: User) -> Client:
    client = Client()
    client.force_login(ada)
    return client


def make_key(user: User) -> Authenticator:
    """A key whose cryptography nobody asks for."""
    return Authenticator.objects.create(user=user, type="webauthn", data={"name": "Laptop", "credential": {}})


def snapshot(user: User) -> object:
    return (
        list(EmailAddress.objects.filter(user=user).order_by("pk").values()),
        list(Authenticator.objects.filter(user=user).values("pk", "type", "data")),
    )


@pytest.mark.parametrize("action", ["action_add", "action_remove", "action_primary"])
def test_a_change_of_addresses_is_confirmed_and_then_happens(ada: User, client: Client, action: str) -> None:
    before = snapshot(ada)
    address = "new@home.example" if action == "action_add" else "ada@home.example"

    asked = client.post("/accounts/email/", {action: "", "email": address})
    assert asked.headers["Location"] == "/accounts/reauthenticate/?next=%2Faccounts%2Femail%2F"
    assert snapshot(ada) == before

    client.post("/accounts/reauthenticate/", {"password": "wrong", "next": "/accounts/email/"})
    assert snapshot(ada) == before
    client.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": "/accounts/email/"})
    assert snapshot(ada) != before


@pytest.mark.parametrize(
    "path",
    [
        "totp/activate/",
        "totp/deactivate/",
        "webauthn/add/",
        "webauthn/keys/{key}/edit/",
        "webauthn/keys/{key}/remove/",
        "recovery-codes/",
        "recovery-codes/generate/",
        "recovery-codes/download/",
    ],
)
def test_whatever_touches_a_second_factor_is_confirmed(ada: User, client: Client, path: str) -> None:
    key = make_key(ada)
    if "activate" not in path or "deactivate" in path:
        TOTP.activate(ada, generate_totp_secret())
        Authenticator.objects.create(user=ada, type="recovery_codes", data={"seed": "a" * 80, "used_mask": 0})
    before = snapshot(ada)
    path = "/accounts/2fa/" + path.format(key=key.pk)

    for response in (client.get(path), client.post(path, {"name": "Mine", "code": "1"})):
        assert response.status_code in {302, 405}
        assert "/reauthenticate/?next=" in response.headers.get("Location", "/reauthenticate/?next=")

    assert snapshot(ada) == before


def test_a_confirmation_is_good_for_a_while_and_no_longer(client: Client) -> None:
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert client.get("/accounts/2fa/totp/activate/").status_code == 200

    session = client.session
    session["account_authentication_methods"][-1]["at"] -= 301
    session.save()

    assert client.get("/accounts/2fa/totp/activate/").status_code == 302


@pytest.mark.requirement(111, 135)
@pytest.mark.parametrize("page", ["edit", "remove"])
def test_the_key_of_another_person_looks_like_none(ada: User, client: Client, page: str) -> None:
    theirs = make_key(make_user("grace"))
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})

    for send in (client.get, client.post):
        answers = [send(f"/accounts/2fa/webauthn/keys/{pk}/{page}/", {"name": "x"}) for pk in (theirs.pk, 999_999)]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert words_of(answers[0]) == words_of(answers[1])

    assert Authenticator.objects.get().data == {"name": "Laptop", "credential": ANY}


@pytest.mark.requirement(129)
def test_the_session_gets_another_id_at_the_second_step(ada: User) -> None:
    secret = generate_totp_secret()
    TOTP.activate(ada, secret)
    client = Client()
    client.post("/accounts/login/", {"login": "ada", "password": PASSWORD})
    before = client.session.session_key
    assert "_auth_user_id" not in client.session

    client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    client.post("/accounts/2fa/trust/", {"action": "skip"})

    assert client.session["_auth_user_id"] == str(ada.pk)
    assert client.session.session_key != before
    assert before and not client.session.exists(before)


def test_a_code_works_once(ada: User) -> None:
    secret = generate_totp_secret()
    TOTP.activate(ada, secret)
    pages = []
    for _ in range(2):
        client = Client()
        client.post("/accounts/login/", {"login": "ada", "password": PASSWORD})
        pages.append(client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)}))

    assert [page.status_code for page in pages] == [302, 200]


CREDENTIALS: list[object] = [
    None,
    1,
    "",
    "text",
    [],
    {},
    {"id": 1},
    {"id": "a", "rawId": "a", "response": {}, "type": "public-key"},
    {"id": "YQ", "rawId": "YQ", "response": {"clientDataJSON": "e30", "authenticatorData": "YQ", "signature": "YQ"}},
    {
        "id": "YQ",
        "rawId": "YQ",
        "type": "public-key",
        "response": {"clientDataJSON": "e30", "authenticatorData": "", "signature": "", "userHandle": "MQ"},
    },
    {
        "id": "YQ",
        "rawId": "YQ",
        "type": "public-key",
        "response": {
            "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoiYSIsIm9yaWdpbiI6ImEifQ",
            "authenticatorData": "A" * 50,
            "signature": "YQ",
            "userHandle": None,
        },
    },
    {"id": {}, "rawId": [], "response": "", "type": 0},
    {"response": {"userHandle": {}}},
    {"response": None},
]


@pytest.mark.parametrize("credential", CREDENTIALS, ids=range(len(CREDENTIALS)))
@pytest.mark.parametrize("path", ["login", "add", "reauthenticate", "second step"])
def test_no_credential_breaks_a_page(ada: User, path: str, credential: object) -> None:
    TOTP.activate(ada, generate_totp_secret())
    client = Client()
    form = {"credential": json.dumps(credential), "name": "x"}

    response = client_at(client, ada, path).post(address_of(path), form)

    assert response.status_code in {200, 302}
    assert path != "login" or "_auth_user_id" not in client.session


def address_of(path: str) -> str:
    return "/accounts/2fa/authenticate/" if path == "second step" else f"/accounts/2fa/webauthn/{path}/"


def client_at(client: Client, user: User, path: str) -> Client:
    """The browser of somebody who has been given options, and now answers."""
    if path in ("add", "reauthenticate"):
        client.force_login(user)
        client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    if path == "second step":
        client.post("/accounts/login/", {"login": "ada", "password": PASSWORD})
    client.get(address_of(path), headers={"Accept": "application/json"})
    return client


def words_of(response: Any) -> str:
    """The page but for its CSRF token, which is masked anew in each, and the code of the request."""
    return re.sub(r'value="\w{64}"|<code data-varies>\w+</code>', "", response.content.decode())
