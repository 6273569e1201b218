"""Signing in with everything: password, second step, recovery code; on every device, keyboard, no JavaScript."""

import re

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.test import Client
from playwright.sync_api import Page, expect

from tests.browser.conftest import Hub, on_every_device, without_javascript
from tests.browser.test_connection_list import tab_to
from tests.browser.test_sign_in import confirm_by_password
from tests.browser.test_sign_in_second_factor import with_app
from tests.factories import PASSWORD
from tests.web.second_factor import code_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def type_the_password(page: Page) -> None:
    """By keyboard alone: the first field has the focus."""
    expect(page.get_by_label("Username or e-mail address")).to_be_focused()
    page.keyboard.type("robin")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()


@on_every_device
def test_password_and_app_by_keyboard_alone(hub: Hub) -> None:
    secret = with_app(hub)
    hub.page.context.clear_cookies()
    page = hub.open("/accounts/login/?next=/connections/new/")

    type_the_password(page)
    tab_to(page, "Code")
    page.keyboard.type(code_of(secret))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Ask me each time")).to_be_visible()
    tab_to(page, "Ask me each time")
    page.keyboard.press("Enter")

    page.wait_for_url(f"{hub.origin}/connections/new/")


@without_javascript
def test_password_and_app_and_recovery_code_without_javascript(hub: Hub) -> None:
    secret = with_app(hub)
    codes = RecoveryCodes.activate(hub.user).get_unused_codes()
    page = hub.page

    for code in (code_of(secret), codes[0]):
        page.context.clear_cookies()
        hub.open("/accounts/login/?next=/accounts/sessions/")
        page.get_by_label("Username or e-mail address").fill("robin")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_label("Code").fill(code)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_role("button", name="Ask me each time").click()
        page.wait_for_url(f"{hub.origin}/accounts/sessions/")

    page.get_by_role("button", name="Sign out everywhere else").click()
    expect(page.get_by_text("You are signed out everywhere else.")).to_be_visible()


@on_every_device
def test_an_app_is_set_up_and_the_account_is_left_everywhere(hub: Hub) -> None:
    elsewhere = Client()
    elsewhere.post("/accounts/login/", {"login": "robin", "password": PASSWORD})
    hub.page.context.clear_cookies()
    page = hub.open("/accounts/login/?next=/accounts/2fa/")
    page.get_by_label("Username or e-mail address").fill("robin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()

    page.get_by_role("link", name="Set up an app").click()
    confirm_by_password(page)
    page.get_by_text("Type the key instead").click()
    page.get_by_label("Code that the app shows").fill(code_of(page.locator("code").inner_text()))
    page.get_by_role("button", name="Turn on two-step sign-in").click()
    expect(page.get_by_text("Your authenticator app is set up.")).to_be_visible()
    assert Authenticator.objects.filter(user=hub.user, type="totp").exists()
    hub.open("/accounts/sessions/")
    page.get_by_role("button", name="Sign out everywhere else").click()
    expect(page.get_by_text("You are signed out everywhere else.")).to_be_visible()

    assert elsewhere.get("/connections/").status_code == 302
    hub.open("/accounts/logout/")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    hub.open("/connections/")
    assert re.match(r"/accounts/login/\?next=/connections/", hub.path)
