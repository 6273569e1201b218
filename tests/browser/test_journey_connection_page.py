"""The page of a connection in a real browser: enable, rename, see who uses it, disconnect; on any device."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from integrations.flows import access
from integrations.models import Connection
from tests.browser.conftest import Hub, on_every_device, without_javascript
from tests.browser.test_connection_list import tab_to
from tests.factories import make_connection, make_registration, make_use
from tests.fakes.misbehaviour import Behaviour

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def connected(hub: Hub, **fields: object) -> Connection:
    """A connection at the fake provider, as if the person had just made it."""
    page = hub.open("/connections/new/sandbox/")
    page.get_by_role("button", name="Continue to Sandbox").click()
    page.get_by_text("Sandbox is connected.").wait_for()
    connection = hub.user.connections.get()
    if fields:
        Connection.objects.filter(pk=connection.pk).update(**fields)
    return connection


def address(connection: Connection, name: str = "connection") -> str:
    return reverse(f"integrations:{name}", kwargs={"uuid": connection.uuid})


def section(page: Page, heading: str) -> Locator:
    return page.get_by_role("region", name=heading)


@on_every_device
def test_a_feature_is_enabled_in_place(hub: Hub) -> None:
    connection = connected(hub)
    page = hub.open(address(connection))

    page.get_by_role("button", name="Enable Read your notes").click()
    features = section(page, "Features")
    features.get_by_text("Your connection to Sandbox was updated.").wait_for()

    hub.is_at(f"{address(connection)}?at=features")
    expect(features.get_by_role("heading", name="Features")).to_be_in_viewport()
    expect(features.get_by_role("status")).to_be_in_viewport()
    expect(
        features.get_by_role("listitem").filter(has_text="Read your notes").get_by_text("On", exact=True)
    ).to_be_visible()
    expect(section(page, "What happened").get_by_text("Now allowed: Read your notes")).to_be_visible()


@on_every_device
def test_a_use_appears_without_reloading_and_takes_nothing_away(hub: Hub) -> None:
    connection = connected(hub)
    hub.page.clock.install()
    page = hub.open(address(connection))
    page.wait_for_function("() => document.querySelector('#connection[data-htmx-powered]')")
    expect(section(page, "Use").get_by_text("Not used yet. Programs that use it appear here.")).to_be_visible()
    page.get_by_text("Rename", exact=True).click()
    page.get_by_label("Name").fill("Half ty")
    page.get_by_text("Technical details").first.click()
    page.evaluate("window.isTheSame = true")
    page.get_by_label("Name").focus()

    access.token(connection, actor="nightly import")
    page.clock.run_for(21_000)

    expect(section(page, "Use").get_by_text("nightly import")).to_be_visible()
    expect(section(page, "What happened").get_by_text("Used by nightly import")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("Half ty")
    expect(page.get_by_label("Name")).to_be_focused()
    expect(page.get_by_text("profile", exact=True).first).to_be_visible()
    page.get_by_role("button", name="Test connection").focus()
    access.token(connection, actor="report")
    Connection.objects.filter(pk=connection.pk).update(name="Renamed elsewhere")
    page.clock.run_for(21_000)
    expect(section(page, "Use").get_by_text("report")).to_be_visible()
    expect(page.get_by_role("heading", name="Renamed elsewhere")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("Half ty")
    assert page.evaluate("window.isTheSame")


@on_every_device
def test_renaming_where_the_name_is(hub: Hub) -> None:
    connection = connected(hub)
    page = hub.open(address(connection))

    page.get_by_text("Rename", exact=True).click()
    page.get_by_label("Name").fill("Private")
    page.get_by_role("button", name="Save the name").click()

    page.get_by_text("The name was changed.").wait_for()
    expect(page.get_by_role("heading", name="Private")).to_be_in_viewport()
    expect(section(page, "What happened").get_by_text("Renamed by you")).to_be_visible()


@on_every_device
def test_disconnecting_where_the_provider_can_be_told(hub: Hub) -> None:
    connection = connected(hub)
    make_use(connection=connection, now=timezone.now() - timedelta(days=1))
    page = hub.open(address(connection))

    page.get_by_role("link", name="Disconnect…").click()
    expect(page.get_by_text("nightly import used it yesterday and will fail.")).to_be_visible()
    expect(page.get_by_text("The hub tells Sandbox to end the access.")).to_be_visible()
    page.get_by_role("button", name="Disconnect", exact=True).click()
    page.get_by_text("Sandbox confirmed that the access has ended.").wait_for()

    assert hub.server.grants("alice")[-1].revoked
    page = hub.open(address(connection))
    expect(page.get_by_text("Disconnected by you")).to_be_visible()
    expect(section(page, "Use").get_by_text("nightly import")).to_be_visible()
    expect(page.get_by_role("link", name="Connect Sandbox again")).to_be_visible()


@on_every_device
def test_disconnecting_where_the_provider_cannot_be_told(hub: Hub) -> None:
    spotify = make_registration(provider="spotify", slug="spotify", variables={})
    connection = make_connection(owner=hub.user, registration=spotify, account_label="robin")
    there = "https://www.spotify.com/account/apps/"
    page = hub.open(address(connection, "disconnect"))

    expect(page.get_by_role("link", name="remove the hub at Spotify")).to_have_attribute("href", there)
    page.get_by_role("button", name="Disconnect", exact=True).click()
    page.get_by_text("Spotify is disconnected here.").wait_for()

    expect(page.get_by_role("link", name="Remove the hub at Spotify")).to_have_attribute("href", there)
    page = hub.open(address(connection))
    expect(page.get_by_role("link", name="Remove the hub at Spotify")).to_have_attribute("href", there)


@on_every_device
def test_a_test_shows_that_it_runs_and_what_came_out(hub: Hub) -> None:
    connection = connected(hub)
    gate = hub.server.misbehave("userinfo", Behaviour.DELAY_BEFORE_PROCESSING)
    page = hub.open(address(connection))
    page.evaluate("window.isTheSame = true")
    button = page.get_by_role("button", name="Test")

    button.click()
    gate.wait_for_arrival()
    expect(button).to_have_text("Testing…")
    button.click(force=True)
    gate.open()

    expect(page.get_by_role("status").get_by_text("It works: Sandbox answered with status 200.")).to_be_visible()
    expect(button).to_have_text("Test connection")
    expect(button).to_be_focused()
    assert page.evaluate("window.isTheSame")
    assert len(hub.server.requests("userinfo")) == 2  # when it was connected, and once now


@without_javascript
def test_without_javascript(hub: Hub) -> None:
    connection = connected(hub)
    page = hub.open(address(connection))

    page.get_by_role("button", name="Test connection").click()
    page.get_by_text("It works: Sandbox answered with status 200.").wait_for()
    page.get_by_role("button", name="Enable Read your notes").click()
    page.get_by_role("link", name="Continue to Sandbox").or_(page.get_by_text("was updated.")).wait_for()
    section(page, "Features").get_by_text("Your connection to Sandbox was updated.").wait_for()
    page.get_by_text("Rename", exact=True).click()
    page.get_by_label("Name").fill("Private")
    page.get_by_role("button", name="Save the name").click()
    page.get_by_text("Show the numbers").click()
    expect(page.get_by_role("rowheader")).to_have_count(30)
    page.get_by_role("link", name="Disconnect…").click()
    page.get_by_role("button", name="Disconnect", exact=True).click()

    page.get_by_text("Sandbox is disconnected.").wait_for()


def test_by_keyboard_alone(hub: Hub) -> None:
    connection = connected(hub)
    page = hub.open(address(connection))

    tab_to(page, "Test connection")
    page.keyboard.press("Enter")
    page.get_by_text("It works: Sandbox answered with status 200.").wait_for()
    page.get_by_role("button", name="Test connection").wait_for()
    tab_to(page, "Rename")
    page.keyboard.press("Enter")
    tab_to(page, "Name")
    page.keyboard.type("Mine")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Mine").wait_for()
    tab_to(page, "Enable Read your notes")
    page.keyboard.press("Enter")
    page.get_by_text("Your connection to Sandbox was updated.").wait_for()
    tab_to(page, "Disconnect…")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Disconnect Mine?").wait_for()
    tab_to(page, "Disconnect")
    page.keyboard.press("Enter")

    page.get_by_text("Sandbox confirmed that the access has ended.").wait_for()


def test_a_hidden_page_asks_for_nothing(hub: Hub) -> None:
    connection = connected(hub)
    hub.page.clock.install()
    page = hub.open(address(connection))
    page.wait_for_function("() => document.querySelector('#connection[data-htmx-powered]')")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.evaluate("Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true })")
    page.clock.run_for(90_000)

    assert asked == []


def test_an_action_that_fails_is_not_passed_over(hub: Hub) -> None:
    connection = connected(hub)
    page = hub.open(address(connection))
    page.evaluate("window.isTheSame = true")
    page.context.clear_cookies(name="hub_test_csrf")

    page.get_by_role("button", name="Test connection").click()

    page.wait_for_function("() => !window.isTheSame")


def test_a_message_stays_until_it_is_read(hub: Hub) -> None:
    connection = connected(hub)
    hub.page.clock.install()
    page = hub.open(address(connection))
    page.get_by_role("button", name="Test connection").click()
    page.get_by_text("It works: Sandbox answered with status 200.").wait_for()

    access.token(connection, actor="report")
    page.clock.run_for(21_000)
    expect(section(page, "Use").get_by_text("report")).to_be_visible()

    expect(page.get_by_text("It works: Sandbox answered with status 200.")).to_be_visible()
