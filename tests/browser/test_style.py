"""The style page: every component in every state, without a violation, details open too."""

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Hub, look

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

UNFOLD = "document.querySelectorAll('main details').forEach((details) => { details.open = true; })"


def test_every_component_in_every_state(hub: Hub) -> None:
    page = hub.open("/style/")
    look(page, "style")

    page.evaluate(UNFOLD)

    assert page.locator("main details:not([open])").count() == 0
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


def overflowing(page: Page) -> list[str]:
    """What sticks out, for the message of a failure."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("body *")]
            .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
            .map((element) => element.outerHTML.slice(0, 80))"""
    )
    return found
