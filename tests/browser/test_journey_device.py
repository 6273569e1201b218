"""Letting a device in: the code, who asks for what, what to do next; with and without JavaScript."""

import pytest
from playwright.sync_api import expect

from hub.authorization_server.models import DeviceAuthorization
from tests.authorization_server.device_steps import begin, make_device_client
from tests.browser.conftest import Hub, look, without_javascript

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.requirement(89)
@without_javascript
def test_enter_the_code_and_allow(hub: Hub) -> None:
    make_device_client(name="Agenda for terminals")
    code = begin(scope="profile connections:read")["user_code"]
    page = hub.open("/device/")
    page.get_by_label("Code").fill(code.lower())
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("heading", name="Allow Agenda for terminals?").wait_for()
    page.get_by_role("button", name="Allow", exact=True).click()

    expect(page.get_by_text("You can close this page and go back to your device.")).to_be_visible()
    assert DeviceAuthorization.objects.get().status == "approved"


def test_the_pages_look_right(hub: Hub) -> None:
    make_device_client(name="Agenda for terminals")
    code = begin(scope="profile connections:read notes:read")["user_code"]
    page = hub.open(f"/device/?user_code={code}")
    look(page, "device-code")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("heading", name="Did you start this?").wait_for()
    look(page, "device-decision")
    page.get_by_role("button", name="Deny").click()
    page.get_by_role("heading", name="The device stays out").wait_for()
    look(page, "device-denied")

    page = hub.open("/device/")
    page.get_by_label("Code").fill("BBBB-BBBB")
    page.get_by_role("button", name="Continue").click()
    page.get_by_text("No device waits with this code.").wait_for()
    look(page, "device-wrong-code")
    look(hub.open("/device/allowed/"), "device-allowed")
    look(hub.open("/device/999/"), "device-over")
