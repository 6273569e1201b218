"""Borrow valid access tokens, one after the other: at most 2 queries and no write each, or exit code 1.

A call is all that a caller does who knows a connection's uuid: load it by that, and `access.token`. `queries` and
`writes` are the most that one call made. Floor: the bare driver reads by uuid, in one query, what the hub must know
(connection, vault entry, registration, owner), and `cryptography` opens the token; no Django.
"""

import base64
import json
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from statistics import median
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import connection as database
from django.utils import timezone

from bench import floor, hub
from integrations.flows import access
from integrations.models import Connection

COUNT = 2000
ROUNDS = 5
MOST_QUERIES = 2

SQL = """
    SELECT c.id, c.owner_id, c.registration_id, c.version, v.sealed
    FROM integrations_connection c
    JOIN integrations_vaultentry v ON v.connection_id = c.id
    JOIN integrations_clientregistration r ON r.id = c.registration_id
    JOIN auth_user u ON u.id = c.owner_id
    WHERE c.uuid = {} AND c.status = 'active' AND r.enabled AND u.is_active AND c.refresh_due_at > {}
"""


def main() -> int:
    hub.empty_database()
    keys = valid_connections()
    for key in keys:
        borrow(key)
    queries, writes = most_statements(keys)
    borrowed, bare = [], []
    with bare_reader() as read:
        assert [read(key) for key in keys] == [borrow(key) for key in keys]
        for _ in range(ROUNDS):
            bare.append(per_second(read, keys))
            borrowed.append(per_second(borrow, keys))
    hub.report(
        "access_token",
        figure=median(borrowed),
        unit="calls/s",
        floor=median(bare),
        n=COUNT,
        rounds=[round(figure) for figure in borrowed],
        floor_rounds=[round(figure) for figure in bare],
        queries=queries,
        writes=writes,
    )
    return 1 if queries > MOST_QUERIES or writes else 0


def valid_connections() -> list[uuid.UUID]:
    """Connections with an hour to go, used a moment ago, as all but the first call finds them."""
    now = timezone.now()
    hub.connect_many(hub.register("http://127.0.0.1:1"), COUNT)
    valid_until = now + timedelta(hours=1)
    Connection.objects.update(access_expires_at=valid_until, refresh_due_at=valid_until, last_used_at=now)
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")
    return list(Connection.objects.order_by("pk").values_list("uuid", flat=True))


def borrow(key: uuid.UUID) -> str:
    return access.token(Connection.objects.get(uuid=key)).value


def per_second(call: Callable[[uuid.UUID], str], keys: list[uuid.UUID]) -> float:
    began = time.perf_counter()
    for key in keys:
        call(key)
    return len(keys) / (time.perf_counter() - began)


def most_statements(keys: list[uuid.UUID]) -> tuple[int, int]:
    """The most statements that one call made, and the most of them that were no reading."""
    seen: list[str] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(sql)
        return execute(sql, params, many, context)

    counts = []
    with database.execute_wrapper(note):
        for key in keys:
            seen.clear()
            borrow(key)
            counts.append((len(seen), sum(not sql.startswith("SELECT") for sql in seen)))
    return max(queries for queries, _ in counts), max(writes for _, writes in counts)


@contextmanager
def bare_reader() -> Iterator[Callable[[uuid.UUID], str]]:
    """Reads an access token by uuid."""
    key_id, _, key = settings.HUB_SEALING_KEYS.partition(",")[0].partition(":")
    cipher = AESGCM(base64.b64decode(key))
    header = bytes((1, len(key_id))) + key_id.encode()
    start = len(header) + 12
    with floor.bare_connection() as bare:
        cursor = bare.cursor()
        mark = "?" if database.vendor == "sqlite" else "%s"
        sql = SQL.format(mark, mark)

        def read(key: uuid.UUID) -> str:
            cursor.execute(sql, (key.hex, timezone.now().isoformat(" ")))
            row, owner, registration, version, sealed = cursor.fetchone()
            place = json.dumps(["vault_entry", row, owner, registration, version]).encode()
            opened = cipher.decrypt(sealed[len(header) : start], sealed[start:], header + place)
            return str(json.loads(opened)["access_token"])

        yield read


if __name__ == "__main__":
    sys.exit(main())
