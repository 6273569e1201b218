"""One pass over all connections that are due."""

from typing import ClassVar

from django.db import models


class SweepRun(models.Model):
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, help_text="Null: running, or killed.")
    counts = models.JSONField(default=dict, help_text="By outcome.")
    by_provider = models.JSONField(default=dict, help_text="By provider, then by outcome.")

    class Meta:
        ordering = ("-started_at",)
        indexes: ClassVar = [models.Index(fields=("-started_at",), name="sweep_by_start")]

    def __str__(self) -> str:
        return f"sweep of {self.started_at:%Y-%m-%d %H:%M}"
