"""What a machine can say of how a page stands: axe, and targets that are big enough for a finger."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

type Scheme = Literal["light", "dark"]

#: The rules of axe that the other colour scheme can break: it changes colours and nothing else (test_style.py).
OF_COLOURS = ("color-contrast", "link-in-text-block")
AXE = Axe().axe_script
RUN = "(options) => axe.run(document, options).then(({ violations }) => violations)"

#: Django's links fade from one scheme's colour to the other's, and nobody reads them half-way.
SETTLE = """() => document.getAnimations()
    .filter((animation) => animation instanceof CSSTransition)
    .forEach((transition) => transition.finish())"""

TARGETS = (
    "button, summary, .button, .back-link, .site-nav a, .connection-card, .provider-card, "
    "input:not([type=hidden], [type=checkbox], [type=radio]), label:has(> input)"
)
TOO_LOW = """(selector) => [...document.querySelectorAll(selector)]
    .filter((element) => element.checkVisibility() && element.getBoundingClientRect().height < 43.9)
    .map((element) => `${element.tagName} ${element.textContent.trim()}`)"""


def violations_of_accessibility(page: Page, *, rules: Sequence[str] = ()) -> list[str]:
    """What axe finds, as rule and place; by these rules only, if any are given."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    options: dict[str, object] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": list(rules)}
    found = page.evaluate(RUN, options)
    return [f"{rule['id']}: {node['target']} {node['failureSummary']}" for rule in found for node in rule["nodes"]]


def scheme_of(page: Page) -> Scheme:
    return "dark" if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "light"


def settle(page: Page) -> None:
    """End what fades."""
    page.evaluate(SETTLE)


@contextmanager
def in_the_other_scheme(page: Page) -> Iterator[Scheme]:
    """The page in dark colours if it is in light ones, and the other way round, until the end of the block."""
    before = scheme_of(page)
    other: Scheme = "light" if before == "dark" else "dark"
    page.emulate_media(color_scheme=other)
    settle(page)
    yield other
    page.emulate_media(color_scheme=before)
    settle(page)


def small_targets(page: Page) -> list[str]:
    """Buttons, fields and links that stand alone, lower than 44 px."""
    found: list[str] = page.evaluate(TOO_LOW, TARGETS)
    return found
