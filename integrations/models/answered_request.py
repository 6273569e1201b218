"""What was answered to a request that must not be done twice (the Idempotency-Key of the API)."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class AnsweredRequestQuerySet(models.QuerySet["AnsweredRequest"]):
    def take_over(self, name: str, *, seen: datetime, now: datetime) -> bool:
        """Take a request over from whoever began it and never came back; whether nobody else did."""
        abandoned = self.filter(name=name, status__isnull=True, begun_at=seen)
        return abandoned.update(begun_at=now) == 1


class AnsweredRequest(models.Model):
    """One request by its application, person and key, and the answer to give again. Never holds a token or a link."""

    name = models.CharField(max_length=64, unique=True, help_text="Hash of application, person and key.")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+")
    fingerprint = models.CharField(max_length=64, help_text="Hash of what was asked.")
    status = models.PositiveSmallIntegerField(null=True, help_text="Null: not answered yet.")
    body = models.TextField(blank=True, help_text="JSON; no secrets.")
    begun_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = AnsweredRequestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(status__isnull=False) | Q(body=""), name="no_body_before_an_answer"),
        ]

    def __str__(self) -> str:
        return f"answered request {self.pk}"
