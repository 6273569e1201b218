"""Pictures for a person to look at, alike from run to run: HUB_SCREENSHOTS=<folder> has `look` leave them.

What differs each time (ports, codes, moments) is written over while the picture is taken, and put back.
HUB_SCREENSHOTS_OF="1280-light 390-dark" takes these only.
"""

import os
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Page

FOLDER = os.environ.get("HUB_SCREENSHOTS", "")
ONLY = frozenset(os.environ.get("HUB_SCREENSHOTS_OF", "").split())
#: When every picture seems to be taken. Half a minute past, so that what happened just now happened in this minute.
MOMENT = datetime(2031, 3, 4, 9, 30, 30, tzinfo=UTC)

STILL = """([from, to]) => {
    const shift = to - from;
    const month = new Intl.DateTimeFormat("en-GB", { month: "short", timeZone: "UTC" });
    const day = (date) => `${date.getUTCDate()} ${month.format(date).slice(0, 3)} ${date.getUTCFullYear()}`;
    const clock = (date) => date.toISOString().slice(11, 16);
    const days = /\\b(\\d{1,2}) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)[a-z]* (20\\d\\d)\\b/g;
    const fixed = `${new Date(to).getUTCFullYear()}`;
    const moved = (text) => Date.parse(text + " UTC") + Math.round(shift / 864e5) * 864e5;
    const plain = (text) => text
        .replace(/\\b(localhost|127\\.0\\.0\\.1):\\d{4,5}\\b/g, "$1:8000")
        .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "5f0c7c1e-3f4a-4d52-9b7e-2f1d6a9c8e04")
        .replace(/\\b[A-Z2-7]{32}\\b/g, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
        .replace(days, (whole, ...[, , year]) => (year === fixed ? whole : day(new Date(moved(whole)))));
    const still = (node) => {
        const parent = node.parentElement;
        if (parent.closest("script, style")) return node.data;
        if (parent.closest("[data-varies]")) return "3f9c1a7e42";
        if (parent.closest(".recovery-codes")) return node.data.replace(/\\S/g, "7");
        const time = parent.closest("time[datetime]");
        if (time && / 20\\d\\d/.test(node.data) && !time.dateTime.startsWith(fixed)) {
            const date = new Date(Date.parse(time.dateTime) + shift);
            return `${day(date)}, ${clock(date)}`;
        }
        return plain(node.data);
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    window.hubStill = [];
    while (walker.nextNode()) {
        const node = walker.currentNode, text = still(node);
        if (text === node.data) continue;
        window.hubStill.push([node, node.data]);
        node.data = text;
    }
}"""
#: Playwright leaves empty `style` attributes on fields, which htmx would copy to the fields of an answer.
AS_BEFORE = """() => {
    for (const [node, text] of window.hubStill) node.data = text;
    for (const element of document.querySelectorAll('[style=""]')) element.removeAttribute("style");
}"""


def take(page: Page, name: str, *, width: int, scheme: str) -> None:
    """Leave a picture of the whole page, if pictures are wanted."""
    if not FOLDER or (ONLY and f"{width}-{scheme}" not in ONLY):
        return
    page.wait_for_load_state("domcontentloaded")
    page.evaluate(STILL, [datetime.now(UTC).timestamp() * 1000, MOMENT.timestamp() * 1000])
    page.screenshot(
        path=Path(FOLDER) / f"{name}-{width}-{scheme}.png", full_page=True, animations="disabled", caret="hide"
    )
    page.evaluate(AS_BEFORE)
