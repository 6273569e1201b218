"""Before leaving for a provider and after coming back: what may the hub do, which instance, what was granted."""

import pytest
from playwright.sync_api import Page, expect

from integrations.models import ClientRegistration
from tests.browser.conftest import Hub, look, on_every_device, without_javascript
from tests.fakes.registration import register_helpdesk

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CHOICE = "/connections/new/sandbox/"


@pytest.fixture
def helpdesk(hub: Hub) -> ClientRegistration:
    return register_helpdesk(hub.server)


@on_every_device
def test_choose_leave_and_read_what_was_granted(hub: Hub) -> None:
    page = hub.open(CHOICE)
    expect(page.get_by_role("switch", name="Know who you are")).to_be_disabled()
    expect(page.get_by_role("switch", name="Know who you are")).to_be_checked()
    page.get_by_text("Technical details of “Read your notes”").click()
    expect(page.get_by_text("notes:read")).to_be_visible()
    page.get_by_role("switch", name="Read your notes").click()
    page.get_by_role("switch", name="Write notes").check()
    hub.server.conduct.granted_scope = frozenset({"profile", "notes:read"})
    page.get_by_role("button", name="Continue to Sandbox").click()

    page.wait_for_url("**/connected/")
    expect(page.get_by_text("stays off")).to_contain_text("Write notes stays off.")
    page.reload()
    expect(page.get_by_role("heading", name="Sandbox is connected.")).to_be_visible()
    hub.server.conduct.granted_scope = None
    page.get_by_role("button", name="Ask Sandbox again").click()

    page.get_by_role("heading", name="Your connection to Sandbox was updated.").wait_for()
    expect(page.get_by_text("stays off")).to_have_count(0)


def test_the_pages_look_right(hub: Hub, helpdesk: ClientRegistration) -> None:
    page = hub.open(CHOICE)
    page.get_by_role("switch", name="Read your notes").check()
    look(page, "provider")
    page.get_by_role("switch", name="Write notes").check()
    hub.server.conduct.granted_scope = frozenset({"profile", "notes:read", "admin:all"})
    page.get_by_role("button", name="Continue to Sandbox").click()
    page.wait_for_url("**/connected/")
    look(page, "connected-with-less")

    hub.open("/connections/consent/?provider=sandbox&feature=notes.write")
    look(page, "consent-upgrade")
    hub.open("/connections/consent/?provider=helpdesk&feature=tickets.write")
    look(page, "consent-new")
    hub.open(CHOICE)
    look(page, "provider-connected")
    hub.open("/connections/new/helpdesk/")
    look(page, "provider-questions")


@pytest.mark.parametrize("colours", ["active", "none"])
def test_a_switch_shows_its_state_in_forced_colours(hub: Hub, colours: str) -> None:
    hub.page.emulate_media(forced_colors=colours)  # type: ignore[arg-type]
    page = hub.open(CHOICE)
    switch = page.get_by_role("switch", name="Read your notes")

    off = switch.evaluate("element => getComputedStyle(element).backgroundColor")
    switch.check()
    page.wait_for_function(
        "([element, off]) => getComputedStyle(element).backgroundColor !== off", arg=[switch.element_handle(), off]
    )


@on_every_device
def test_a_bad_answer_is_explained_and_a_good_one_goes_on(hub: Hub, helpdesk: ClientRegistration) -> None:
    page = hub.open("/connections/new/helpdesk/")
    page.get_by_role("switch", name="Read your tickets").check()
    page.get_by_label("Your help desk").fill("Not a desk!")
    page.get_by_label("Region").select_option("us")
    page.get_by_role("button", name="Continue to Helpdesk").click()

    expect(page.get_by_role("alert")).to_contain_text("Nothing was sent yet")
    expect(page.get_by_label("Your help desk")).to_have_value("Not a desk!")
    expect(page.get_by_label("Region")).to_have_value("us")
    expect(page.get_by_role("switch", name="Read your tickets")).to_be_checked()
    page.get_by_label("Your help desk").fill("acme")
    page.get_by_role("button", name="Continue to Helpdesk").click()

    page.get_by_role("heading", name="Helpdesk is connected.").wait_for()
    connection = hub.user.connections.get()
    assert connection.variables == {"desk": "acme", "region": "us"}
    assert connection.scope == {"profile", "notes:read"}
    assert hub.server.requests("token")[-1].path == "/us/acme/oauth/token/"


def test_a_refused_answer_looks_right(hub: Hub, helpdesk: ClientRegistration) -> None:
    page = hub.open("/connections/new/helpdesk/")
    page.get_by_label("Your help desk").fill("Not a desk!")
    page.get_by_role("button", name="Continue to Helpdesk").click()
    expect(page.get_by_role("alert")).to_be_visible()

    look(page, "provider-refused-answer")


def test_by_keyboard_alone(hub: Hub) -> None:
    page = hub.open(CHOICE)
    page.get_by_role("switch", name="Read your notes").focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("switch", name="Read your notes")).to_be_checked()
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Continue to Sandbox":
            break
    page.keyboard.press("Enter")

    page.wait_for_url("**/connected/")
    expect(page.get_by_role("heading", name="Sandbox is connected.")).to_be_visible()
    assert hub.user.connections.get().scope == {"profile", "notes:read"}


@without_javascript
def test_without_javascript(hub: Hub, helpdesk: ClientRegistration) -> None:
    page = hub.open("/connections/new/helpdesk/")
    page.get_by_role("switch", name="Read your tickets").check()
    page.get_by_role("switch", name="Write tickets").check()
    page.get_by_label("Your help desk").fill("NO")
    page.get_by_role("button", name="Continue to Helpdesk").click()
    page.get_by_label("Your help desk").fill("acme")
    hub.server.conduct.granted_scope = frozenset({"profile"})
    page.get_by_role("button", name="Continue to Helpdesk").click()
    page.get_by_role("heading", name="Helpdesk is connected.").wait_for()
    expect(page.get_by_text("Read your tickets stays off.")).to_be_visible()
    hub.server.conduct.granted_scope = None
    page.get_by_role("button", name="Ask Helpdesk again").click()

    page.get_by_role("heading", name="Your connection to Helpdesk was updated.").wait_for()
    assert hub.user.connections.get().scope == {"profile", "notes:read", "notes:write"}


@on_every_device
def test_a_denial_leaves_everything_as_it_was(hub: Hub, page: Page) -> None:
    hub.open(CHOICE)
    page.get_by_role("button", name="Continue to Sandbox").click()
    page.wait_for_url("**/connected/")
    page.route(
        f"{hub.server.origin}/oauth/authorize/**",
        lambda route: route.continue_(headers={**route.request.headers, "X-Fake-Error": "access_denied"}),
    )
    page.get_by_role("button", name="Enable Read your notes").click()

    page.get_by_role("heading", name="You did not allow access").wait_for()
    expect(page.get_by_text("nothing you had connected before has changed")).to_be_visible()
    assert hub.user.connections.get().scope == {"profile"}
