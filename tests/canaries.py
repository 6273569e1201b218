"""Find a secret in whatever was written down: as it is, or in the encodings it may hide in."""

import base64
import json
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

from django.db import connection as database


def spellings(secret: str) -> Iterator[bytes]:
    """The secret itself, percent-encoded, escaped in JSON, in hexadecimal, and inside any base64."""
    plain = secret.encode()
    yield plain
    for encoded in (quote(secret), quote(secret, safe=""), quote_plus(secret)):
        yield encoded.encode()
    yield json.dumps(secret)[1:-1].encode()
    yield plain.hex().encode()
    for shift in range(3):
        # What comes before a secret shifts its base64: leave out the digits that depend on its neighbours.
        padded = base64.b64encode(b"\0" * shift + plain + b"\0" * ((-shift - len(plain)) % 3))
        inner = padded[(0, 2, 3)[shift] : -4]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))


def leaks(written: str | bytes, secrets: Iterable[str]) -> list[str]:
    """Which of the secrets can be found in what was written down, in any spelling."""
    haystack = written.encode("utf-8", "surrogateescape") if isinstance(written, str) else written
    found = []
    for secret in secrets:
        assert len(secret) >= 8, "a shorter canary is found by chance"
        if any(spelling in haystack for spelling in spellings(secret)):
            found.append(secret)
    return found


def every_row() -> Iterator[str]:
    """Every column of every table, whoever made the table, bytes as hexadecimal."""
    with database.cursor() as cursor:
        for table in database.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {database.ops.quote_name(table)}")
            for row in cursor.fetchall():
                for value in row:
                    is_bytes = isinstance(value, bytes | bytearray | memoryview)
                    yield bytes(value).decode("latin-1") if is_bytes else str(value)
