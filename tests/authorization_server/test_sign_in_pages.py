"""The pages around signing in: they wear the hub's clothes, and nothing in them needs an exception in the policy."""

import re

import pytest
from django.test import Client
from pytest_django import Settings

from tests.factories import PASSWORD, make_user

pytestmark = pytest.mark.django_db
INLINE = re.compile(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)


@pytest.mark.requirement(131)
@pytest.mark.parametrize("path", ["login/", "signup/", "password/reset/", "inactive/", "password/reset/done/"])
def test_pages_for_everyone_are_ours_and_hold_nothing_inline(path: str) -> None:
    page = Client().get(f"/accounts/{path}")

    html = page.content.decode()
    assert page.status_code == 200
    assert 'class="site-header"' in html
    assert not INLINE.search(html)
    assert "unsafe" not in page["Content-Security-Policy"]


@pytest.mark.requirement(131)
@pytest.mark.parametrize("path", ["logout/", "password/change/", "email/"])
def test_pages_for_a_person_are_ours_and_hold_nothing_inline(path: str) -> None:
    browser = Client()
    browser.force_login(make_user())

    page = browser.get(f"/accounts/{path}", follow=True)

    html = page.content.decode()
    assert page.status_code == 200
    assert 'class="site-header"' in html
    assert not INLINE.search(html)


def test_sign_up_is_closed_and_says_so() -> None:
    assert "Sign-up is closed" in Client().get("/accounts/signup/").content.decode()


@pytest.mark.parametrize("login", ["ada", "ada@example.test"])
def test_a_person_signs_in_by_name_or_address_and_arrives_at_what_they_wanted(login: str) -> None:
    make_user("ada")

    response = Client().post("/accounts/login/", {"login": login, "password": PASSWORD, "next": "/connections/new/"})

    assert response["Location"] == "/connections/new/"


def test_a_wrong_password_is_told_without_repeating_it() -> None:
    make_user("ada")

    page = Client().post("/accounts/login/", {"login": "ada", "password": "wr0ng-pass"}).content.decode()

    assert 'role="alert"' in page
    assert 'value="ada"' in page
    assert "wr0ng-pass" not in page


def test_signing_out_takes_a_post() -> None:
    browser = Client()
    browser.force_login(make_user())

    browser.get("/accounts/logout/")
    assert "_auth_user_id" in browser.session
    browser.post("/accounts/logout/")
    assert "_auth_user_id" not in browser.session


def test_an_open_hub_lets_people_sign_up(settings: Settings) -> None:
    settings.HUB_OPEN_SIGN_UP = True

    page = Client().get("/accounts/signup/").content.decode()

    assert "<h1>" in page
    assert 'name="password1"' in page
    assert 'class="panel"' in page
