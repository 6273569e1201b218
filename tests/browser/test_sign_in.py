"""Signing up, in and out, a lost password, addresses, sessions: in a real browser, by mail that is read."""

import re
from collections.abc import Callable

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django import Settings

from tests.browser.conftest import Hub, look
from tests.factories import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ANOTHER_PASSWORD = "staple battery horse correct"


@pytest.fixture
def mailing_hub(hub: Hub, settings: Settings) -> Hub:
    """Mail goes out, into `mail.outbox`."""
    settings.EMAIL_URL = "smtp://localhost:25"
    return hub


@pytest.fixture
def open_hub(mailing_hub: Hub, settings: Settings) -> Hub:
    """Anyone may sign up, and the visitor has not."""
    settings.HUB_OPEN_SIGN_UP = True
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    settings.MFA_ALLOW_UNVERIFIED_EMAIL = False
    mailing_hub.page.context.clear_cookies()
    return mailing_hub


def link_in_mail() -> str:
    """The address in the newest mail."""
    found = re.search(r"^https?://\S+$", str(mail.outbox[-1].body), re.MULTILINE)
    assert found
    return found[0]


def confirm_by_password(page: Page) -> None:
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()


def test_signing_up_takes_a_link_by_mail(open_hub: Hub) -> None:
    page = open_hub.open("/accounts/login/?next=/connections/new/")
    look(page, "sign-in-open")
    page.get_by_role("link", name="Create an account").click()
    page.get_by_label("Username").fill("ada")
    page.get_by_label("E-mail address").fill("ada@example.test")
    page.get_by_label("Password", exact=True).fill("12345678")
    page.get_by_label("The same password again").fill("1234567")
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_text("This password is too common.")).to_be_visible()
    look(page, "sign-up-refused")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("The same password again").fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()
    look(page, "sign-up-mail-sent")
    assert not EmailAddress.objects.get(email="ada@example.test").verified

    page.goto(link_in_mail())
    look(page, "sign-up-verify")
    page.get_by_role("button", name="Verify the address").click()

    page.wait_for_url(f"{open_hub.origin}/connections/new/")
    expect(page.get_by_text("ada@example.test is verified.")).to_be_visible()
    assert EmailAddress.objects.get(user__username="ada").verified


def test_a_link_that_was_used_is_refused_with_a_way_on(open_hub: Hub) -> None:
    page = open_hub.open("/accounts/confirm-email/no-such-key/")

    expect(page.get_by_role("heading", name="This link is out of date")).to_be_visible()
    look(page, "verify-out-of-date")


def test_pages_of_a_closed_hub(hub: Hub) -> None:
    hub.page.context.clear_cookies()
    page = hub.open("/accounts/login/")
    expect(page.get_by_role("link", name="Create an account")).not_to_be_visible()
    page.get_by_label("Username or e-mail address").fill("robin")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert").first).to_contain_text("The name or the password is not right.")
    look(page, "sign-in-refused")
    for path in ("signup", "password/reset", "inactive", "signed-out"):
        look(hub.open(f"/accounts/{path}/"), path.replace("/", "-"))


def test_a_lost_password(mailing_hub: Hub) -> None:
    page = mailing_hub.page
    page.context.clear_cookies()
    mailing_hub.open("/accounts/login/")
    page.get_by_role("link", name="Forgotten your password?").click()
    look(page, "reset")
    page.get_by_label("E-mail address").fill(mailing_hub.user.email)
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()
    look(page, "reset-sent")
    link = link_in_mail()
    page.goto(link)
    look(page, "reset-choose")
    page.get_by_label("New password", exact=True).fill(ANOTHER_PASSWORD)
    page.get_by_label("The new password again").fill(ANOTHER_PASSWORD)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_role("heading", name="Sign in with the new password")).to_be_visible()
    look(page, "reset-done")

    page.goto(link)
    expect(page.get_by_role("heading", name="This link is out of date")).to_be_visible()
    look(page, "reset-out-of-date")
    mailing_hub.open("/accounts/login/")
    page.get_by_label("Username or e-mail address").fill("robin")
    page.get_by_label("Password").fill(ANOTHER_PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{mailing_hub.origin}/connections/")


def test_another_password_ends_the_other_sessions(hub: Hub) -> None:
    elsewhere = Client()
    elsewhere.force_login(hub.user)
    page = hub.open("/accounts/password/change/")
    page.get_by_label("Current password").fill("wrong")
    page.get_by_label("New password", exact=True).fill(ANOTHER_PASSWORD)
    page.get_by_label("The new password again").fill(ANOTHER_PASSWORD)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_text("This is not your current password.")).to_be_visible()
    look(page, "password-change")
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill(ANOTHER_PASSWORD)
    page.get_by_label("The new password again").fill(ANOTHER_PASSWORD)
    page.get_by_role("button", name="Change the password").click()

    expect(page.get_by_text("Your password is changed.")).to_be_visible()
    assert elsewhere.get("/connections/").status_code == 302


