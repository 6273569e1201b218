"""Who has an account is told to nobody, a second factor to no log and no operator; guesses are counted."""

import logging
import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.usersessions.models import UserSession
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from pytest_django import Settings

from tests.factories import PASSWORD, make_user
from tests.web.second_factor import code_of

pytestmark = pytest.mark.django_db
NEW_PERSON = {"password1": PASSWORD, "password2": PASSWORD}


@pytest.fixture
def open_hub(settings: Settings) -> None:
    settings.HUB_OPEN_SIGN_UP = True
    settings.EMAIL_URL = "smtp://localhost:25"
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"


@pytest.fixture
def ada() -> User:
    user = make_user("ada")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def told(client: Client, response: Any) -> tuple[object, ...]:
    """All that a visitor learns: status, where to, the words of the page there, kinds of cookies."""
    location = response.headers.get("Location", "")
    page = client.get(location) if location else response
    words = re.sub(r'name="csrfmiddlewaretoken" value="\w+"|(ada|nobody)@example.test', "", page.content.decode())
    return response.status_code, location, page.status_code, words, sorted(client.cookies)


@pytest.mark.usefixtures("ada", "open_hub")
def test_a_reset_looks_the_same_for_a_known_and_an_unknown_address() -> None:
    answers = []
    for address in ("ada@example.test", "nobody@example.test"):
        client = Client()
        answers.append(told(client, client.post("/accounts/password/reset/", {"email": address})))

    assert answers[0] == answers[1]
    assert [message.to for message in mail.outbox] == [["ada@example.test"], ["nobody@example.test"]]
    assert "There is no account" in mail.outbox[1].body


@pytest.mark.usefixtures("ada", "open_hub")
def test_signing_up_looks_the_same_for_a_known_and_an_unknown_address() -> None:
    answers = []
    for name, address in (("first", "ada@example.test"), ("second", "nobody@example.test")):
        client = Client()
        form = {**NEW_PERSON, "username": name, "email": address}
        answers.append(told(client, client.post("/accounts/signup/", form)))

    assert answers[0] == answers[1]
    assert answers[0][1] == "/accounts/confirm-email/"
    assert [message.to for message in mail.outbox] == [["ada@example.test"], ["nobody@example.test"]]
    assert "It has one already" in mail.outbox[0].body


@pytest.mark.usefixtures("ada")
def test_signing_in_looks_the_same_for_a_wrong_name_and_a_wrong_password() -> None:
    answers = []
    for name in ("ada", "nobody", "ada@example.test", "nobody@example.test"):
        client = Client()
        page = told(client, client.post("/accounts/login/", {"login": name, "password": "wrong"}))
        answers.append((*page[:3], re.sub(r'value="[\w@.]*"', "", str(page[3])), page[4]))

    assert len(set(map(str, answers))) == 1


class CountingHasher(MD5PasswordHasher):
    """Stands for a slow one: how often it is used is how long a visitor waits."""

    algorithm = "counting"
    used = 0

    def encode(self, password: str, salt: str) -> str:
        type(self).used += 1
        return super().encode(password, salt)


@pytest.mark.requirement(135)
def test_signing_in_takes_as_long_whoever_has_an_account(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    make_user("grace")
    make_user("gone", is_active=False)
    user = make_user("ada")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)

    used = {}
    for name in ("ada", "grace", "gone", "nobody", "ada@example.test", "grace@example.test", "nobody@example.test"):
        before = CountingHasher.used
        Client().post("/accounts/login/", {"login": name, "password": "wrong"})
        used[name] = CountingHasher.used - before

    assert set(used.values()) == {2}, used


def secrets_of(user: User) -> list[str]:
    """What a page or a log must not hold: the app's secret, recovery codes and their seed."""
    found = []
    for row in Authenticator.objects.filter(user=user):
        found += [value for value in row.data.values() if isinstance(value, str)]
        if row.type == "recovery_codes":
            found += row.wrap().generate_codes()
    assert len(found) == 12
    return found


