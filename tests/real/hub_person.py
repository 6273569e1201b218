"""Somebody who uses a running hub with a browser of their own, by HTTP alone."""

from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

SECONDS = 60


class HubPerson:
    """Signed in from the start."""

    def __init__(self, hub: str, *, username: str, password: str) -> None:
        self._browser = requests.Session()
        page = self._browser.get(f"{hub}/accounts/login/", timeout=SECONDS)
        answer = self._send(page, {"login": username, "password": password})
        assert answer.is_redirect, answer.text[:2000]

    def press(self, url: str, **fields: str) -> str:
        """Open a page, fill its form in, send it; where that leads."""
        page = self._browser.get(url, timeout=SECONDS)
        answer = self._send(page, fields)
        assert answer.is_redirect, answer.text[:2000]
        return urljoin(page.url, answer.headers["Location"])

    def read(self, url: str) -> str:
        page = self._browser.get(url, timeout=SECONDS)
        assert page.status_code == 200
        return page.text

    def _send(self, page: requests.Response, fields: dict[str, str]) -> requests.Response:
        assert page.status_code == 200, page.text[:2000]
        form = _Form()
        form.feed(page.text)
        address = urljoin(page.url, form.action)
        return self._browser.post(address, form.fields | fields, allow_redirects=False, timeout=SECONDS)


class _Form(HTMLParser):
    """The form in the main part of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self._is_in_main = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "main":
            self._is_in_main = True
        elif self._is_in_main and tag == "form" and not self.fields:
            self.action = attributes.get("action", "")
        elif self._is_in_main and tag == "input" and attributes.get("type") == "hidden":
            self.fields.setdefault(attributes["name"], attributes.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "main":
            self._is_in_main = False
