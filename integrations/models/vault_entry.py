"""Sealed tokens, one-to-one with a connection."""

from collections.abc import Iterable

from django.db import connections, models

from integrations.models.batch import as_table
from integrations.models.connection import Connection


class VaultEntryQuerySet(models.QuerySet["VaultEntry"]):
    def put_many(self, entries: Iterable[tuple[int, bytes, str]]) -> None:
        """Write entries, new or anew, in one statement: connection id, sealed value, key id."""
        rows = list(entries)
        if not rows:
            return
        connection = connections[self.db]
        given, values = as_table(connection, types=("bigint", "bytea", "varchar(32)"), rows=rows)
        sql = (
            f"INSERT INTO {connection.ops.quote_name(self.model._meta.db_table)} (connection_id, sealed, key_id) "  # noqa: S608
            f"SELECT given.column1, given.column2, given.column3 FROM {given} WHERE true "
            "ON CONFLICT (connection_id) DO UPDATE SET sealed = excluded.sealed, key_id = excluded.key_id"
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, values)


class VaultEntry(models.Model):
    """The whole token set of one connection as one sealed value; only the vault can open it."""

    connection = models.OneToOneField(
        Connection, on_delete=models.CASCADE, primary_key=True, related_name="vault_entry"
    )
    sealed = models.BinaryField(help_text="Bound to the connection's id, owner, registration and version.")
    key_id = models.CharField(max_length=32, db_index=True, help_text="The key it is sealed under.")

    objects = VaultEntryQuerySet.as_manager()

    def __str__(self) -> str:
        return f"vault entry of {self.connection_id}"
