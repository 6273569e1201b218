"""Submit the admin's forms as a browser does: what the page holds, with some fields changed."""

from html.parser import HTMLParser
from typing import Any

from django.test import Client

# The test client's response: an HttpResponse with more on it, whose class has no public name.
type Page = Any


class _Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.values: list[tuple[str, str]] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        name = attributes.get("name", "")
        if tag == "select":
            self._select = name
        elif tag == "option" and "selected" in attributes:
            self.values.append((self._select, attributes.get("value", "")))
        elif tag == "input" and name and "disabled" not in attributes:
            is_box = attributes.get("type") in ("checkbox", "radio")
            if attributes.get("type") != "submit" and ("checked" in attributes or not is_box):
                self.values.append((name, attributes.get("value", "on" if is_box else "")))


def fields_of(page: Page) -> dict[str, str]:
    """Names and values of the page's inputs, those that a browser would send."""
    parser = _Fields()
    parser.feed(page.content.decode())
    return dict(parser.values)


def submit(client: Client, url: str, **changes: str | None) -> Page:
    """Open a form and submit it with some values changed; None leaves a field out."""
    values = fields_of(client.get(url)) | changes
    return client.post(url, {name: value for name, value in values.items() if value is not None})


def messages_of(page: Page) -> list[str]:
    return [str(message) for message in page.context["messages"]]
