"""A person's way through the hub in a real browser, across origins, under the real content security policy."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from integrations.models import Connection
from tests.browser.conftest import Hub, look, sign_in
from tests.factories import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def connect(hub: Hub, *features: str) -> Connection:
    page = hub.open("/connections/new/sandbox/")
    for feature in features:
        page.get_by_role("switch", name=feature).check()
    page.get_by_role("button", name="Continue to Sandbox").click()
    page.get_by_text("Sandbox is connected.").wait_for()
    return hub.user.connections.get()


def test_connect_use_ask_for_more_and_disconnect(hub: Hub) -> None:
    page = hub.open("/connections/")
    page.get_by_role("link", name="Add a connection").click()
    page.get_by_role("link", name="Sandbox").click()
    page.get_by_role("button", name="Continue to Sandbox").click()
    page.get_by_text("Sandbox is connected.").wait_for()
    expect(page.get_by_role("heading", name="alice")).to_be_visible()

    page.get_by_role("button", name="Enable Read your notes").click()
    page.get_by_text("Your connection to Sandbox was updated.").wait_for()
    page.get_by_role("button", name="Try it Read your notes").click()
    expect(page.get_by_text("a note of alice").first).to_be_visible()
    look(page, "console-tried")

    page.get_by_role("link", name="Back to the connection").click()
    page.get_by_role("button", name="Test connection").click()
    page.get_by_text("It works: Sandbox answered with status 200.").wait_for()
    look(page, "connection-tested")

    page.get_by_text("Rename", exact=True).click()
    page.get_by_label("Name").fill("Private")
    page.get_by_role("button", name="Save the name").click()
    expect(page.get_by_role("heading", name="Private")).to_be_visible()

    page.get_by_role("link", name="Disconnect…").click()
    page.get_by_role("button", name="Disconnect", exact=True).click()
    page.get_by_text("confirmed that the access has ended").wait_for()
    assert hub.server.grants("alice")[-1].revoked
    look(page, "connections-disconnected")


def test_a_provider_may_send_the_browser_on_to_origins_nobody_knows(hub: Hub, page: Page) -> None:
    def sign_in_elsewhere(route: Route) -> None:
        url = route.request.url.replace("127.0.0.1", "localhost")
        route.fulfill(status=302, headers={"Location": url})

    page.route(f"{hub.server.origin}/oauth/authorize/**", sign_in_elsewhere)

    connect(hub)


def test_the_code_is_nowhere_after_coming_back(hub: Hub, page: Page) -> None:
    connection = connect(hub)

    hub.is_at(f"/connections/{connection.uuid}/connected/")
    assert page.evaluate("document.referrer") == ""
    code = hub.server.secrets_issued()[0] if hasattr(hub.server, "secrets_issued") else "code-"
    assert code not in page.content()


@pytest.mark.requirement(33)
def test_nobody_else_is_asked_for_anything_on_the_way(hub: Hub, page: Page) -> None:
    seen: list[str] = []
    referrers: list[str] = []

    def note(request: object) -> None:
        seen.append(request.url)  # type: ignore[attr-defined]
        referrers.append(request.headers.get("referer", ""))  # type: ignore[attr-defined]

    page.on("request", note)
    hub.open("/connections/callback/sandbox/?code=canary-code&state=canary-state")
    page.get_by_role("link", name="Start again").click()
    page.get_by_role("button", name="Continue to Sandbox").click()
    page.get_by_text("Sandbox is connected.").wait_for()

    origins = {"/".join(url.split("/")[:3]) for url in seen}
    assert origins == {hub.origin, hub.server.origin}
    assert not [url for url in referrers if "code=" in url or "state=" in url]
    to_the_provider = [r for url, r in zip(seen, referrers, strict=True) if url.startswith(hub.server.origin)]
    assert set(to_the_provider) == {""}


def test_the_back_button_leads_to_the_choice_and_not_into_a_loop(hub: Hub, page: Page) -> None:
    page.route(
        f"{hub.server.origin}/oauth/authorize/**",
        lambda route: route.fulfill(status=200, content_type="text/html", body="<title>Sign in</title>"),
    )
    hub.open("/connections/new/sandbox/")
    page.get_by_role("button", name="Continue to Sandbox").click()
    page.wait_for_url(f"{hub.server.origin}/**")

    page.go_back()

    hub.is_at("/connections/new/sandbox/")


def test_everything_works_without_javascript(hub: Hub, another_page: Callable[..., Page]) -> None:
    page = another_page(java_script_enabled=False)
    sign_in(page.context, hub.user, origin=hub.origin)
    page.goto(hub.origin + "/connections/new/sandbox/")
    page.get_by_role("switch", name="Read your notes").check()
    page.get_by_role("button", name="Continue to Sandbox").click()
    page.get_by_text("Sandbox is connected.").wait_for()
    page.get_by_role("button", name="Try it Read your notes").click()

    expect(page.get_by_text("a note of alice").first).to_be_visible()
    page.get_by_role("link", name="Back to the connection").click()
    expect(page.locator("main")).to_contain_text("UTC")


def test_the_keyboard_reaches_the_content_first(hub: Hub, page: Page) -> None:
    hub.open("/connections/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip-link"

    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    assert page.evaluate("document.activeElement.textContent") == "Add a connection"


def test_times_are_told_in_the_readers_zone(hub: Hub, another_page: Callable[..., Page]) -> None:
    connection = connect(hub)
    Connection.objects.filter(pk=connection.pk).update(created_at="2031-03-04T23:30:00Z")
    page = another_page(timezone_id="Asia/Tokyo")
    sign_in(page.context, hub.user, origin=hub.origin)

    page.goto(f"{hub.origin}/connections/{connection.uuid}/")

    expect(page.get_by_text("5 Mar 2031, 08:30")).to_be_visible()


def test_signing_out_ends_it(hub: Hub, page: Page) -> None:
    hub.open("/connections/")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    hub.open("/connections/")

    hub.is_under("/accounts/login/")
    page.get_by_role("textbox").first.fill(hub.user.username)
    page.locator("input[type=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your connections")).to_be_visible()
    hub.is_at("/connections/")


def test_pages_of_refusal(hub: Hub, page: Page) -> None:
    hub.open("/connections/new/sandbox/")
    page.context.clear_cookies(name="hub_test_csrf")
    page.get_by_role("button", name="Continue to Sandbox").click()
    expect(page.get_by_role("heading", name="This form is out of date")).to_be_visible()
    look(page, "403-csrf")
