"""Sealed tokens, one-to-one with a connection."""

from django.db import models

from integrations.models.connection import Connection


class VaultEntry(models.Model):
    """The whole token set of one connection as one sealed value; only the vault can open it."""

    connection = models.OneToOneField(
        Connection, on_delete=models.CASCADE, primary_key=True, related_name="vault_entry"
    )
    sealed = models.BinaryField(help_text="Bound to the connection's id, owner, registration and version.")
    key_id = models.CharField(max_length=32, db_index=True, help_text="The key it is sealed under.")

    def __str__(self) -> str:
        return f"vault entry of {self.connection_id}"
