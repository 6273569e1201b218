"""The style page: every component in every state, without a violation, details open too."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Hub, look
from tests.browser.keyboard import tab_to

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

UNFOLD = "document.querySelectorAll('main details').forEach((details) => { details.open = true; })"


def test_every_component_in_every_state(hub: Hub) -> None:
    page = hub.open("/style/")
    look(page, "style")

    page.evaluate(UNFOLD)

    expect(page.locator("main details:not([open])")).to_have_count(0)
    look(page, "style-unfolded")


@pytest.mark.parametrize("path", ["/style/", "/connections/new/"])
def test_text_at_twice_its_size_still_fits(hub: Hub, path: str) -> None:
    page = hub.open(path)

    page.evaluate("document.documentElement.style.fontSize = '200%'")

    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, overflowing(page)


def test_it_reads_from_the_right_too(hub: Hub) -> None:
    page = hub.open("/style/")

    page.evaluate("document.documentElement.dir = 'rtl'")

    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, overflowing(page)


def test_printed_it_is_the_content_alone(hub: Hub) -> None:
    page = hub.open("/style/")

    page.emulate_media(media="print")

    expect(page.locator(".recovery-codes").first).to_be_visible()
    expect(page.locator(".site-header")).not_to_be_visible()
    expect(page.locator(".site-footer")).not_to_be_visible()
    expect(page.get_by_role("button", name="Primary")).not_to_be_visible()


def test_with_the_colours_of_the_system_the_focus_can_be_seen(hub: Hub) -> None:
    page = hub.open("/style/")
    page.emulate_media(forced_colors="active")

    tab_to(page, "Primary", tag="button")

    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_nothing_turns_for_those_who_want_no_motion(hub: Hub) -> None:
    page = hub.open("/style/")
    turning = "getComputedStyle(document.querySelector('button[data-busy]'), '::after').animationName"
    assert page.evaluate(turning) == "turn"

    page.emulate_media(reduced_motion="reduce")

    assert page.evaluate(turning) == "none"


def overflowing(page: Page) -> list[str]:
    """What sticks out, for the message of a failure."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("body *")]
            .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
            .map((element) => element.outerHTML.slice(0, 80))"""
    )
    return found
