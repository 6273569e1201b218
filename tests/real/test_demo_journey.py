"""The demo in a real browser, from sign-in to an operator's revocation: what a newcomer does first.

HUB_SCREENSHOTS names a folder for pictures of every page, wide and narrow, light and dark.
"""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.chromium import executable
from tests.real.demo import RunningDemo, demo_marks

pytestmark = [*demo_marks, pytest.mark.browser]

SCREENSHOTS = os.environ.get("HUB_SCREENSHOTS", "")
WIDTHS = (1280, 390)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
CLIENT = "Integration Hub (itself)"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def demo(data: Path) -> Iterator[RunningDemo]:
    with RunningDemo(data) as running:
        yield running


@pytest.fixture
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable())
        yield browser
        browser.close()


@pytest.fixture
def person(chromium: Browser, demo: RunningDemo) -> Iterator[Page]:
    """The person's browser; it fails the test on a script error or a refusal by the content security policy."""
    context = new_context(chromium, demo)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None)
    yield page
    context.close()
    assert complaints == []


def new_context(chromium: Browser, demo: RunningDemo) -> BrowserContext:
    context = chromium.new_context(base_url=demo.url, viewport={"width": WIDTHS[0], "height": 800})
    context.set_default_timeout(15_000)
    return context


def picture(page: Page, name: str) -> None:
    if not SCREENSHOTS:
        return
    for width in WIDTHS:
        for scheme in SCHEMES:
            page.set_viewport_size({"width": width, "height": 800})
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=Path(SCREENSHOTS) / f"demo-{name}-{width}-{scheme}.png", full_page=True)
    page.set_viewport_size({"width": WIDTHS[0], "height": 800})
    page.emulate_media(color_scheme="light")


def sign_in(page: Page, demo: RunningDemo, username: str) -> None:
    page.get_by_label("Username or e-mail address").fill(username)
    page.get_by_label("Password").fill(demo.password(username))
    page.get_by_role("button", name="Sign in").click()


def heading(page: Page, name: str | re.Pattern[str]) -> None:
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def connect_with_profile_only(page: Page) -> None:
    page.get_by_role("link", name="Add a connection").click()
    picture(page, "catalogue")
    page.get_by_role("link", name="Sandbox").click()
    heading(page, "Connect Sandbox")
    for switch in page.get_by_role("switch", disabled=False).all():
        expect(switch).not_to_be_checked()
    picture(page, "provider")
    page.get_by_role("button", name="Continue to Sandbox").click()
    heading(page, f"Allow {CLIENT}?")
    expect(page.get_by_role("main")).to_contain_text("See your name")
    expect(page.get_by_role("main")).not_to_contain_text("notes")
    picture(page, "authorize-first")
    page.get_by_role("button", name="Allow").click()
    heading(page, "demo")
    expect(page.get_by_text("Active", exact=True)).to_be_visible()


def enable(page: Page, title: str, *, asks: str, press: str) -> None:
    """Press a feature's button, read what is asked at the sandbox, and decide."""
    page.get_by_role("button", name=f"Enable {title}").click()
    heading(page, f"Allow {CLIENT}?")
    main = page.get_by_role("main")
    expect(main).to_contain_text(re.compile(rf"New: it would be able to\s+{asks}"))
    expect(main).to_contain_text(re.compile(r"It can already\s+See your name"))
    picture(page, f"authorize-{press.lower()}")
    page.get_by_role("button", name=press).click()


def revoke_in_admin(page: Page, demo: RunningDemo) -> None:
    page.goto("/admin/integrations/connection/")
    sign_in(page, demo, "admin")
    picture(page, "admin-connections")
    page.get_by_role("row", name="demo").get_by_role("checkbox").check()
    page.get_by_role("combobox", name="Action").select_option("revoke_and_wipe")
    page.get_by_role("button", name=re.compile("Run|Go")).click()
    picture(page, "admin-confirm")
    page.get_by_label("Reason").fill("the journey is over")
    page.get_by_role("button", name="Revoke and wipe them").click()
    expect(page.get_by_role("main")).to_contain_text("revoked at the provider")
    picture(page, "admin-done")


def test_a_newcomer_connects_uses_widens_and_an_operator_revokes(
    person: Page, chromium: Browser, demo: RunningDemo, data: Path
) -> None:
    person.goto("/")
    picture(person, "sign-in")
    sign_in(person, demo, "demo")
    heading(person, "Your connections")
    picture(person, "empty")

    connect_with_profile_only(person)
    picture(person, "connection-profile")
    assert not re.search(r"[?&](code|state)=", person.url)
    person.get_by_role("button", name="Test connection").click()
    expect(person.get_by_text("It works: Sandbox answered with status 200.")).to_be_visible()

    enable(person, "Write notes", asks="Write and delete your notes", press="Deny")
    picture(person, "denied")
    person.goto("/connections/")
    person.get_by_role("link", name="demo").click()
    expect(person.get_by_text("Active", exact=True)).to_be_visible()

    enable(person, "Read your notes", asks="Read your notes", press="Allow")
    heading(person, "demo")
    picture(person, "connection-notes")
    assert "notes:read" in live_scope(data)
    connection = person.url
    person.get_by_role("button", name="Try it Read your notes").click()
    expect(person.get_by_role("main")).to_contain_text("Water the plants")
    picture(person, "notes")

    operator = new_context(chromium, demo)
    revoke_in_admin(operator.new_page(), demo)
    operator.close()

    person.goto(connection)
    expect(person.get_by_text("You need to do nothing.")).to_be_visible()
    expect(person.get_by_role("button", name="Reconnect")).to_have_count(0)
    picture(person, "connection-revoked")
    person.goto("/connections/")
    expect(person.get_by_text("Nothing is connected")).to_be_visible()
    assert live_scope(data) == set()


def live_scope(data: Path) -> set[str]:
    """The scope of every access token that the sandbox still honours or would renew."""
    with closing(sqlite3.connect(data / "hub.sqlite3")) as database:
        rows = database.execute("SELECT scope FROM oauth2_provider_accesstoken").fetchall()
    return {scope for (granted,) in rows for scope in granted.split()}
