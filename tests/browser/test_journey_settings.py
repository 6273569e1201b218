"""Settings in a real browser: on every device, without JavaScript; and the mail they are about."""

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from playwright.sync_api import Page, expect
from pytest_django import Settings

from integrations.models import Preferences
from tests.browser.conftest import Hub, look, on_every_device, without_javascript
from tests.mail.posting import added, broken, sent

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def mailing_hub(hub: Hub, settings: Settings) -> Hub:
    settings.EMAIL_URL = "smtp://localhost:25"
    EmailAddress.objects.create(user=hub.user, email=hub.user.email, verified=True, primary=True)
    return hub


def choose(hub: Hub) -> None:
    """Want less mail, and another language."""
    page = hub.open("/settings/")
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    page.get_by_role("link", name="Notifications").click()
    page.get_by_label("A connection was added").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. This is the mail you get from now on.")).to_be_visible()
    expect(page.get_by_label("A connection was added")).not_to_be_checked()
    expect(page.get_by_label("A connection needs you")).to_be_checked()
    page.locator("main").get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="Language", exact=True).click()
    page.get_by_label("Deutsch").check()
    page.get_by_role("button", name="Save").click()
    page.wait_for_selector("html[lang=de]")
    hub.is_at("/settings/language/")
    expect(page.get_by_label("Deutsch")).to_be_checked()


@on_every_device
def test_choosing_mail_and_language(mailing_hub: Hub) -> None:
    choose(mailing_hub)

    chosen = Preferences.objects.get(user=mailing_hub.user)
    assert (chosen.mail_needs_you, chosen.mail_connected, chosen.language) == (True, False, "de")


@without_javascript
def test_choosing_mail_and_language_without_javascript(mailing_hub: Hub) -> None:
    choose(mailing_hub)

    assert Preferences.objects.get(user=mailing_hub.user).language == "de"


def test_choosing_by_keyboard_alone(mailing_hub: Hub) -> None:
    page = mailing_hub.open("/settings/")
    tab_to(page, "Notifications")
    page.keyboard.press("Enter")
    page.wait_for_url("**/settings/notifications/")
    tab_to(page, "needs_you")
    page.keyboard.press("Space")
    tab_to(page, "Save")
    page.keyboard.press("Enter")

    expect(page.get_by_text("Saved.")).to_be_visible()
    assert not Preferences.objects.get(user=mailing_hub.user).mail_needs_you


def test_how_the_pages_look(mailing_hub: Hub) -> None:
    for name in ("", "notifications/", "language/"):
        look(mailing_hub.open(f"/settings/{name}"), f"settings-{name.strip('/') or 'home'}")


def test_how_they_look_where_no_mail_goes_out(hub: Hub) -> None:
    look(hub.open("/settings/notifications/"), "settings-notifications-no-mail")
    hub.user.email = ""
    hub.user.save()
    look(hub.open("/settings/notifications/"), "settings-notifications-no-address")


@pytest.mark.parametrize("kind", ["needs-you", "connected"])
def test_how_mail_looks(mailing_hub: Hub, kind: str) -> None:
    if kind == "connected":
        agent = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"
        added(mailing_hub.user, user_agent=agent, account_label="robin@example.test")
    else:
        broken(mailing_hub.user, account_label="robin@example.test")
        broken(mailing_hub.user, name="a-very-long-name-without-any-spaces-that-goes-on-and-on-and-on@example.test")
    sent()
    (message,) = mail.outbox
    assert isinstance(message, EmailMultiAlternatives)
    page = mailing_hub.page
    page.goto("about:blank")
    page.set_content(str(message.alternatives[0][0]))

    expect(page.get_by_role("heading", name=str(message.subject))).to_be_visible()
    look(page, f"mail-{kind}")


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has the focus is called so."""
    called = "document.activeElement.name || document.activeElement.textContent.trim()"
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(called) == name:
            return
    raise AssertionError(f"the keyboard does not reach {name}")
