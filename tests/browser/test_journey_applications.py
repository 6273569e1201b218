"""An application asks, a person chooses, looks at what they allowed, and takes it back; and registers their own."""

import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from oauth2_provider.models import Application
from playwright.sync_api import Page, expect

from integrations.models import Allowance, Connection
from tests.applications.asking import BORROW
from tests.authorization_server.steps import authorization_request, call, exchange, make_application
from tests.browser.conftest import Hub, glance, look, on_every_device, without_javascript
from tests.browser.keyboard import press, tab_to
from tests.browser.test_every_page import connected
from tests.factories import make_registration
from tests.lending import make_allowance

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ASKED = f"/oauth/authorize/?{urlencode(authorization_request(scope=BORROW))}"
PAGE = "/applications/authorized/client-1/"


@pytest.fixture
def two(hub: Hub) -> list[Connection]:
    """Two accounts at one service, one of them with a name that hurts, and one at another."""
    make_application(name="Agenda for teams")
    elsewhere = make_registration(slug="github", provider="github", variables={})
    return [
        connected(hub, name="Work", scope="profile notes:read notes:write"),
        connected(hub, name="A name that is as long as a name may be: " + "wide " * 11, account_label="x" * 120),
        connected(hub, registration=elsewhere, account_label="octocat", scope="read:user repo"),
    ]


def asked(hub: Hub) -> str:
    """What the application asks; the browser is sent back to an address where something answers."""
    redirect_uri = f"{hub.origin}/accounts/signed-out/"
    Application.objects.update(redirect_uris=redirect_uri)
    return f"/oauth/authorize/?{urlencode(authorization_request(scope=BORROW, redirect_uri=redirect_uri))}"


def exchanged(page: Page) -> Any:
    """What the application gets for the code that the browser brought."""
    expect(page).to_have_url(re.compile(r"/accounts/signed-out/\?.*code="))
    parts = urlsplit(page.url)
    redirect_uri = f"{parts.scheme}://{parts.netloc}{parts.path}"
    return exchange(parse_qs(parts.query)["code"][0], redirect_uri=redirect_uri).json()


@on_every_device
def test_choose_use_look_and_remove(hub: Hub, two: list[Connection]) -> None:
    page = hub.open(asked(hub))
    work = page.get_by_role("group", name="Sandbox: Work")
    expect(page.get_by_role("checkbox", checked=True)).to_have_count(0)
    work.get_by_role("checkbox", name="Read your notes").check()
    glance(page, "authorize-choice")
    page.get_by_role("button", name="Allow").click()

    token = exchanged(page)["access_token"]
    assert call("/api/v1/me", token).status_code == 200
    assert Allowance.objects.get().features == ["notes.read", "profile"]

    page = hub.open("/applications/")
    glance(page, "applications")
    page.get_by_role("link", name="Agenda for teams").click()
    hub.is_at(PAGE)
    glance(page, "applications-authorized")
    work = page.get_by_role("group", name="Sandbox: Work")
    expect(work.get_by_role("checkbox", name="Read your notes")).to_be_checked()
    work.get_by_role("checkbox", name="Write notes").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("This is what Agenda for teams may use from now on.")).to_be_visible()
    assert Allowance.objects.get().scope == "notes:read notes:write profile"

    page.get_by_role("link", name="Remove…").click()
    glance(page, "applications-remove")
    page.get_by_role("button", name="Remove").click()
    hub.is_at("/applications/")
    expect(page.get_by_text("It can do nothing for you any more.")).to_be_visible()
    assert call("/api/v1/me", token).status_code == 401


@without_javascript
def test_all_of_it_works_without_javascript(hub: Hub, two: list[Connection]) -> None:
    page = hub.open(asked(hub))
    page.get_by_role("group", name="GitHub: octocat").get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Allow").click()

    assert exchanged(page)["scope"] == BORROW
    assert Allowance.objects.get().connection == two[2]


