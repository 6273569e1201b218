"""What a person has chosen: which mail they want, and their language."""

from django.conf import settings
from django.db import models


class Preferences(models.Model):
    """One row a person who chose something; without it, every mail is wanted and the browser names the language."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="preferences"
    )
    mail_needs_you = models.BooleanField(default=True, help_text="Wants mail when a connection must be reconnected.")
    mail_connected = models.BooleanField(default=True, help_text="Wants mail when a connection was added.")
    language = models.CharField(max_length=16, blank=True, help_text="Empty: as the browser asks.")

    def __str__(self) -> str:
        return f"preferences of {self.user_id}"