def with_second_factor(client: Client) -> None:
    """Set up an app and look at the recovery codes, as a person does."""
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get("/accounts/2fa/totp/activate/").content.decode()
    secret = re.search(r'class="copyable">(\w+)<', page)
    assert secret
    client.post("/accounts/2fa/totp/activate/", {"code": "123456"})
    client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret[1])})


def test_no_log_holds_a_second_factor(ada: User, caplog: pytest.LogCaptureFixture) -> None:
    client = Client()
    client.force_login(ada)
    with caplog.at_level(logging.DEBUG):
        with_second_factor(client)
        client.get("/accounts/2fa/recovery-codes/")
        client.get("/accounts/2fa/recovery-codes/download/")
        client.post("/accounts/login/", {"login": "ada", "password": PASSWORD})

    said = "\n".join(record.getMessage() for record in caplog.records if record.name != "django.db.backends")
    assert [secret for secret in secrets_of(ada) if secret in said] == []


@pytest.mark.requirement(99)
def test_admin_shows_that_there_is_a_second_factor_and_no_more(ada: User) -> None:
    client = Client()
    client.force_login(ada)
    with_second_factor(client)
    operator = Client()
    operator.force_login(make_user("operator", is_staff=True, is_superuser=True))
    row = Authenticator.objects.get(type="totp")
    pages = [
        operator.get(f"/admin/mfa/authenticator/{path}")
        for path in ("", f"{row.pk}/change/", f"{row.pk}/history/", f"{row.pk}/delete/", "?q=ada")
    ]
    pages.append(operator.post(f"/admin/mfa/authenticator/{row.pk}/change/", {"data": "{}", "type": "totp"}))

    assert [page.status_code for page in pages] == [200, 200, 200, 200, 200, 403]
    assert not [s for s in secrets_of(ada) for page in pages if s in page.content.decode()]
    assert operator.get("/admin/mfa/authenticator/add/").status_code == 403
    assert operator.get("/admin/usersessions/usersession/").status_code == 404


def test_an_operator_lets_in_who_lost_their_phone(ada: User) -> None:
    TOTP.activate(ada, generate_totp_secret())
    operator = Client()
    operator.force_login(make_user("operator", is_staff=True, is_superuser=True))
    operator.post(f"/admin/mfa/authenticator/{Authenticator.objects.get().pk}/delete/", {"post": "yes"})

    response = Client().post("/accounts/login/", {"login": "ada", "password": PASSWORD})

    assert response.headers["Location"] == "/connections/"


@pytest.mark.parametrize("path", ["totp/activate/", "recovery-codes/", "recovery-codes/download/"])
def test_a_page_with_a_secret_is_kept_by_no_cache(ada: User, path: str) -> None:
    client = Client()
    client.force_login(ada)
    if "recovery" in path:
        with_second_factor(client)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})

    page = client.get(f"/accounts/2fa/{path}")

    assert page.status_code == 200
    assert "no-store" in page.headers["Cache-Control"]


@pytest.mark.requirement(133)
@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize(
    ("proxies", "forwarded", "allowed"),
    [
        (0, "203.0.113.{}", False),
        (1, "203.0.113.{}", True),
        (1, "203.0.113.{}, 198.51.100.7", False),
        (2, "203.0.113.{}", False),
    ],
)
def test_guesses_are_counted_by_the_address_that_our_own_proxies_saw(
    settings: Settings, proxies: int, forwarded: str, allowed: bool
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    settings.ACCOUNT_RATE_LIMITS = {"login": "3/m/ip", "login_failed": False}

    answers = [
        Client().post(
            "/accounts/login/", {"login": f"n{n}", "password": "x"}, headers={"X-Forwarded-For": forwarded.format(n)}
        )
        for n in range(5)
    ]

    assert [answer.status_code for answer in answers] == [200] * 5 if allowed else [200, 200, 200, 429, 429]
    if not allowed:
        assert "Too many attempts" in answers[-1].content.decode()


@pytest.mark.requirement(133)
def test_a_session_names_the_address_that_was_seen(ada: User) -> None:
    form = {"login": "ada", "password": PASSWORD}

    Client().post("/accounts/login/", form, headers={"X-Forwarded-For": "203.0.113.9"})

    assert UserSession.objects.get(user=ada).ip == "127.0.0.1"
