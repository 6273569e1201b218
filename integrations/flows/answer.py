"""One call of a provider's API, and what is kept of its answer: bounded, and without the access token."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import requests

LIMIT_BYTES = 64 * 1024
# A token that lies across the limit is found whole, and then cut off.
_BEYOND_BYTES = 16 * 1024
_LEFT_OUT = "[access token]"
_SHOWN_HEADERS = ("content-type", "location", "retry-after", "request-id", "x-request-id")
_SHOWN_FAMILIES = ("ratelimit", "x-ratelimit", "x-rate-limit")


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
        body = body.replace(secret.encode(), _LEFT_OUT.encode())
        is_whole = is_whole and len(body) <= LIMIT_BYTES
    return Answer(
        status=response.status_code,
        headers={
            name.lower(): value.replace(secret, _LEFT_OUT) if secret else value
            for name, value in response.headers.items()
            if name.lower() in _SHOWN_HEADERS or name.lower().startswith(_SHOWN_FAMILIES)
        },
        body=body[:LIMIT_BYTES],
        is_whole=is_whole,
    )
