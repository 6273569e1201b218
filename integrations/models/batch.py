"""Many rows as one table in a statement, so that a batch costs one round trip on any database."""

from collections.abc import Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper


def as_table(
    connection: BaseDatabaseWrapper, *, types: Sequence[str | None], rows: Sequence[Sequence[object]]
) -> tuple[str, list[Any]]:
    """SQL for a FROM clause, columns `given.column1`, `given.column2` …, and its parameters.

    `types` are the columns' types in this database; there is at least one row.
    """
    if connection.vendor == "postgresql":
        arrays = ", ".join(f"CAST(%s AS {type_}[])" for type_ in types)
        names = ", ".join(f"column{number}" for number in range(1, len(types) + 1))
        return f"unnest({arrays}) AS given({names})", [list(column) for column in zip(*rows, strict=True)]
    one = f"({', '.join(['%s'] * len(types))})"
    return f"(VALUES {', '.join([one] * len(rows))}) AS given", [value for row in rows for value in row]
