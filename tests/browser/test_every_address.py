"""Every address that answers with a page, whatever journeys pass by: held against what is true of all pages."""

from collections import defaultdict
from http import HTTPStatus

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.test import Client
from playwright.sync_api import Page, expect

from integrations.models import Event
from tests.authorization_server.steps import make_application
from tests.browser.conftest import NARROW, WIDE, Hub, glance
from tests.browser.test_every_page import connected
from tests.factories import PASSWORD, make_event
from tests.lending import make_allowance
from tests.web.test_access import Route, routes

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

#: A narrow window, or a wide one at four times the size (WCAG 2.2, 1.4.10).
REFLOW = 320
#: Django's own admin and the page of samples have tests of their own.
OTHERS = ("admin:", "integrations:style")
#: Addresses that show the same page, or ask and say the same for another reason.
OF_ONE_PAGE = (
    {"integrations:connection", "integrations:connected"},
    {"account_reauthenticate", "mfa_reauthenticate"},
    {"account_email_verification_sent", "account_reset_password_done"},
)
#: Errors are told where they happened: each refers to its field, and the field says that it is wrong.
ERRORS_APART = """() => [...document.querySelectorAll(".field-error")]
    .filter((error) => !document.querySelector(`[aria-invalid=true][aria-describedby~="${error.closest("[id]").id}"]`))
    .map((error) => error.textContent)"""
#: Names that more than one element has.
TWICE = """() => [...document.querySelectorAll("[id]")].map((element) => element.id)
    .filter((id, index, ids) => ids.indexOf(id) !== index)"""
#: Levels of headings that leave one out.
LEAPS = """() => [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((heading) => Number(heading.localName[1]))
    .filter((level, index, levels) => level > (levels[index - 1] ?? 0) + 1)"""


@pytest.fixture
def paths(hub: Hub) -> dict[str, str]:
    """What answers with a page to somebody who has everything, name by name."""
    TOTP.activate(hub.user, generate_totp_secret())
    RecoveryCodes.activate(hub.user)
    connection = connected(hub, name="Work")
    make_event(connection=connection, kind=Event.Kind.USED)
    make_application(user=hub.user)
    make_allowance(connection, features=["notes.read", "profile"])
    values = {"uuid": str(connection.uuid), "slug": "sandbox", "pk": "1", "key": "key", "uidb36": "1"}
    values["client_id"] = "client-1"
    client = Client()
    client.cookies.load({cookie["name"]: cookie["value"] for cookie in hub.page.context.cookies()})
    found = [
        (route, route.path(values))
        for route in routes()
        if not route.name.startswith(OTHERS) and set(route.parameters) <= values.keys()
    ]
    return {route.name: path for route, path in found if is_page(client, route, path)}


def is_page(client: Client, route: Route, path: str) -> bool:
    answer = client.get(path)
    is_html = answer.headers.get("Content-Type", "").startswith("text/html")
    return answer.status_code == HTTPStatus.OK and is_html


def test_every_page_of_somebody_signed_in(hub: Hub, paths: dict[str, str]) -> None:
    assert len(paths) > 15
    titles: dict[str, list[str]] = defaultdict(list)

    for name, path in paths.items():
        page = hub.open(path)
        hold(page, name)
        titles[page.title()].append(name)

    assert [names for names in titles.values() if len(names) > 1 and set(names) not in OF_ONE_PAGE] == []


def hold(page: Page, name: str) -> None:
    """Wide, narrow, and at 320 px, light and dark in turn."""
    for width, scheme in ((WIDE, "dark"), (NARROW, "light")):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        glance(page, "every-" + name.replace(":", "-"))
    page.set_viewport_size({"width": REFLOW, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= REFLOW, name
    expect(page.locator("h1"), name).to_have_count(1)
    assert page.evaluate(LEAPS) == [], name
    assert page.evaluate(ERRORS_APART) == [], name
    assert page.evaluate(TWICE) == [], name
    expect(page.locator("html"), name).to_have_attribute("lang", "en-gb")


def test_errors_are_told_where_they_happened(hub: Hub) -> None:
    page = hub.open("/accounts/password/change/")
    page.get_by_label("Current password").fill("wrong" + PASSWORD)
    page.get_by_label("New password", exact=True).fill("1234567")
    page.get_by_label("The new password again").fill("1234567")
    page.get_by_role("button", name="Change the password").click()
    page.locator(".field-error").nth(2).wait_for()

    assert page.evaluate(TWICE) == []
    assert page.evaluate(ERRORS_APART) == []
