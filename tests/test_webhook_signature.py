"""Standard Webhooks, signed and verified: ours against ours, and against the reference package both ways."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from integrations.webhook_signature import (
    WebhookError,
    WebhookForged,
    WebhookMalformed,
    WebhookOutOfTime,
    WebhookReplayed,
    WebhookSignature,
)

NOW = datetime(2031, 3, 4, 12, 0, tzinfo=UTC)
BODY = '{"type": "connection.revoked", "ü": "\\u0000"}'.encode()


def secret_of(size: int = 32, *, filled: bytes = b"k") -> str:
    return "whsec_" + base64.b64encode(filled * size).decode()


SECRET, OTHER = secret_of(), secret_of(filled=b"o")
WEBHOOK = WebhookSignature.of(SECRET)
HEADERS = WEBHOOK.sign("msg_1", sent_at=NOW, body=BODY)

type Change = Callable[[dict[str, str]], dict[str, str]]


@pytest.mark.requirement(153)
def test_the_headers_are_those_of_the_specification() -> None:
    """The example of the specification's reference libraries."""
    webhook = WebhookSignature.of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    sent_at = datetime.fromtimestamp(1614265330, UTC)

    headers = webhook.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", sent_at=sent_at, body=b'{"test": 2432232314}')

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.requirement(153)
@pytest.mark.parametrize("size", [24, 32, 64])
def test_the_reference_accepts_what_we_sign(size: int) -> None:
    secret, now = secret_of(size), datetime.now(UTC)

    headers = WebhookSignature.of(secret).sign("msg_1", sent_at=now, body=BODY)

    Webhook(secret).verify(BODY, headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY + b" ", headers, json_parse=False)


@pytest.mark.requirement(154)
def test_we_accept_what_the_reference_signs() -> None:
    now = datetime.now(UTC)
    headers = {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(int(now.timestamp())),
        "Webhook-Signature": Webhook(SECRET).sign("msg_1", now, BODY.decode()),
    }

    assert WEBHOOK.verify(headers, BODY, now=now).message_id == "msg_1"


@pytest.mark.requirement(153)
def test_while_a_secret_is_replaced_either_verifies() -> None:
    headers = WebhookSignature.of(OTHER, SECRET).sign("msg_1", sent_at=NOW, body=BODY)

    assert len(headers["webhook-signature"].split(" ")) == 2
    for secrets in ((SECRET,), (OTHER,), (secret_of(filled=b"x"), SECRET)):
        WebhookSignature.of(*secrets).verify(headers, BODY, now=NOW)


@pytest.mark.requirement(154)
@pytest.mark.parametrize("position", range(len(BODY)))
def test_a_body_with_one_byte_changed_is_refused(position: int) -> None:
    body = bytearray(BODY)
    body[position] ^= 1

    with pytest.raises(WebhookForged):
        WEBHOOK.verify(HEADERS, bytes(body), now=NOW)


@pytest.mark.requirement(154)
@pytest.mark.parametrize("seconds", [-301, -86_400, 301, 86_400])
def test_what_is_older_or_newer_than_five_minutes_is_refused(seconds: int) -> None:
    with pytest.raises(WebhookOutOfTime):
        WEBHOOK.verify(HEADERS, BODY, now=NOW + timedelta(seconds=seconds))

    for within in (-300, 0, 300):
        WEBHOOK.verify(HEADERS, BODY, now=NOW + timedelta(seconds=within))


@pytest.mark.requirement(154)
def test_what_came_before_is_refused_and_what_is_forged_is_not_remembered() -> None:
    seen: set[str] = set()

    def remember(message_id: str) -> bool:
        known = message_id in seen
        seen.add(message_id)
        return known

    with pytest.raises(WebhookForged):
        WEBHOOK.verify(HEADERS, b"forged", now=NOW, seen=remember)
    assert seen == set()

    WEBHOOK.verify(HEADERS, BODY, now=NOW, seen=remember)
    with pytest.raises(WebhookReplayed):
        WEBHOOK.verify(HEADERS, BODY, now=NOW, seen=remember)


def without(name: str) -> Change:
    return lambda headers: {key: value for key, value in headers.items() if key != name}


def replaced(name: str, value: str) -> Change:
    return lambda headers: headers | {name: value}


@pytest.mark.requirement(153, 154)
@pytest.mark.parametrize(
    ("change", "error"),
    [
        (without("webhook-id"), WebhookMalformed),
        (without("webhook-timestamp"), WebhookMalformed),
        (without("webhook-signature"), WebhookMalformed),
        (replaced("webhook-id", "msg_2"), WebhookForged),
        (replaced("webhook-id", "msg_1.1"), WebhookMalformed),
        (replaced("webhook-timestamp", str(int(NOW.timestamp()) + 1)), WebhookForged),
        (replaced("webhook-timestamp", f"{NOW.timestamp()}"), WebhookMalformed),
        (replaced("webhook-timestamp", "9" * 30), WebhookMalformed),
        (replaced("webhook-timestamp", "²"), WebhookMalformed),
        (replaced("webhook-timestamp", "99999999999"), WebhookOutOfTime),
        (replaced("webhook-signature", HEADERS["webhook-signature"].replace("v1,", "v2,")), WebhookForged),
        (replaced("webhook-signature", HEADERS["webhook-signature"].replace("v1,", "")), WebhookForged),
        (replaced("webhook-signature", HEADERS["webhook-signature"][:-2]), WebhookForged),
        (replaced("webhook-signature", "v1,"), WebhookForged),
        (replaced("webhook-signature", "v1,ü v1,=== ,"), WebhookForged),
        (replaced("webhook-signature", "v1,AAAA " * 999 + HEADERS["webhook-signature"]), WebhookForged),
    ],
)
def test_other_headers_are_refused(change: Change, error: type[WebhookError]) -> None:
    with pytest.raises(error):
        WEBHOOK.verify(change(HEADERS), BODY, now=NOW)


def test_a_genuine_signature_is_found_among_others() -> None:
    WEBHOOK.verify(
        HEADERS | {"webhook-signature": f"v1a,ed25519 v1,AAAA {HEADERS['webhook-signature']}"}, BODY, now=NOW
    )


@pytest.mark.parametrize(
    "secret", ["", "whsec_", SECRET.removeprefix("whsec_"), secret_of(23), secret_of(65), "whsec_ü"]
)
def test_a_secret_that_is_none_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(ValueError, match="24 to 64 bytes") as caught:
        WebhookSignature.of(secret)

    assert len(secret) < 10 or secret not in str(caught.value)
    with pytest.raises(ValueError, match="needs a secret"):
        WebhookSignature.of()


@pytest.mark.requirement(98)
def test_nothing_shows_the_secret() -> None:
    assert "kkkk" not in repr(WEBHOOK)
