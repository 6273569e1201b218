"""Wherever signing in asks where to go next, the answer is a page of this site."""

import re
from collections.abc import Callable

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core import mail
from django.test import Client
from pytest_django import Settings

from tests.factories import PASSWORD, make_user
from tests.web.second_factor import code_of

pytestmark = pytest.mark.django_db
HOSTILE = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "/%5cevil.example",
    "/%2fevil.example",
    "/%09/evil.example",
    "/\t/evil.example",
    "https://evil.example",
    "https:evil.example",
    "http://testserver@evil.example/",
    "http://user@testserver/",
    "http://testserver/connections/",
    "http://localhost/connections/",
    "ftp://testserver/",
    "javascript:alert(1)",
    "/connections/%0d%0aSet-Cookie:a=b",
]
NEXT = "/connections/new/"


def signed_in() -> Client:
    client = Client()
    client.force_login(make_user("ada"))
    return client


def after_signing_in(next_path: str) -> str:
    make_user("ada")
    return (
        Client().post("/accounts/login/", {"login": "ada", "password": PASSWORD, "next": next_path}).headers["Location"]
    )


def already_signed_in(next_path: str) -> str:
    return signed_in().get("/accounts/login/", {"next": next_path}).headers["Location"]


def after_the_second_step(next_path: str) -> str:
    secret = generate_totp_secret()
    TOTP.activate(make_user("ada"), secret)
    client = Client()
    client.post("/accounts/login/", {"login": "ada", "password": PASSWORD, "next": next_path})
    client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    return client.post("/accounts/2fa/trust/", {"action": "skip"}).headers["Location"]


def after_signing_out(next_path: str) -> str:
    return signed_in().post("/accounts/logout/", {"next": next_path}).headers["Location"]


def after_confirming_by_password(next_path: str) -> str:
    return signed_in().post("/accounts/reauthenticate/", {"password": PASSWORD, "next": next_path}).headers["Location"]


def after_confirming_by_code(next_path: str) -> str:
    client, secret = signed_in(), generate_totp_secret()
    TOTP.activate(make_user("grace"), secret)
    client.logout()
    client.login(username="grace", password=PASSWORD)
    return client.post("/accounts/2fa/reauthenticate/", {"code": code_of(secret), "next": next_path}).headers[
        "Location"
    ]


def after_another_password(next_path: str) -> str:
    words = {"oldpassword": PASSWORD, "password1": "staple correct horse", "password2": "staple correct horse"}
    return signed_in().post("/accounts/password/change/", {**words, "next": next_path}).headers["Location"]


def after_asking_for_a_reset(next_path: str) -> str:
    return (
        Client()
        .post("/accounts/password/reset/", {"email": "nobody@example.test", "next": next_path})
        .headers["Location"]
    )


def after_verifying(next_path: str) -> str:
    address = EmailAddress.objects.create(user=make_user("ada"), email="ada@home.example")
    client = Client()
    client.force_login(address.user)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.post("/accounts/email/", {"action_send": "", "email": address.email})
    path = re.search(r"/accounts/confirm-email/\S+", str(mail.outbox[-1].body))
    assert path
    return client.post(path[0], {"next": next_path}).headers["Location"]


WAYS = [
    after_signing_in,
    already_signed_in,
    after_the_second_step,
    after_signing_out,
    after_confirming_by_password,
    after_confirming_by_code,
    after_another_password,
    after_asking_for_a_reset,
    after_verifying,
]


@pytest.mark.requirement(128)
@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("way", WAYS)
def test_nobody_is_sent_elsewhere(way: Callable[[str], str], hostile: str) -> None:
    assert re.fullmatch(r"/(connections|accounts/(signed-out|password/reset/done))/", way(hostile))


@pytest.mark.parametrize("way", WAYS)
def test_a_page_of_ours_is_kept(way: Callable[[str], str]) -> None:
    assert way(NEXT) == NEXT


@pytest.mark.requirement(128)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_link_between_the_pages_hands_it_on(settings: Settings, hostile: str) -> None:
    settings.HUB_OPEN_SIGN_UP = True

    for path in ("/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"):
        page = Client().get(path, {"next": hostile}).content.decode()
        assert "evil" not in "".join(re.findall(r'(?:href|action)="[^"]*"', page))


@pytest.mark.requirement(128)
def test_admin_signs_in_on_our_page_and_keeps_where_to_go() -> None:
    client = Client()

    response = client.get("/admin/integrations/connection/?status__exact=active", follow=True)

    assert response.redirect_chain[-1][0] == (
        "/accounts/login/?next=%2Fadmin%2Fintegrations%2Fconnection%2F%3Fstatus__exact%3Dactive"
    )
    assert (
        client.get("/admin/login/?next=//evil.example").headers["Location"].startswith("/accounts/login/?next=%2Fadmin")
    )


def test_admin_refuses_a_person_who_is_no_operator() -> None:
    assert signed_in().get("/admin/login/").status_code == 403


def test_staff_with_a_second_factor_are_asked_for_it_on_the_way_into_admin() -> None:
    operator = make_user("operator", is_staff=True)
    TOTP.activate(operator, generate_totp_secret())
    client = Client()

    response = client.post("/accounts/login/", {"login": "operator", "password": PASSWORD, "next": "/admin/"})

    assert response.headers["Location"] == "/accounts/2fa/authenticate/"
    assert client.get("/admin/").status_code == 302
    assert Authenticator.objects.count() == 1
