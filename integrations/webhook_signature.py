"""Sign and verify webhooks as the Standard Webhooks specification has it (https://www.standardwebhooks.com).

What is signed is `id.timestamp.body`, the body to the byte, with HMAC-SHA256 under a secret written `whsec_` and the
base64 of 24 to 64 bytes. The headers are `webhook-id`, `webhook-timestamp` (whole seconds since 1970) and
`webhook-signature`: `v1,` and the base64 of the MAC, several of them separated by spaces while a secret is replaced.

The module imports nothing of the hub: a receiver may take it as it is.

    WebhookError                        it is not to be trusted; the message says why
        WebhookMalformed                a header is missing or is not what it should be
        WebhookOutOfTime                sent more than five minutes ago, or ahead of our clock
        WebhookForged                   no signature of any of our secrets
        WebhookReplayed                 it was received before: answer 2xx and do nothing
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

PREFIX = "whsec_"
SECRET_BYTES_AT_LEAST, SECRET_BYTES_AT_MOST = 24, 64
TOLERANCE = timedelta(minutes=5)
#: More than any sender has while it replaces a secret; each costs a MAC comparison.
SIGNATURES_AT_MOST = 16
TIMESTAMP_DIGITS_AT_MOST = 11
VERSION = "v1"


class WebhookError(Exception):
    """A message that is not to be trusted."""


class WebhookMalformed(WebhookError):
    pass


class WebhookOutOfTime(WebhookError):
    pass


class WebhookForged(WebhookError):
    pass


class WebhookReplayed(WebhookError):
    pass


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """A message that was verified: its id, the same however often it comes, and when it was sent."""

    message_id: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class WebhookSignature:
    """Signs and verifies under one or several secrets, the newest first.

    webhook = WebhookSignature.of("whsec_…")
    headers = webhook.sign("msg_1", sent_at=now, body=b"{}")
    webhook.verify(headers, b"{}", now=now)
    """

    _keys: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def of(cls, *secrets: str) -> "WebhookSignature":
        """Take secrets as they are shown.

        Raises:
            ValueError: none, or one that is not `whsec_` and base64 of 24 to 64 bytes; it is not repeated.
        """
        if not secrets:
            raise ValueError("a webhook needs a secret")
        return cls(tuple(map(_key, secrets)))

    def sign(self, message_id: str, *, sent_at: datetime, body: bytes) -> dict[str, str]:
        """The three headers of a message, with a signature of each secret."""
        if not message_id or "." in message_id:
            raise ValueError("the id of a webhook is not empty and has no dot")
        timestamp = str(int(sent_at.timestamp()))
        macs = [_mac(key, message_id, timestamp, body) for key in self._keys]
        return {
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": " ".join(f"{VERSION},{base64.b64encode(mac).decode()}" for mac in macs),
        }

    def verify(
        self,
        headers: Mapping[str, str],
        body: bytes,
        *,
        now: datetime,
        tolerance: timedelta = TOLERANCE,
        seen: Callable[[str], bool] = lambda message_id: False,
    ) -> Verified:
        """Verify a message; `body` are the bytes as they came, before anything has parsed them.

        `seen` is asked last, with the id of a message that is genuine: it remembers it, and says whether it did before.

        Raises:
            WebhookMalformed, WebhookOutOfTime, WebhookForged, WebhookReplayed.
        """
        named = {name.lower(): value for name, value in headers.items()}
        message_id, timestamp, signatures = (_header(named, name) for name in ("id", "timestamp", "signature"))
        if "." in message_id:
            # It could be split from the timestamp and the body in another place than it was joined.
            raise WebhookMalformed("webhook-id has a dot")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= TIMESTAMP_DIGITS_AT_MOST):
            raise WebhookMalformed("webhook-timestamp is not a whole number of seconds")
        sent_at = datetime.fromtimestamp(int(timestamp), UTC)
        if abs(now - sent_at) > tolerance:
            raise WebhookOutOfTime("the message is too old, or its time is ahead of ours")
        if not self._is_signed(signatures, [_mac(key, message_id, timestamp, body) for key in self._keys]):
            raise WebhookForged("no signature is that of a secret we have")
        if seen(message_id):
            raise WebhookReplayed("the message was received before")
        return Verified(message_id=message_id, sent_at=sent_at)

    def _is_signed(self, signatures: str, macs: list[bytes]) -> bool:
        """Whether one of the signatures is one of ours; each is compared whole, in constant time."""
        found = False
        for signature in signatures.split()[:SIGNATURES_AT_MOST]:
            version, _, encoded = signature.partition(",")
            try:
                given = base64.b64decode(encoded, validate=True)
            except (binascii.Error, ValueError):
                continue
            for mac in macs:
                found |= version == VERSION and hmac.compare_digest(given, mac)
        return found


def _key(secret: str) -> bytes:
    encoded = secret.removeprefix(PREFIX)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not SECRET_BYTES_AT_LEAST <= len(key) <= SECRET_BYTES_AT_MOST:
        raise ValueError("a webhook secret is whsec_ and the base64 of 24 to 64 bytes")
    return key


def _mac(key: bytes, message_id: str, timestamp: str, body: bytes) -> bytes:
    return hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(f"webhook-{name}", "")
    if not value:
        raise WebhookMalformed(f"webhook-{name} is missing")
    return value
