"""One HTTP request at a time: https, or a loopback address; redirects are answers like any other."""

import http.client
import ipaddress
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeAlias
from urllib.parse import urlencode, urlsplit

from hubctl import __version__
from hubctl.errors import Stopped, TryLater

TIMEOUT_SECONDS = 60
BODY_LIMIT = 64 * 1024 * 1024
FORM = "application/x-www-form-urlencoded"
Json: TypeAlias = bool | int | float | str | list[Any] | dict[str, Any] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came back; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def members(self) -> dict[str, Json]:
        """The JSON object in the body; an empty one where there is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def reason(self) -> str:
        """The status in words."""
        try:
            return f"{self.status} {HTTPStatus(self.status).phrase}"
        except ValueError:
            return str(self.status)


def printable(text: str, *, limit: int = 300) -> str:
    """Somebody else's text, on one line and without what a terminal would obey."""
    return "".join(sign if sign.isprintable() else " " for sign in text)[:limit]


def origin_of(url: str) -> str:
    """The scheme and host of a hub's address.

    Raises:
        Stopped: it is no address that tokens may be sent to.
    """
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        named = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise Stopped(f"This is not an address: {url!r}") from None
    if parts.username or parts.password or not named:
        raise Stopped(f"Give the hub's address as https://hub.example.com, not {url!r}")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(named)):
        raise Stopped("Tokens go over https only, or to a loopback address.")
    host = f"[{named}]" if ":" in named else named
    return f"{parts.scheme}://{host}{port}"


def post_form(url: str, form: Mapping[str, str]) -> Answer:
    """POST a form, as OAuth endpoints want it."""
    return send("POST", url, headers={"Content-Type": FORM}, body=urlencode(form).encode())


def send(method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
    """Send one request and read its answer.

    Raises:
        TryLater: no answer, or one that is too large.
        Stopped: not a place to send tokens to.
    """
    origin_of(url)
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc
    secure = parts.scheme == "https"
    connection = (
        http.client.HTTPSConnection(host, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context())
        if secure
        else http.client.HTTPConnection(host, timeout=TIMEOUT_SECONDS)
    )
    try:
        sent = {"Accept": "application/json", "User-Agent": f"hubctl/{__version__}", **(headers or {})}
        connection.request(method, target, body=body, headers=sent)
        response = connection.getresponse()
        content = response.read(BODY_LIMIT + 1)
        found = {name.lower(): value for name, value in response.getheaders()}
        answer = Answer(status=response.status, headers=found, body=content)
    except (OSError, http.client.HTTPException) as error:
        raise TryLater(f"{parts.scheme}://{host} does not answer: {printable(str(error))}") from None
    finally:
        connection.close()
    if len(answer.body) > BODY_LIMIT:
        raise TryLater("The answer is too large.")
    return answer


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
