"""How often a connection was used, by whom, on which day."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from datetime import date, datetime
from typing import Any, ClassVar, Self, cast

from django.db import connections, models

from integrations.models.batch import as_table
from integrations.models.connection import Connection

ACTOR_LIMIT = 150


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """Uses that are not written down yet."""

    connection_id: int
    actor: str
    day: date
    count: int
    last_used_at: datetime


class UseQuerySet(models.QuerySet["Use"]):
    def add_many(self, counted: Sequence[Counted]) -> list[Counted]:
        """Add uses to what is there, in one statement; those that are the first of their actor on their day.

        Uses of a connection that is gone are left out. No two may be of the same connection, actor and day.
        """
        if not counted:
            return []
        connection = connections[self.db]
        table = connection.ops.quote_name(self.model._meta.db_table)
        columns = [cast("models.Field[Any, Any]", self.model._meta.get_field(given.name)) for given in fields(Counted)]
        given, values = as_table(
            connection,
            types=[column.db_type(connection) for column in columns],
            rows=[
                [
                    column.get_db_prep_save(value, connection)
                    for column, value in zip(columns, astuple(row), strict=True)
                ]
                for row in counted
            ],
        )
        names = ", ".join(connection.ops.quote_name(str(column.column)) for column in columns)
        taken = ", ".join(f"given.column{number}" for number in range(1, len(columns) + 1))
        # In the same order everywhere: two processes that wrote in different ones would lock each other out.
        sql = (
            f"INSERT INTO {table} AS used ({names}) SELECT {taken} FROM {given} "  # noqa: S608
            f"JOIN {connection.ops.quote_name(Connection._meta.db_table)} AS known ON known.id = given.column1 "
            "WHERE true ORDER BY given.column1, given.column2, given.column3 "
            "ON CONFLICT (connection_id, day, actor) DO UPDATE SET count = used.count + excluded.count, last_used_at = "
            "CASE WHEN excluded.last_used_at > used.last_used_at THEN excluded.last_used_at ELSE used.last_used_at END "
            "RETURNING connection_id, actor, day, count"
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            totals = {(row[0], row[1], str(row[2])): row[3] for row in cursor.fetchall()}
        return [row for row in counted if totals.get((row.connection_id, row.actor, str(row.day))) == row.count]

    def since(self, day: date) -> Self:
        """Uses of that day and later."""
        return self.filter(day__gte=day)


class Use(models.Model):
    """Uses of one connection by one actor on one day. A lower bound: see `flows.uses`."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="uses")
    actor = models.CharField(max_length=ACTOR_LIMIT, blank=True, help_text="Who used it; empty: gave no name.")
    day = models.DateField(help_text="In UTC.")
    count = models.PositiveBigIntegerField(help_text="At least so many times.")
    last_used_at = models.DateTimeField()

    objects = UseQuerySet.as_manager()

    class Meta:
        ordering = ("-day", "-last_used_at")
        indexes: ClassVar = [models.Index(fields=("day",), name="use_by_day")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("connection", "day", "actor"), name="one_use_per_connection_day_and_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.count} uses of {self.connection_id} on {self.day}"
