"""Which connections a bulk revocation concerns: those that were confirmed, whatever becomes of them meanwhile."""

from typing import Any

from django.db import connections, models

from integrations.models.bulk_revocation import BulkRevocation
from integrations.models.connection import Connection


class BulkMemberQuerySet(models.QuerySet["BulkMember"]):
    def keep(self, order_id: int, rows: "models.QuerySet[Any]") -> None:
        """Keep the connections of a query for an order, in one statement, however many they are."""
        quote = connections[self.db].ops.quote_name
        chosen, params = rows.order_by().values("pk").query.sql_with_params()
        sql = (
            f"INSERT INTO {quote(self.model._meta.db_table)} (order_id, connection_id) "  # noqa: S608
            f"SELECT %s, chosen.* FROM ({chosen}) AS chosen"
        )
        with connections[self.db].cursor() as cursor:
            cursor.execute(sql, [order_id, *params])


class BulkMember(models.Model):
    """One connection that an order has not reached yet; the row goes when it has."""

    order = models.ForeignKey(BulkRevocation, on_delete=models.CASCADE, related_name="members")
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")

    objects = BulkMemberQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("order", "connection"), name="a_bulk_revocation_names_a_connection_once"),
        )

    def __str__(self) -> str:
        return f"{self.order_id}:{self.connection_id}"
