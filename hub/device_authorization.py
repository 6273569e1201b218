"""Devices that wait for a person (RFC 8628).

The table is the authorization server's. It stands below it, as applications ask it too: one that was let in and has yet
to come for its tokens is among those that act for a person.
"""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class DeviceAuthorization(models.Model):
    """A device that waits for a person to allow it (RFC 8628 §3.2); gone once it has its tokens."""

    class Status(models.TextChoices):
        PENDING = "pending"
        APPROVED = "approved"
        DENIED = "denied"

    application = models.ForeignKey(
        settings.OAUTH2_PROVIDER_APPLICATION_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    device_code_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256, in hexadecimal.")
    user_code_hash = models.CharField(
        max_length=64, unique=True, help_text="Keyed by SECRET_KEY, as so short a code could be guessed from a hash."
    )
    scope = models.TextField(blank=True, help_text="Space-separated.")
    resource = models.JSONField(default=list, blank=True, help_text="Resource indicators; empty: any resource.")
    status = models.CharField(max_length=16, choices=Status, default=Status.PENDING)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="Who entered the code, and alone decides; null: nobody yet.",
    )
    interval_seconds = models.PositiveSmallIntegerField(help_text="The least time between two polls.")
    polled_at = models.DateTimeField(null=True, blank=True, help_text="Null: not yet.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        app_label = "authorization_server"
        constraints = [
            models.CheckConstraint(
                name="a_decided_device_has_a_person",
                condition=models.Q(status="pending") | models.Q(person__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"device authorization {self.pk}"
