"""Connections that their owners share with an application, and access tokens by which it calls the hub."""

import uuid
from datetime import timedelta

from django.db import connection as database
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application

from bench import hub
from integrations.models import Allowance, Connection


def lend_many(origin: str, count: int, *, scope: str) -> list[tuple[uuid.UUID, str]]:
    """Each connection by uuid, with a token of the application that speaks for its owner."""
    now = timezone.now()
    registration = hub.register(origin)
    hub.connect_many(registration, count)
    later = now + timedelta(hours=1)
    Connection.objects.update(access_expires_at=later, refresh_due_at=later, last_used_at=now)
    application = Application.objects.create(
        client_id="bench",
        name="Bench",
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        redirect_uris="https://bench.example/",
    )
    rows = list(Connection.objects.order_by("pk"))
    Allowance.objects.bulk_create(
        Allowance(
            client_id="bench",
            person_id=row.owner_id,
            registration=registration,
            connection=row,
            features=["profile", "notes.read"],
            scope=row.granted_scope,
        )
        for row in rows
    )
    tokens = []
    for number, row in enumerate(rows):
        value = f"bench-token-{number}-" + "x" * 20
        AccessToken.objects.create(
            token=value, scope=scope, expires=later, application=application, user_id=row.owner_id
        )
        tokens.append((row.uuid, value))
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")
    return tokens


def call_of(method: str, path: str, token: str, *, body: bytes = b"") -> bytes:
    """A whole request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
    if method == "POST":
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body
