"""One worker's pass over all connections that are due."""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now


class SweepRunQuerySet(models.QuerySet["SweepRun"]):
    def end_interrupted(self, *, silent_since: datetime) -> int:
        """Mark unfinished runs that gave no sign of life since then as interrupted, at their last one; how many."""
        return self.filter(ended="", seen_at__lt=silent_since).update(
            ended=SweepRun.Ending.INTERRUPTED, finished_at=F("seen_at")
        )

    def under_way(self) -> Self:
        return self.filter(ended="")


class SweepRun(models.Model):
    """Written when it begins, every few seconds while it runs, and when it ends."""

    class Ending(models.TextChoices):
        NONE = "", "running"
        COMPLETE = "complete", "complete"
        STOPPED = "stopped", "stopped"
        FAILED = "failed", "failed"
        INTERRUPTED = "interrupted", "interrupted"

    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(db_default=Now(), help_text="Its last sign of life.")
    finished_at = models.DateTimeField(null=True, help_text="Null: running, or killed just now.")
    ended = models.CharField(
        max_length=16,
        choices=Ending,
        default=Ending.NONE,
        blank=True,
        help_text="Empty: running. Interrupted: it was killed, and a later run noticed.",
    )
    worker = models.CharField(max_length=100, blank=True, help_text="Host and process.")
    provider = models.CharField(max_length=64, blank=True, help_text="The only one it swept; empty: all.")
    counts = models.JSONField(default=dict, help_text="By outcome, so far.")
    by_provider = models.JSONField(default=dict, help_text="By provider, then by outcome, so far.")
    circuits = models.JSONField(
        default=dict, help_text="Token endpoints it did not ask, or not to the end: reason, code and until when."
    )

    objects = SweepRunQuerySet.as_manager()

    class Meta:
        ordering = ("-started_at",)
        indexes: ClassVar = [
            models.Index(fields=("-started_at",), name="sweep_by_start"),
            models.Index(fields=("seen_at",), name="sweep_run_under_way", condition=Q(ended="")),
        ]

    def __str__(self) -> str:
        return f"sweep of {self.started_at:%Y-%m-%d %H:%M}"
