"""HTTP messages as values, and the one way a body is read.

Bodies and headers stay out of `repr`: they hold tokens and secrets.
"""

import codecs
import email.utils
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, cast

from integrations.oauth.address import AddressPolicy
from integrations.oauth.errors import ProviderUnavailable

type Json = bool | int | float | str | list[Json] | dict[str, Json] | None

USER_AGENT = "integration-hub"
FORM = "application/x-www-form-urlencoded"
RETRY_AFTER_LIMIT_SECONDS = 86_400
INTEGER_DIGITS = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What is to be sent. `idempotent` says that sending it twice does no harm."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    idempotent: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """What came back: header names in lower case, the body already capped, `url` without its query."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    url: str = ""


class Sender(Protocol):
    """What moves a request and brings the response; `transport.Transport` is one."""

    @property
    def policy(self) -> AddressPolicy:
        """Which addresses it calls."""

    def send(self, request: Request) -> Response:
        """Send and wait.

        Raises:
            ProviderUnavailable: no answer.
            AddressRefused: not an address to call.
        """


def parse_json(text: bytes) -> Json:
    """Parse JSON from outside. A byte-order mark is skipped, a repeated member name refused, NaN read as null.

    Raises:
        ValueError: it is not JSON.
    """
    try:
        return cast(Json, _DECODER.decode(text.removeprefix(codecs.BOM_UTF8).decode()))
    except RecursionError:
        raise ValueError("too deep") from None


def read_json(response: Response) -> Json:
    """Read the body as JSON.

    Raises:
        ProviderUnavailable: the body is not JSON (code unreadable_response).
    """
    try:
        return parse_json(response.body)
    except ValueError:
        raise ProviderUnavailable("The body is not JSON.", code="unreadable_response") from None


def read_object(response: Response) -> dict[str, Json]:
    """Read the body as a JSON object.

    Raises:
        ProviderUnavailable: it is anything else (code unreadable_response).
    """
    document = read_json(response)
    if not isinstance(document, dict):
        raise ProviderUnavailable("The body is not a JSON object.", code="unreadable_response")
    return document


def at_path(document: Json, path: str) -> Json:
    """Find a member by a dotted path, or None; `a.b|c` means a.b and, where that is missing, c."""
    for alternative in path.split("|"):
        found = _descend(document, alternative)
        if found is not None:
            return found
    return None


def text_at(document: Json, path: str) -> str:
    """Find a text or whole number by a dotted path, as text; the empty text when there is none."""
    found = at_path(document, path) if path else None
    if isinstance(found, str):
        return found
    return str(found) if isinstance(found, int) and not isinstance(found, bool) else ""


def refuse_unless_answered(response: Response) -> None:
    """Turn away the statuses that say nothing about the request: redirects, overload and server errors.

    Raises:
        ProviderUnavailable: rate_limited, server_error or unexpected_redirect, with Retry-After when it was
        given.
    """
    if 200 <= response.status < 300 or (400 <= response.status < 500 and response.status != 429):
        return
    code = "server_error" if response.status >= 500 else "unexpected_redirect"
    if response.status == 429:
        code = "rate_limited"
    raise ProviderUnavailable(f"HTTP status {response.status}.", code=code, retry_after=retry_after(response))


def retry_after(response: Response) -> int | None:
    """Read Retry-After in seconds (RFC 9110 §10.2.3), a day at most; a date counts from the response's own
    Date."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return min(int(value[:10]), RETRY_AFTER_LIMIT_SECONDS)
    try:
        then = email.utils.parsedate_to_datetime(value)
        sent = email.utils.parsedate_to_datetime(response.headers.get("date", ""))
        seconds = int((then - sent).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None
    return max(0, min(seconds, RETRY_AFTER_LIMIT_SECONDS))


def _descend(document: Json, path: str) -> Json:
    for name in path.split("."):
        if isinstance(document, dict):
            document = document.get(name)
        elif isinstance(document, list) and name.isdecimal() and int(name) < len(document):
            document = document[int(name)]
        else:
            return None
    return document


def _unrepeated(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member name is repeated")
    return members


def _no_number(_constant: str) -> None:
    return None


def _whole_number(digits: str) -> int | float:
    return int(digits) if len(digits) < INTEGER_DIGITS else float(digits)


_DECODER = json.JSONDecoder(object_pairs_hook=_unrepeated, parse_constant=_no_number, parse_int=_whole_number)
