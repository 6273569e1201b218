"""Many rows as one table in a statement, so that a batch costs one round trip on any database."""

import json
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Any, cast

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.base import ModelState
from django.db.models.expressions import RawSQL


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


def among(ids: Collection[int], *, using: str) -> RawSQL:
    """What a key is `in`: many ids as one parameter, because Django takes as long for each as the database."""
    if connections[using].vendor == "postgresql":
        return RawSQL("SELECT unnest(%s::bigint[])", [list(ids)])
    return RawSQL("SELECT value FROM json_each(%s)", [_AS_JSON.encode(list(ids))])


def light[Row: models.Model](
    rows: "models.QuerySet[Row]", columns: Sequence[str], *, beside: Sequence[str] = ()
) -> Iterator[tuple[Row, *tuple[Any, ...]]]:
    """Rows that know these columns only, each with what is annotated `beside`.

    `columns` are named as in the table. To read another one is an error. They are made as unpickled rows are, without
    `__init__`, which would take longer than the query.
    """
    model, using, count = rows.model, rows.db, len(columns)
    for values in rows.values_list(*columns, *beside):
        state = ModelState()
        state.db, state.adding, state.fetch_mode = using, False, models.FETCH_RAISE
        row = model.__new__(model)
        vars(row).update(zip(columns, values, strict=False), _state=state)
        yield cast("tuple[Row, *tuple[Any, ...]]", (row, *values[count:]))


def _as_json(value: object) -> object:
    """What JSON has no word for, as PostgreSQL reads it in a text."""
    match value:
        case date():
            return value.isoformat()
        case bytes() | memoryview():
            return f"\\x{value.hex()}"
    raise TypeError(f"{type(value).__name__} cannot go into a batch")


_AS_JSON = json.JSONEncoder(separators=(",", ":"), default=_as_json)


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
