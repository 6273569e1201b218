"""An application with a webhook, and connections that are lent to it."""

import json
from typing import Any

from integrations.flows.webhook_send import Report, send_webhooks
from integrations.models import Connection, WebhookDelivery
from integrations.webhook_post import Post
from tests.clock import Clock
from tests.factories import make_connection
from tests.lending import make_allowance


def lent_connection(*, client_id: str = "client-1", **fields: Any) -> Connection:
    connection = make_connection(**fields)
    make_allowance(connection, client_id=client_id)
    return connection


def bodies() -> list[dict[str, Any]]:
    """What waits, or waited, to be told; the oldest first."""
    return [json.loads(row.body) for row in WebhookDelivery.objects.order_by("pk")]


def told() -> list[tuple[str, str]]:
    return [(body["type"], body["data"]["connection"]) for body in bodies()]


def send(clock: Clock, *, post: Post | None = None, **options: Any) -> Report:
    return send_webhooks(clock=clock, sender=post, **options)


def row(message: WebhookDelivery) -> WebhookDelivery:
    """A message as it is stored now."""
    return WebhookDelivery.objects.select_related("endpoint").get(pk=message.pk)
