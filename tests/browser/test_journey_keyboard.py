"""The main job, from signing in to disconnecting, with the keyboard alone; and without JavaScript."""

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import NARROW, WIDE, Device, Hub, without_javascript
from tests.browser.keyboard import press, tab_to
from tests.factories import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

both_widths = pytest.mark.parametrize(
    "device", [Device(width=WIDE), Device(width=NARROW, scheme="dark")], ids=str, indirect=True
)


def arrive(page: Page, title: str) -> None:
    page.get_by_role("heading", level=1, name=title).wait_for()


@both_widths
def test_the_main_job_by_keyboard_alone(hub: Hub) -> None:
    page = hub.page
    page.context.clear_cookies()
    hub.open("/connections/")

    arrive(page, "Sign in")
    page.keyboard.type(hub.user.username)
    tab_to(page, "Password")
    page.keyboard.type(PASSWORD)
    press(page, "Enter", on="Sign in", tag="button")
    arrive(page, "Your connections")

    press(page, "Enter", on="Add a connection")
    arrive(page, "Add a connection")
    press(page, "Enter", on="Sandbox")
    arrive(page, "Connect Sandbox")
    press(page, "Space", on="Read your notes", tag="input")
    press(page, "Enter", on="Continue to Sandbox")
    page.get_by_text("Sandbox is connected.").wait_for()
    assert hub.user.connections.get().scope == {"profile", "notes:read"}

    press(page, "Enter", on="Disconnect…")
    arrive(page, "Disconnect alice")
    press(page, "Space", on="Disconnect", tag="button")
    page.get_by_text("confirmed that the access has ended").wait_for()
    assert hub.server.grants("alice")[-1].revoked


@both_widths
def test_the_keyboard_skips_to_the_content_and_signs_out(hub: Hub) -> None:
    page = hub.open("/connections/")

    press(page, "Enter", on="Skip to the content")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Add a connection"
    page.reload()
    press(page, "Enter", on="Sign out")

    arrive(page, "You are signed out")


@without_javascript
def test_the_main_job_without_javascript(hub: Hub) -> None:
    page = hub.page
    page.context.clear_cookies()
    hub.open("/connections/")
    page.get_by_label("Username").fill(hub.user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()

    page.get_by_role("link", name="Add a connection").click()
    page.get_by_role("link", name="Sandbox").first.click()
    page.get_by_role("switch", name="Read your notes").check()
    page.get_by_role("button", name="Continue to Sandbox").click()
    page.get_by_text("Sandbox is connected.").wait_for()
    page.get_by_role("link", name="Disconnect…").click()
    page.get_by_role("button", name="Disconnect", exact=True).click()

    page.get_by_text("confirmed that the access has ended").wait_for()
    assert hub.server.grants("alice")[-1].revoked
