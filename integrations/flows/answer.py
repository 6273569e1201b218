"""One call of a provider's API, and what is kept of its answer: bounded, and without the access token."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import requests

LIMIT_BYTES = 64 * 1024
# A token that lies across the limit is found whole, and then cut off.
_BEYOND_BYTES = 16 * 1024
_LEFT_OUT = "[access token]"
_SHOWN_HEADERS = ("content-type", "location", "retry-after", "request-id", "x-request-id")
_SHOWN_FAMILIES = ("ratelimit", "x-ratelimit", "x-rate-limit")
# One character as JSON, an address or HTML may write it; whoever shows the answer turns it back.
_WRITTEN = (
    re.compile(r"""\\u00[0-9a-f]{2}|\\["/\\]|.""", re.IGNORECASE | re.DOTALL),
    re.compile(r"%[0-9a-f]{2}|.", re.IGNORECASE | re.DOTALL),
    re.compile(r"&(?:amp|lt|gt|quot|#[0-9]{1,3}|#x[0-9a-f]{1,2});|.", re.IGNORECASE | re.DOTALL),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """What to ask: a path on the API's address, with its query, and a JSON value as body; None: no body."""

    method: str
    path: str = field(repr=False)
    body: object = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came back. All of it is the provider's text: to be made harmless and escaped where it is shown.

    `headers` are a few by name, in lower case. `body` is its first 64 KiB, `is_whole` tells whether that is all.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    is_whole: bool = True

    @property
    def ok(self) -> bool:
        return self.status < 400

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


def read(response: requests.Response, *, secret: str) -> Answer:
    """Read a streamed response as far as it is shown. A provider may repeat the `secret` it was sent; we do not.

    Raises:
        requests.RequestException: it broke off, or took too long.
    """
    # Not response.raw.read: only iter_content turns what urllib3 raises into what requests promises.
    body = b""
    for piece in response.iter_content(LIMIT_BYTES):
        body += piece
        if len(body) > LIMIT_BYTES + _BEYOND_BYTES:
            break
    is_whole = len(body) <= LIMIT_BYTES
    if secret:
        # As many characters as bytes, whatever the encoding is.
        body = without(body.decode("latin-1"), secret).encode("latin-1")
        is_whole = is_whole and len(body) <= LIMIT_BYTES
    return Answer(
        status=response.status_code,
        headers={
            name.lower(): without(value, secret) if secret else value
            for name, value in response.headers.items()
            if name.lower() in _SHOWN_HEADERS or name.lower().startswith(_SHOWN_FAMILIES)
        },
        body=body[:LIMIT_BYTES],
        is_whole=is_whole,
    )


def without(text: str, secret: str) -> str:
    """Leave a secret out of a text, also where some of its characters are escaped as in JSON, addresses or HTML."""
    # As it stands first: what looks escaped in it may be its own.
    text = text.replace(secret, _LEFT_OUT)
    for one_character in _WRITTEN:
        written = one_character.findall(text)
        plain = "".join(map(_plain, written))
        kept, start = [], 0
        while (found := plain.find(secret, start)) >= 0:
            kept += [*written[start:found], _LEFT_OUT]
            start = found + len(secret)
        text = "".join([*kept, *written[start:]])
    return text


def _plain(written: str) -> str:
    """The one character that is meant."""
    if len(written) == 1:
        return written
    match written[0]:
        case "\\":
            return chr(int(written[2:], 16)) if written[1] in "uU" else written[1]
        case "%":
            return chr(int(written[1:], 16))
        case _:
            return html.unescape(written.lower())[:1] or "\ufffd"
