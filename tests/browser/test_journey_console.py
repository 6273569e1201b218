"""The console in a real browser: on every device, by keyboard alone, without JavaScript."""

import json

import pytest
from playwright.sync_api import Page, expect

from integrations.models import Connection
from tests.browser.conftest import Hub, look, on_every_device, without_javascript
from tests.factories import PASSWORD
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.wire import Outgoing

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BODY = '{"text": "Water the plants"}'


def connect(hub: Hub, *features: str) -> Connection:
    page = hub.open("/connections/new/sandbox/")
    for feature in features:
        page.get_by_role("switch", name=feature).check()
    page.get_by_role("button", name="Continue to Sandbox").click()
    page.get_by_text("Sandbox is connected.").wait_for()
    return hub.user.connections.get()


def open_console(hub: Hub, connection: Connection) -> Page:
    return hub.open(f"/connections/{connection.uuid}/console/")


def confirm(page: Page) -> None:
    page.get_by_role("heading", name="Confirm that it is you").wait_for()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    page.get_by_text("What you typed is still here.").wait_for()


@on_every_device
def test_ask_change_and_see_what_happened(hub: Hub) -> None:
    page = open_console(hub, connect(hub, "Read your notes", "Write notes"))
    page.get_by_role("link", name="Fill in Read your notes").click()
    expect(page.get_by_label("Path")).to_have_value("/notes")
    assert hub.server.requests("api") == []
    expect(page.get_by_label("Body")).not_to_be_visible()

    page.get_by_role("button", name="Send").click()
    heading = page.get_by_role("heading", name="Sandbox answered 200 OK")
    expect(heading).to_be_focused()
    expect(page.get_by_text("a note of alice").first).to_be_visible()
    look_at_width(page)

    page.get_by_label("Method").select_option("POST")
    page.get_by_label("Feature").select_option(label="Write notes")
    page.get_by_label("Body").fill(BODY)
    expect(page.get_by_text("The hub cannot undo it.")).to_be_visible()
    page.get_by_role("button", name="Send").click()
    confirm(page)
    expect(page.get_by_label("Body")).to_have_value(BODY)
    assert len(hub.server.requests("api")) == 1

    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Sandbox answered 200 OK")).to_be_focused()
    assert json.loads(hub.server.requests("api")[-1].body) == json.loads(BODY)
    page.get_by_text("The same in Python").first.click()
    expect(page.get_by_text("session.post('/notes', json={'text': 'Water the plants'})")).to_be_visible()
    look_at_width(page)


