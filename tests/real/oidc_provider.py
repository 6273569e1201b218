"""The npm oidc-provider as a process, and a person who signs in at its pages."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, quote_plus, urljoin, urlsplit

import requests

FOLDER = Path(__file__).parent
STEPS_AT_MOST = 12


def node() -> str | None:
    """Where node is, if this machine has it."""
    return shutil.which("node")


def install() -> None:
    """Fetch what package-lock.json pins, unless it is there."""
    if not all((FOLDER / "node_modules" / name).is_dir() for name in ("oidc-provider", "openid-client")):
        command = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=FOLDER, check=True, timeout=180)


class OidcProvider:
    """One running provider; it ends with the `with` block or with us, whichever is first."""

    def __init__(self, *redirect_uris: str, api: Mapping[str, str] | None = None) -> None:
        options = json.dumps({"redirect_uris": redirect_uris, **({"api": api} if api else {})})
        self._process = subprocess.Popen(
            [node() or "node", "--no-warnings", "oidc_server.mjs", options],
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        started = json.loads(self._process.stdout.readline())
        self.issuer: str = started["issuer"]
        self.client_id: str = started["client_id"]
        self.client_secret: str = started["client_secret"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=20)

    @property
    def basic(self) -> tuple[str, str]:
        """Our client authentication as RFC 6749 §2.3.1 wants it encoded."""
        return self.client_id, quote_plus(self.client_secret)

    def is_active(self, token: str) -> bool:
        """What the provider itself says of a token (RFC 7662)."""
        document = requests.post(
            f"{self.issuer}/token/introspection",
            data={"token": token},
            auth=self.basic,
            timeout=20,
        ).json()
        return bool(document["active"])


class Person:
    """Somebody with a browser of their own, who agrees to what they are asked."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._browser = requests.Session()

    def authorize(self, authorization_url: str, *, redirect_uri: str, agree: bool = True) -> Sequence[tuple[str, str]]:
        """Walk the provider's pages; the parameters the browser brings back to the redirect URI."""
        answer = self._browser.get(authorization_url, allow_redirects=False, timeout=20)
        for _ in range(STEPS_AT_MOST):
            if answer.is_redirect:
                location = urljoin(answer.url, answer.headers["Location"])
                if location.startswith(redirect_uri):
                    return parse_qsl(urlsplit(location).query, keep_blank_values=True)
                answer = self._browser.get(location, allow_redirects=False, timeout=20)
            else:
                answer = self._answer_page(answer, agree=agree)
        raise AssertionError("the provider's pages never led back to the hub")

    def _answer_page(self, page: requests.Response, *, agree: bool) -> requests.Response:
        assert page.status_code == 200, page.text[:2000]
        form = _Form(page)
        if form.fields.get("prompt") == "consent" and not agree:
            address = f"{page.url}/abort"
            return self._browser.get(address, allow_redirects=False, timeout=20)
        filled = form.fields | {"login": self.name, "password": "any"}
        return self._browser.post(form.action, data=filled, allow_redirects=False, timeout=20)


class _Form(HTMLParser):
    """The form of a page: where it goes and what it carries."""

    def __init__(self, page: requests.Response) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.feed(page.text)
        self.action = urljoin(page.url, self.action)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = attributes["action"]
        if tag == "input" and "name" in attributes:
            self.fields[attributes["name"]] = attributes.get("value", "")
