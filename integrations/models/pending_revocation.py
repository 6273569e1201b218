"""Tokens that must still be revoked at the provider after their connection was wiped here."""

from django.db import models
from django.db.models.functions import Now

from integrations.models.bulk_revocation import BulkRevocation
from integrations.models.client_registration import ClientRegistration
from integrations.models.connection import Connection


class PendingRevocation(models.Model):
    """A sealed token set which only the disconnect flow opens, to revoke it at the provider (RFC 7009)."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="pending_revocations")
    registration = models.ForeignKey(ClientRegistration, on_delete=models.PROTECT, related_name="+")
    bulk = models.ForeignKey(
        BulkRevocation,
        on_delete=models.SET_NULL,
        null=True,
        related_name="pending_revocations",
        help_text="The order that ended the connection; null: it was ended by itself.",
    )
    nonce = models.UUIDField(unique=True, help_text="Part of what the sealed value is bound to.")
    sealed = models.BinaryField()
    key_id = models.CharField(max_length=32)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(db_index=True)
    last_error_code = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"pending revocation of {self.connection_id}"