def test_denying_shares_nothing(hub: Hub, two: list[Connection]) -> None:
    page = hub.open(asked(hub))
    page.get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Deny").click()

    expect(page).to_have_url(re.compile("error=access_denied"))
    assert not Allowance.objects.exists()


def test_the_choice_is_made_by_keyboard(hub: Hub, two: list[Connection]) -> None:
    page = hub.open(asked(hub))
    press(page, "Enter", on="GitHub", tag="summary")
    press(page, "Space", on="Read your notes")
    tab_to(page, "Connect another account")
    press(page, "Enter", on="Allow", tag="button")

    assert exchanged(page)["scope"] == BORROW
    assert Allowance.objects.count() == 1


def test_two_hundred_connections_are_folded_by_service(hub: Hub, two: list[Connection]) -> None:
    for number in range(197):
        connected(hub, name=f"Account {number:03}", sealed=False)
    make_allowance(two[2], features=["account"])

    page = hub.open(ASKED)

    expect(page.get_by_role("group", name="Sandbox: Account 100")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollHeight") < 3000
    look(page, "authorize-many")
    page.get_by_text(re.compile("199 connections")).click()
    page.locator("summary").filter(has_text="Account 100").last.click()
    expect(page.get_by_role("group", name="Sandbox: Account 100")).to_be_visible()


def test_who_has_nothing_connects_first_and_comes_back(hub: Hub) -> None:
    make_application(name="Agenda for teams")
    page = hub.open(ASKED)
    look(page, "authorize-empty")

    page.get_by_role("button", name="Connect an account first").click()
    page.get_by_role("link", name="Sandbox").first.click()
    page.get_by_role("button", name="Continue to Sandbox").click()

    hub.is_under("/oauth/authorize/?")
    expect(page.get_by_role("checkbox").first).to_be_visible()


def test_asked_for_more_than_was_allowed(hub: Hub, two: list[Connection]) -> None:
    make_allowance(two[0], features=["profile"])

    page = hub.open(f"{PAGE}?connection={two[0].uuid}&scope=notes%3Awrite")

    expect(page.get_by_text("The application asked for this.")).to_have_count(1)
    look(page, "applications-asked-for-more")


@on_every_device
def test_register_see_the_secret_once_change_and_delete(hub: Hub) -> None:
    page = hub.open("/applications/")
    page.get_by_role("link", name="Register an application").click()
    glance(page, "applications-register")
    page.get_by_label("Name").fill("Agenda")
    page.get_by_role("radio", name="Web application with a server").check()
    page.get_by_label("Redirect URIs").fill("http://agenda.example/callback")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_text("An address begins with https://.")).to_be_visible()
    glance(page, "applications-register-refused")
    page.get_by_label("Redirect URIs").fill("https://agenda.example/callback")
    page.get_by_role("button", name="Register").click()

    expect(page.get_by_role("heading", name="Copy the secret now")).to_be_visible()
    secret = page.locator("code.copyable").nth(1).inner_text()
    glance(page, "applications-secret-once")
    page.get_by_role("link", name="I have copied it").click()
    hub.is_under("/applications/registered/")
    glance(page, "applications-registered")
    assert secret not in page.content()
    application = Application.objects.get()
    hub.open(f"/applications/registered/{application.client_id}/secret/")
    glance(page, "applications-secret")
    page.get_by_role("button", name="Make another secret").click()
    assert page.locator("code.copyable").nth(1).inner_text() != secret
    page.get_by_role("link", name="I have copied it").click()
    page.get_by_role("link", name="Delete…").click()
    glance(page, "applications-delete")
    page.get_by_role("button", name="Delete").click()
    hub.is_at("/applications/")
    assert not Application.objects.exists()


def test_the_page_of_a_connection_names_who_may_use_it(hub: Hub, two: list[Connection]) -> None:
    make_allowance(two[0], features=["notes.read", "profile"])

    page = hub.open(f"/connections/{two[0].uuid}/")
    look(page, "connection-shared")
    page.get_by_role("link", name="Agenda for teams").click()

    hub.is_at(PAGE)
