"""What the toolkit has no column for."""

from django.db import models
from django.db.models.functions import Now
from oauth2_provider.models import Application


class Suspension(models.Model):
    """An application that an operator switched off: it gets no token, and what it had was ended."""

    application = models.OneToOneField(Application, on_delete=models.CASCADE, related_name="suspension")
    operator = models.CharField(max_length=150, help_text="Who switched it off.")
    reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("-created_at", "-pk")

    def __str__(self) -> str:
        return f"suspension of {self.application_id}"
