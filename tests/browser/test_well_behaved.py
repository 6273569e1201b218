"""What the other tests rely on: every browser of theirs notices what it must not do."""

import ast
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route

from tests.browser.conftest import Hub, sign_in, well_behaved

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

INLINE_SCRIPT = "document.head.append(Object.assign(document.createElement('script'), { textContent: '1' }))"
INLINE_STYLE = "document.body.setAttribute('style', 'color: red')"
ANOTHER_ORIGIN = "document.body.append(Object.assign(new Image(), { src: 'https://elsewhere.example/dot.png' }))"
ERROR = "setTimeout(() => { throw new Error('broken on purpose'); })"


@pytest.mark.requirement(47)
@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        (INLINE_SCRIPT, "Content Security Policy"),
        (INLINE_STYLE, "Content Security Policy"),
        (ANOTHER_ORIGIN, "Content Security Policy"),
        (ERROR, "broken on purpose"),
    ],
)
@pytest.mark.parametrize("path", ["/connections/", "/accounts/login/"])
def test_a_violation_on_any_page_of_any_browser_fails_the_test(
    hub: Hub, chromium: Browser, script: str, complaint: str, path: str
) -> None:
    with pytest.raises(AssertionError, match=complaint), well_behaved(chromium) as context:
        sign_in(context, hub.user, origin=hub.origin)
        context.new_page()
        page = context.new_page()
        page.goto(hub.origin + path)

        with context.expect_event("weberror" if script == ERROR else "console"):
            page.evaluate(script)


@pytest.mark.requirement(47)
def test_it_is_noticed_without_javascript_too(hub: Hub, chromium: Browser) -> None:
    def with_style(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace("<body>", '<body style="color: red">'))

    with (
        pytest.raises(AssertionError, match="Content Security Policy"),
        well_behaved(chromium, java_script_enabled=False) as context,
    ):
        page = context.new_page()
        page.route("**/accounts/login/", with_style)
        with context.expect_event("console"):
            page.goto(f"{hub.origin}/accounts/login/")


def test_no_test_opens_a_browser_that_is_not_watched() -> None:
    opened = {
        path.name
        for path in Path(__file__).parent.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "new_context"
    }

    assert opened == {"conftest.py"}