def test_somebody_without_a_password_sets_one(hub: Hub) -> None:
    hub.user.set_unusable_password()
    hub.user.save()
    hub.sign_in(hub.user)

    look(hub.open("/accounts/password/set/"), "password-set")


def test_addresses_are_added_verified_made_primary_and_removed(mailing_hub: Hub) -> None:
    EmailAddress.objects.create(user=mailing_hub.user, email=mailing_hub.user.email, verified=True, primary=True)
    page = mailing_hub.open("/accounts/email/")
    look(page, "addresses")
    page.get_by_label("E-mail address").fill("robin@home.example")
    page.get_by_role("button", name="Add the address").click()
    look(page, "confirm-by-password")
    confirm_by_password(page)
    expect(page.get_by_text("We have sent a link to robin@home.example.")).to_be_visible()
    page.goto(link_in_mail())
    page.get_by_role("button", name="Verify the address").click()
    mailing_hub.open("/accounts/email/")
    page.get_by_role("button", name="Make primary robin@home.example").click()
    expect(page.get_by_text("Your primary address is changed.")).to_be_visible()
    look(page, "addresses-two")
    page.get_by_role("button", name=f"Remove {mailing_hub.user.email}").click()

    expect(page.get_by_text(f"{mailing_hub.user.email} is removed.")).to_be_visible()
    address = EmailAddress.objects.get(user=mailing_hub.user)
    assert (address.email, address.primary, address.verified) == ("robin@home.example", True, True)


def test_sessions_elsewhere_are_ended(hub: Hub) -> None:
    places = []
    for agent in ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1", "curl/8"):
        client = Client(headers={"User-Agent": agent})
        client.post("/accounts/login/", {"login": "robin", "password": PASSWORD})
        places.append(client)
    page = hub.page
    page.context.clear_cookies()
    hub.open("/accounts/login/?next=/accounts/sessions/")
    page.get_by_label("Username or e-mail address").fill("robin")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Safari on iPhone")).to_be_visible()
    expect(page.get_by_role("heading", name="Chrome on Linux")).to_be_visible()
    look(page, "sessions")

    page.get_by_role("button", name="Sign out everywhere else").click()

    expect(page.get_by_text("You are signed out everywhere else.")).to_be_visible()
    expect(page.get_by_role("button", name="Sign out everywhere else")).not_to_be_visible()
    assert [place.get("/connections/").status_code for place in places] == [302, 302]
    hub.open("/connections/")
    hub.is_at("/connections/")


def test_signing_out_says_so(hub: Hub) -> None:
    page = hub.open("/accounts/logout/")
    look(page, "sign-out")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()

    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    page.get_by_role("link", name="Sign in again").click()
    hub.is_at("/accounts/login/")


def test_signing_in_by_keyboard_alone_and_without_javascript(hub: Hub, another_page: Callable[..., Page]) -> None:
    page = another_page(java_script_enabled=False)
    page.goto(f"{hub.origin}/accounts/login/?next=/connections/new/")
    assert "<noscript><p>Passkeys need JavaScript" in page.content()
    expect(page.get_by_label("Username or e-mail address")).to_be_focused()
    page.keyboard.type("robin")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")

    page.wait_for_url(f"{hub.origin}/connections/new/")
