"""Hands on the keyboard only: Tab to something, see where one is at every stop, press Enter or Space."""

from playwright.sync_api import Page

STOPS = 80
#: What has the focus: its name, whether that can be seen, whether it is within the window.
WHERE = """() => {
    const element = document.activeElement;
    const own = getComputedStyle(element), after = getComputedStyle(element, "::after");
    const ring = (style) => style.boxShadow !== "none"
        || (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 && !/, 0\\)$/.test(style.outlineColor));
    const box = element.getBoundingClientRect();
    return {
        name: element.getAttribute("aria-label")
            ?? element.labels?.[0]?.textContent.replace(/\\s+/g, " ").trim()
            ?? element.textContent.replace(/\\s+/g, " ").trim(),
        tag: element.localName,
        seen: ring(own) || (after.content !== "none" && ring(after)),
        inside: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    };
}"""


def tab_to(page: Page, name: str, *, tag: str = "") -> None:
    """Press Tab until what has the focus is called so; each stop on the way shows the focus, within the window."""
    passed: list[str] = []
    for _ in range(STOPS):
        page.keyboard.press("Tab")
        where = page.evaluate(WHERE)
        if where["tag"] == "body":
            continue
        passed.append(where["name"])
        assert where["seen"], f"the focus cannot be seen on {where}"
        assert where["inside"], f"the focus is out of sight on {where}"
        if where["name"].startswith(name) and tag in ("", where["tag"]):
            return
    raise AssertionError(f"the keyboard does not reach {name}; it passes {passed}")


def press(page: Page, key: str, *, on: str, tag: str = "") -> None:
    """Tab to something and press a key on it."""
    tab_to(page, on, tag=tag)
    page.keyboard.press(key)
