"""The secrets that messages to applications are signed with: one, and for a while the one before it, too."""

import base64
import json
import secrets
from datetime import datetime, timedelta

from integrations.crypto import SealError
from integrations.models import WebhookEndpoint
from integrations.vault import places
from integrations.vault.sealing import open_at, seal_at

PREFIX = "whsec_"
SECRET_BYTES = 32
#: How long a replaced secret still signs beside the new one.
OVERLAP = timedelta(hours=24)


def new_webhook_secret() -> str:
    """A secret as Standard Webhooks writes it: `whsec_` and base64, here of 32 random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def replace_webhook_secret(endpoint: WebhookEndpoint, secret: str, *, now: datetime) -> None:
    """Put a new secret on an endpoint; the one so far signs for a day more. The caller saves the row.

    A secret that cannot be opened any more is dropped.
    """
    try:
        current = _current(endpoint)
    except SealError:
        current = None
    endpoint.secret_version += 1
    endpoint.sealed_secret = seal_at({"secret": secret}, _place(endpoint, "sealed_secret"))
    endpoint.sealed_previous_secret, endpoint.previous_secret_ends_at = None, None
    if current is not None:
        endpoint.sealed_previous_secret = seal_at({"secret": current}, _place(endpoint, "sealed_previous_secret"))
        endpoint.previous_secret_ends_at = now + OVERLAP


def open_webhook_secrets(endpoint: WebhookEndpoint, *, now: datetime) -> tuple[str, ...]:
    """What signs at this moment, the newest first.

    Raises:
        SealError: there is none, or not the one that belongs here.
    """
    current = _current(endpoint)
    if current is None:
        raise SealError("value_missing", "no secret is stored for this webhook endpoint")
    ends_at = endpoint.previous_secret_ends_at
    if endpoint.sealed_previous_secret is None or ends_at is None or ends_at <= now:
        return (current,)
    return current, _opened(endpoint.sealed_previous_secret, _place(endpoint, "sealed_previous_secret"))


def _current(endpoint: WebhookEndpoint) -> str | None:
    sealed = endpoint.sealed_secret
    return None if sealed is None else _opened(sealed, _place(endpoint, "sealed_secret"))


def _opened(sealed: bytes | memoryview, place: bytes) -> str:
    return str(json.loads(open_at(sealed, place))["secret"])


def _place(endpoint: WebhookEndpoint, column: str) -> bytes:
    row = endpoint
    return places.of_webhook_secret(column, row.uuid.hex, row.owner_id, row.issuer, row.client_id, row.secret_version)
