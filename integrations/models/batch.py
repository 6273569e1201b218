"""Many rows as one table in a statement, so that a batch costs one round trip on any database."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper


def as_table(
    connection: BaseDatabaseWrapper, *, types: Sequence[str | None], rows: Sequence[Sequence[object]]
) -> tuple[str, list[Any]]:
    """SQL for a FROM clause, columns `given.column1`, `given.column2` …, and its parameters.

    `types` are the columns' types in this database; there is at least one row. JSON columns of PostgreSQL are given
    values, not text.
    """
    if connection.vendor == "postgresql":
        names = [f"column{number}" for number in range(1, len(types) + 1)]
        columns = ", ".join(f"{name} {type_}" for name, type_ in zip(names, types, strict=True))
        # One text, written by C: psycopg adapts arrays value by value, in Python.
        document = _AS_JSON.encode([dict(zip(names, row, strict=True)) for row in rows])
        return f"json_to_recordset(%s) AS given({columns})", [document]
    one = f"({', '.join(['%s'] * len(types))})"
    return f"(VALUES {', '.join([one] * len(rows))}) AS given", [value for row in rows for value in row]


def _as_json(value: object) -> object:
    """What JSON has no word for, as PostgreSQL reads it in a text."""
    match value:
        case date():
            return value.isoformat()
        case bytes() | memoryview():
            return f"\\x{value.hex()}"
    raise TypeError(f"{type(value).__name__} cannot go into a batch")


_AS_JSON = json.JSONEncoder(separators=(",", ":"), default=_as_json)
