"""What a page says while the hub works, and while it is out of reach."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Hub, look
from tests.browser.test_connection_list import held, watched

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def line_of(page: Page) -> Locator:
    return page.locator("[data-live-status]")


def test_a_form_is_sent_once_and_says_that_it_is_busy(hub: Hub) -> None:
    page = hub.open("/connections/new/sandbox/")
    page.clock.install()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    # No content: the browser stays where it is, as while it waits.
    page.route("**/connections/begin/**", lambda route: route.fulfill(status=204))
    button = page.get_by_role("button", name="Continue to Sandbox")
    width = button.evaluate("(button) => button.offsetWidth")

    button.click(no_wait_after=True)
    expect(button).to_have_attribute("aria-disabled", "true")
    button.dispatch_event("click")
    button.press("Enter")
    page.clock.run_for(700)

    assert sent == [f"{hub.origin}/connections/begin/sandbox/"]
    expect(line_of(page)).to_have_text("Working on it…")
    assert button.evaluate("(button) => button.offsetWidth") == width
    look(page, "provider-busy")
    page.clock.run_for(20_000)
    expect(button).not_to_have_attribute("aria-disabled", "true")
    expect(line_of(page)).to_have_text("")


def test_a_page_that_comes_back_from_the_cache_can_be_used_again(hub: Hub) -> None:
    page = hub.open("/connections/new/sandbox/")
    page.route("**/connections/begin/**", lambda route: route.fulfill(status=204))
    button = page.get_by_role("button", name="Continue to Sandbox")
    button.click(no_wait_after=True)
    expect(button).to_have_attribute("aria-disabled", "true")

    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")

    expect(button).not_to_have_attribute("aria-disabled", "true")
    expect(line_of(page)).to_have_text("")


def test_a_form_whose_answer_is_a_file_is_never_busy(hub: Hub) -> None:
    page = hub.open("/connections/new/sandbox/")
    page.route("**/connections/begin/**", lambda route: route.fulfill(status=204))
    page.evaluate("document.querySelector('main form').dataset.busy = 'off'")
    button = page.get_by_role("button", name="Continue to Sandbox")

    button.click(no_wait_after=True)

    expect(button).not_to_have_attribute("aria-disabled", re.compile(""))


def test_a_hub_out_of_reach_is_said_and_forgotten_when_it_is_back(hub: Hub) -> None:
    held(hub, "Work")
    page = watched(hub)

    page.route("**/connections/", lambda route: route.abort())
    page.clock.run_for(21_000)
    expect(page.locator("[data-live-status]")).to_contain_text("No connection to the hub.")
    expect(page.locator(".connection-row-title")).to_have_text(["Work"])
    look(page, "connections-lost")

    page.unroute("**/connections/")
    page.clock.run_for(21_000)
    expect(page.locator("[data-live-status]")).to_have_text("Connected again.")
    page.clock.run_for(5_000)
    expect(page.locator("[data-live-status]")).to_have_text("")


def test_losing_the_network_is_noticed_at_once(hub: Hub) -> None:
    held(hub, "Work")
    page = watched(hub)

    page.context.set_offline(True)
    expect(page.locator("[data-live-status]")).to_contain_text("No connection to the hub.")
    page.context.set_offline(False)

    expect(page.locator("[data-live-status]")).to_have_text("Connected again.")


def test_a_hub_that_fails_says_so_and_puts_no_error_into_the_list(hub: Hub) -> None:
    held(hub, "Work")
    page = watched(hub)

    page.route("**/connections/", lambda route: route.fulfill(status=500, body="<h1>Broken</h1>"))
    page.clock.run_for(21_000)

    expect(page.locator("[data-live-status]")).to_contain_text("The hub could not answer.")
    expect(page.locator(".connection-row-title")).to_have_text(["Work"])
    expect(page.get_by_text("Broken")).not_to_be_visible()