def look_at_width(page: Page) -> None:
    width = page.evaluate("innerWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@without_javascript
def test_everything_works_without_javascript(hub: Hub) -> None:
    page = open_console(hub, connect(hub, "Read your notes", "Write notes"))
    page.get_by_role("link", name="Fill in Read your notes").click()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Sandbox answered 200 OK")).to_be_visible()

    page.get_by_label("Method").select_option("POST")
    page.get_by_label("Feature").select_option(label="Write notes")
    page.get_by_label("Body").fill(BODY)
    page.get_by_role("button", name="Send").click()
    confirm(page)
    page.get_by_role("button", name="Send").click()

    expect(page.get_by_role("heading", name="Sandbox answered 200 OK")).to_be_visible()
    assert json.loads(hub.server.requests("api")[-1].body) == json.loads(BODY)


def test_the_keyboard_is_enough(hub: Hub) -> None:
    page = open_console(hub, connect(hub, "Read your notes"))

    press_until(page, "Fill in Read your notes")
    page.keyboard.press("Enter")
    page.wait_for_url("**path=%2Fnotes")
    press_until(page, "Send")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Sandbox answered 200 OK")).to_be_focused()
    press_until(page, "a note of alice")

    assert page.evaluate("document.activeElement.tagName") == "PRE"


def press_until(page: Page, words: str) -> None:
    """Tab on until the focus is on what says these words."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if words in page.evaluate("document.activeElement.textContent"):
            return
    raise AssertionError(words)


def test_while_the_provider_thinks_the_page_says_so(hub: Hub) -> None:
    page = open_console(hub, connect(hub, "Read your notes"))
    page.get_by_label("Path").fill("/notes")
    gate = hub.server.misbehave("api", Behaviour.DELAY_BEFORE_PROCESSING)

    page.get_by_role("button", name="Send").click()
    gate.wait_for_arrival()
    expect(page.get_by_text("Asking Sandbox…")).to_be_visible()
    look(page, "console-asking")
    gate.open()

    expect(page.get_by_role("heading", name="Sandbox answered 200 OK")).to_be_focused()
    expect(page.get_by_text("Asking Sandbox…")).not_to_be_visible()


def test_what_is_wrong_is_said_where_it_is(hub: Hub) -> None:
    page = open_console(hub, connect(hub))
    page.get_by_label("Path").fill("https://evil.example/")
    page.get_by_role("button", name="Send").click()

    expect(page.get_by_label("Path")).to_be_focused()
    expect(page.get_by_text("This is not an address of Sandbox’s API.")).to_be_visible()
    expect(page.get_by_label("Path")).to_have_value("https://evil.example/")
    look(page, "console-wrong-path")


def test_a_feature_that_is_off_is_allowed_on_the_way(hub: Hub) -> None:
    page = open_console(hub, connect(hub))
    look(page, "console-off")
    page.get_by_label("Path").fill("/notes?kept=1")
    page.get_by_label("Feature").select_option(label="Read your notes")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="You have not allowed this yet")).to_be_focused()
    look(page, "console-not-allowed")

    page.get_by_role("link", name="Allow it").click()
    page.get_by_role("button", name="Continue to Sandbox").click()
    page.get_by_text("What you typed is still here.").wait_for()
    expect(page.get_by_label("Path")).to_have_value("/notes?kept=1")
    page.get_by_role("button", name="Send").click()

    expect(page.get_by_role("heading", name="Sandbox answered 200 OK")).to_be_focused()


@pytest.mark.requirement(120)
def test_a_page_of_theirs_is_not_a_page_of_ours(hub: Hub) -> None:
    page = open_console(hub, connect(hub, "Read your notes"))
    hostile = b"<script>document.title='theirs'</script><h1>Sign in</h1><img src=x onerror=\"document.title='theirs'\">"
    answer = Outgoing(status=500, headers={"Content-Type": "text/html"}, body=hostile * 40)
    hub.server.misbehave("api", Behaviour.AS_GIVEN, answer=answer)
    page.get_by_label("Path").fill("/notes")
    page.get_by_role("button", name="Send").click()

    expect(page.get_by_role("heading", name="Sandbox answered 500")).to_be_focused()
    expect(page.get_by_role("heading", name="Sign in")).to_have_count(0)
    expect(page).to_have_title("Try Sandbox · Integration Hub")
    expect(page.locator("main img")).to_have_count(0)
    look(page, "console-hostile")


def test_the_states_of_the_page(hub: Hub) -> None:
    connection = connect(hub, "Read your notes", "Write notes")
    page = open_console(hub, connection)
    page.get_by_label("Method").select_option("DELETE")
    look(page, "console-changing")
    page.get_by_role("link", name="Fill in Read your notes").click()
    page.get_by_role("button", name="Send").click()
    page.get_by_role("heading", name="Sandbox answered 200 OK").wait_for()
    page.get_by_text("The same in Python").first.click()
    look(page, "console-answer")
    hub.server.misbehave("api", Behaviour.INSUFFICIENT_SCOPE)
    page.get_by_role("button", name="Send").click()
    page.get_by_role("heading", name="Sandbox answered 403").wait_for()
    look(page, "console-403")
    hub.server.misbehave("api", Behaviour.DROP_BEFORE_PROCESSING)
    page.get_by_role("button", name="Send").click()
    page.get_by_role("heading", name="Sandbox is not answering").wait_for()
    look(page, "console-offline")


def test_who_was_signed_out_meanwhile_is_asked_to_sign_in(hub: Hub) -> None:
    page = open_console(hub, connect(hub, "Read your notes"))
    page.get_by_label("Path").fill("/notes")
    page.context.clear_cookies()
    page.get_by_role("button", name="Send").click()

    page.get_by_role("heading", name="This form is out of date").wait_for()
