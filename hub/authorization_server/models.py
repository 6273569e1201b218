"""What the toolkit keeps no row of: devices that wait for a person, codes that were spent, requests that are counted.

No row holds a code: hashes stand in their place. What has served its time is deleted by `prune_grants`.
"""

from django.conf import settings
from django.db import models

from hub.device_authorization import DeviceAuthorization

__all__ = ["DeviceAuthorization", "SpentCode", "Tally"]


class SpentCode(models.Model):
    """An authorization code that was redeemed, and what came of it: if it comes again, that ends (RFC 6749 §4.1.2)."""

    application = models.ForeignKey(
        settings.OAUTH2_PROVIDER_APPLICATION_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    code_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256, in hexadecimal.")
    token_family = models.UUIDField(help_text="Of the refresh token that it bought, and of all that followed.")
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"spent code {self.pk}"


class Tally(models.Model):
    """How often something was done by somebody in a stretch of time; see `limits`."""

    name = models.CharField(max_length=40)
    subject_hash = models.CharField(max_length=64, help_text="Whose; keyed by SECRET_KEY, as an address is personal.")
    expires_at = models.DateTimeField(db_index=True, help_text="When the stretch ends.")
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "subject_hash", "expires_at"], name="one_tally_a_stretch"),
        ]

    def __str__(self) -> str:
        return f"tally {self.pk}"
