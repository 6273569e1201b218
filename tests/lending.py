"""Rows for tests of what applications may use, and hear of."""

import itertools
from collections.abc import Collection
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from integrations import vault
from integrations.models import (
    Allowance,
    ClientRegistration,
    Connection,
    ConnectLink,
    WebhookDelivery,
    WebhookEndpoint,
)
from integrations.models.webhook_endpoint import WebhookKind
from tests.factories import make_registration, make_user

_numbers = itertools.count(1)


def make_connect_link(
    *,
    user: User | None = None,
    registration: ClientRegistration | None = None,
    features: Collection[str] = (),
    return_to: str = "",
    expires_in: int = 600,
    now: datetime | None = None,
) -> ConnectLink:
    """A link by which client-1 asks a person to connect an account."""
    return ConnectLink.objects.create(
        user=user or make_user(),
        client_id="client-1",
        client_name="Example Client",
        registration=registration or make_registration(),
        features=list(features),
        return_to=return_to,
        expires_at=(now or timezone.now()) + timedelta(seconds=expires_in),
    )


def make_allowance(
    connection: Connection, *, client_id: str = "client-1", issuer: str = "", features: Collection[str] = ()
) -> Allowance:
    """What its owner, or for the hub's own an operator, allows an application of a connection: all it was granted."""
    return Allowance.objects.create(
        issuer=issuer,
        client_id=client_id,
        person=connection.owner,
        registration=connection.registration,
        connection=connection,
        features=list(features),
        scope=connection.granted_scope,
    )


def make_webhook_endpoint(
    *,
    url: str = "http://127.0.0.1:9/hook",
    owner: User | None = None,
    client_id: str = "client-1",
    kinds: Collection[str] = tuple(WebhookKind.values),
    secret: str = "",
    now: datetime | None = None,
    **fields: object,
) -> WebhookEndpoint:
    """Where an application hears of its connections: of everything, unless `kinds` says of what."""
    endpoint = WebhookEndpoint(owner=owner or make_user(), client_id=client_id, url=url, kinds=list(kinds))
    vault.replace_webhook_secret(endpoint, secret or vault.new_webhook_secret(), now=now or timezone.now())
    for name, value in fields.items():
        setattr(endpoint, name, value)
    endpoint.save()
    return endpoint


def make_webhook_delivery(endpoint: WebhookEndpoint | None = None, **fields: object) -> WebhookDelivery:
    """A message that waits to be sent."""
    number = next(_numbers)
    columns = {"message_id": f"msg_{number}", "kind": "webhook.test", "body": f'{{"number":{number}}}', **fields}
    return WebhookDelivery.objects.create(endpoint=endpoint or make_webhook_endpoint(), **columns)
