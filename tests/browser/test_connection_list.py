"""The list of connections in a real browser: every state, by keyboard, without JavaScript, live."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from integrations.models import Connection
from tests.browser.conftest import NARROW, Hub, look, sign_in
from tests.factories import make_connection, make_registration, make_tokens

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Status = Connection.Status
WATCH_SHIFTS = """
    window.shifts = [];
    new PerformanceObserver((list) => window.shifts.push(...list.getEntries().map((entry) => entry.value)))
        .observe({ type: "layout-shift", buffered: true });
"""


def held(hub: Hub, name: str, **fields: object) -> Connection:
    fields = {"registration": hub.registration, "scope": "profile notes:read", **fields}
    return make_connection(owner=hub.user, name=name, sealed=False, **fields)  # type: ignore[arg-type]


def many(hub: Hub, count: int) -> None:
    others = [
        make_registration(provider=provider, slug=provider, variables={"issuer": "https://login.example.test"})
        for provider in ("github", "google", "slack", "oidc")
    ]
    for number in range(count):
        held(
            hub,
            f"Account {number:03}",
            registration=[hub.registration, *others][number % 5],
            account_label=f"robin{number}@example.test",
            last_used_at=timezone.now() - timedelta(hours=number + 1),
        )


def of_every_standing(hub: Hub) -> None:
    now = timezone.now()
    google = make_registration(provider="google", slug="google", variables={})
    off = make_registration(provider="oidc", enabled=False, variables={"issuer": "https://login.example.test"})
    once = {"tokens": make_tokens(refresh_token=None), "due_in": None}
    held(hub, "", account_label="alice@example.test", last_used_at=now - timedelta(hours=3))
    held(hub, "", account_label="a-very-long-account-name-without-any-spaces-that-goes-on-and-on@example.test")
    held(hub, "", registration=google, status=Status.NEEDS_REAUTHORIZATION, last_error_code="invalid_grant")
    held(hub, "Calendar", registration=google, refresh_expires_at=now + timedelta(days=3, hours=1))
    held(hub, "Reports", expires_in=9000, **once)
    held(hub, "Backup", failure_count=3, last_error_code="timeout", account_label="alice@example.test")
    held(hub, "", registration=off, account_label="Alice at the university")
    held(hub, "Old", status=Status.REVOKING)
    held(hub, "Older", status=Status.REVOKED)


def titles(page: Page) -> Locator:
    return page.locator(".connection-row-title")


def test_nothing_is_connected(hub: Hub) -> None:
    page = hub.open("/connections/")

    expect(page.get_by_role("link", name="Add a connection")).to_be_visible()
    look(page, "connections-empty")


def test_one_connection(hub: Hub) -> None:
    held(hub, "Work", account_label="robin@example.test")

    page = hub.open("/connections/")

    expect(page.get_by_text("1 connection", exact=True)).to_be_visible()
    expect(page.get_by_role("search")).not_to_be_visible()
    look(page, "connections-one")


def test_every_standing(hub: Hub) -> None:
    of_every_standing(hub)

    page = hub.open("/connections/")

    expect(page.get_by_text("7 connections, 1 needs you")).to_be_visible()
    expect(page.get_by_text("Needs you: access was withdrawn at Google")).to_be_visible()
    expect(page.get_by_text("Switched off by an operator")).to_be_visible()
    expect(page).to_have_title(re.compile(r"^\(1\) "))
    look(page, "connections")
    page.get_by_role("link", name="2 disconnected connections").click()
    expect(titles(page)).to_have_count(2)
    assert sorted(titles(page).all_inner_texts()) == ["Old", "Older"]
    look(page, "connections-ended")


def test_two_hundred(hub: Hub) -> None:
    many(hub, 200)

    page = hub.open("/connections/")
    page.get_by_role("link", name="Next page").click()

    expect(page.get_by_text("Page 2 of 8")).to_be_visible()
    expect(titles(page).first).to_have_text("Account 025")
    look(page, "connections-page-2")


def test_searching_as_one_types(hub: Hub) -> None:
    many(hub, 60)
    page = hub.open("/connections/?page=2")

    page.get_by_label("Search", exact=True).press_sequentially("robin17")

    expect(page.get_by_role("status")).to_have_text("1 connection found")
    expect(titles(page)).to_have_text(["Account 017"])
    hub.is_at("/connections/?q=robin17")
    expect(page.get_by_label("Search", exact=True)).to_be_focused()
    look(page, "connections-found")
    page.get_by_label("Search", exact=True).fill("nothing like this")
    expect(page.get_by_role("status")).to_have_text("0 connections found")
    look(page, "connections-no-match")
    page.get_by_role("link", name="Show all connections").click()
    hub.is_at("/connections/")


def test_filters_and_words_together(hub: Hub) -> None:
    many(hub, 30)
    held(hub, "Account of old", status=Status.NEEDS_REAUTHORIZATION)
    page = hub.open("/connections/")

    page.get_by_label("Service").select_option("Sandbox")
    expect(page.get_by_role("status")).to_have_text("7 connections found")
    page.get_by_label("Status").select_option("Needs you")

    expect(page.get_by_role("status")).to_have_text("1 connection found")
    hub.is_at("/connections/?status=needs_you&provider=sandbox")
    page.reload()
    expect(titles(page)).to_have_text(["Account of old"])
    expect(page.get_by_label("Status")).to_have_value("needs_you")


@pytest.mark.parametrize("width", [1280, NARROW])
def test_search_and_open_by_keyboard_alone(hub: Hub, width: int) -> None:
    many(hub, 30)
    page = hub.open("/connections/")
    page.set_viewport_size({"width": width, "height": 800})

    tab_to(page, "Search")
    page.keyboard.type("account 021")
    expect(page.get_by_role("status")).to_have_text("1 connection found")
    tab_to(page, "Account 021")
    assert page.evaluate("getComputedStyle(document.activeElement, '::after').outlineStyle") == "solid"
    page.keyboard.press("Enter")

    page.get_by_role("heading", name="Account 021").wait_for()


def test_the_whole_row_opens_the_connection_and_its_button_reconnects(hub: Hub) -> None:
    connection = held(hub, "Work", status=Status.NEEDS_REAUTHORIZATION, last_error_code="invalid_grant")
    page = hub.open("/connections/")

    page.locator(".connection-row").click(position={"x": 600, "y": 20})
    hub.is_at(f"/connections/{connection.uuid}/")
    hub.open("/connections/")
    page.get_by_role("button", name="Reconnect Work").click()

    page.wait_for_url("**/connections/problem/")
    expect(page.get_by_role("heading", level=1)).to_have_text("That is another account")


def test_without_javascript(hub: Hub, another_page: Callable[..., Page]) -> None:
    many(hub, 60)
    page = another_page(java_script_enabled=False)
    sign_in(page.context, hub.user, origin=hub.origin)
    page.goto(f"{hub.origin}/connections/")

    page.get_by_label("Search", exact=True).fill("account")
    page.get_by_label("Service").select_option("Slack")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("12 connections found")).to_be_visible()
    page.goto(f"{hub.origin}/connections/")
    page.get_by_role("link", name="Next page").click()
    page.get_by_role("link", name="Next page").click()

    expect(page.get_by_text("Page 3 of 3")).to_be_visible()
    assert page.locator("time").first.get_attribute("title").endswith("UTC")  # type: ignore[union-attr]


def test_changes_appear_by_themselves_and_take_nothing_away(hub: Hub) -> None:
    many(hub, 60)
    page = watched(hub)
    page.get_by_role("link", name="Account 024").focus()
    scrolled = page.evaluate("scrollY")
    assert scrolled > 0

    Connection.objects.filter(name="Account 020").update(status=Status.NEEDS_REAUTHORIZATION, refresh_due_at=None)
    page.clock.run_for(21_000)

    expect(page.get_by_role("status")).to_have_text("60 connections, 1 needs you")
    expect(titles(page).first).to_have_text("Account 020")
    expect(page).to_have_title(re.compile(r"^\(1\) "))
    expect(page.get_by_role("link", name="Account 024")).to_be_focused()
    assert page.evaluate("scrollY") == scrolled


@pytest.mark.parametrize("script", ["", "delete Element.prototype.moveBefore;"])
def test_the_focus_goes_with_a_row_that_moves(hub: Hub, script: str) -> None:
    many(hub, 30)
    hub.page.add_init_script(script)
    page = watched(hub)
    page.get_by_role("link", name="Account 020").focus()

    Connection.objects.filter(name="Account 020").update(last_used_at=timezone.now())
    page.clock.run_for(21_000)

    expect(page.locator(".connection-row-title").first).to_have_text("Account 020")
    expect(page.get_by_role("link", name="Account 020")).to_be_focused()


def test_a_hidden_page_asks_for_nothing(hub: Hub) -> None:
    held(hub, "Work")
    page = watched(hub)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    visibility = "Object.defineProperty(document, 'visibilityState', {{ value: '{}', configurable: true }})"

    page.evaluate(visibility.format("hidden"))
    page.clock.run_for(90_000)
    assert asked == []

    page.evaluate(visibility.format("visible"))
    with page.expect_response("**/connections/"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert asked == [f"{hub.origin}/connections/"]


def test_signed_out_meanwhile(hub: Hub) -> None:
    held(hub, "Work")
    page = watched(hub)

    page.context.clear_cookies()
    page.clock.run_for(21_000)

    page.wait_for_url("**/accounts/login/**")


def test_a_failing_server_leaves_the_list_as_it_is(hub: Hub) -> None:
    held(hub, "Work")
    page = watched(hub)
    page.route("**/connections/", lambda route: route.fulfill(status=500, body="<h1>Broken</h1>"))

    page.evaluate("document.addEventListener('htmx:finally:request', () => { window.isOver = true; })")
    page.clock.run_for(21_000)
    page.wait_for_function("() => window.isOver")

    expect(titles(page)).to_have_text(["Work"])
    expect(page.get_by_text("Broken")).not_to_be_visible()


def test_nothing_moves_while_it_loads_and_when_it_is_refreshed(hub: Hub) -> None:
    many(hub, 40)
    hub.page.add_init_script(WATCH_SHIFTS)
    page = watched(hub)

    changing = page.locator(".connection-row", has_text="Account 005")
    expect(changing).to_contain_text("Read your notes")
    Connection.objects.filter(name="Account 003").update(last_used_at=timezone.now() - timedelta(hours=4, minutes=50))
    Connection.objects.filter(name="Account 005").update(granted_scope="profile")
    page.clock.run_for(21_000)
    expect(changing).not_to_contain_text("Read your notes")

    assert page.evaluate("window.shifts") == []


def watched(hub: Hub) -> Page:
    """The list under a clock of the test's own."""
    hub.page.clock.install()
    page = hub.open("/connections/")
    page.wait_for_function("() => document.querySelector('#connection-list[data-htmx-powered]')")
    return page


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has the focus is called so."""
    called = "document.activeElement.labels?.[0]?.textContent.trim() ?? document.activeElement.textContent.trim()"
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(called) == name:
            return
    raise AssertionError(f"the keyboard does not reach {name}")
