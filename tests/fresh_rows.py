"""Back to the rows that the migrations left, after a test that committed its own.

Django empties every table and makes all permissions anew, which takes most of a small test's time. Here only what has
rows is looked at, and what is as it was is left alone. Groups stay, too: no test depends on being run before another.
"""

from typing import Any

from django.db import connection, transaction

type Rows = list[tuple[Any, ...]]


class FreshRows:
    """The rows of a database as it is when this is made."""

    def __init__(self) -> None:
        names = connection.introspection.django_table_names(only_existing=True, include_views=False)
        self._tables = sorted(map(connection.ops.quote_name, names))
        self._rows = {table: _rows(table) for table in self._filled()}

    def restore(self) -> None:
        """Take the tables back to them; what others still write comes before."""
        with transaction.atomic():
            if connection.vendor == "postgresql":
                _execute(f"LOCK TABLE {', '.join(self._tables)}")
            filled = self._filled()
            changed = {table for table in filled if _rows(table) != self._rows.get(table)}
            for table in changed:
                _execute(f"DELETE FROM {table}")
            for table in self._rows.keys() - (filled - changed):
                _insert(table, self._rows[table])

    def _filled(self) -> set[str]:
        each = (f"SELECT {number} WHERE EXISTS (SELECT 1 FROM {table})" for number, table in enumerate(self._tables))
        return {self._tables[number] for (number,) in _execute(" UNION ALL ".join(each))}


def _rows(table: str) -> Rows:
    return sorted(_execute(f"SELECT * FROM {table}"), key=repr)


def _insert(table: str, rows: Rows) -> None:
    places = ", ".join(["%s"] * len(rows[0]))
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {table} VALUES ({places})", rows)


def _execute(sql: str) -> Rows:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []
