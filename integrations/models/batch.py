"""Many rows as one table in a statement, so that a batch costs one round trip on any database."""

from collections.abc import Sequence
from typing import Any

from django.db import connections, models
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


def replace_sealed(
    rows: "models.QuerySet[Any]", column: str, changes: Sequence[tuple[int, bytes, bytes]], *, key_id: str | None
) -> int:
    """Set a column of many rows, each where it still holds the given value, in one statement; how many it did.

    `changes` are primary key, old value, new value; `key_id` is written beside it where the table has such a column.
    Rows that another transaction holds are passed over where the database can do so: whoever commits many rows at once
    never waits for this, nor this for them, so neither deadlocks.
    """
    connection = connections[rows.db]
    quote = connection.ops.quote_name
    meta = rows.model._meta
    table, primary, sealed = quote(meta.db_table), quote(str(meta.pk.column)), quote(column)
    given, values = as_table(connection, types=("bigint", "bytea", "bytea"), rows=changes)
    free, ids = "", list[Any]()
    if connection.features.has_select_for_update_skip_locked:
        free = (
            f"WITH free AS MATERIALIZED (SELECT {primary} AS id FROM {table} "  # noqa: S608
            f"WHERE {primary} = ANY(%s) FOR UPDATE SKIP LOCKED) "
        )
        ids = [[pk for pk, _, _ in changes]]
        given += ", free"
    also = "" if key_id is None else ", key_id = %s"
    sql = (
        f"{free}UPDATE {table} SET {sealed} = given.column3{also} FROM {given} "  # noqa: S608
        f"WHERE {table}.{primary} = given.column1 AND {table}.{sealed} = given.column2"
        f"{f' AND free.id = {table}.{primary}' if free else ''}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*ids, *([] if key_id is None else [key_id]), *values])
        return int(cursor.rowcount)
