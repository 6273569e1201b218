"""Attempts to connect an account, step by step: what an operator looks at when somebody could not."""

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Value, When, Window
from django.db.models.functions import RowNumber

from integrations.models.client_registration import ClientRegistration
from integrations.models.connection import Connection

#: Of each registration, so many that failed and so many others are kept.
KEPT = 50
STEPS_AT_MOST = 40
CODES_KEPT = 20


class AttemptQuerySet(models.QuerySet["Attempt"]):
    def surplus(self) -> Self:
        """What is beyond the newest of its registration, failed ones and others each counted for themselves."""
        failed = Case(When(outcome=Attempt.Outcome.FAILED, then=Value(1)), default=Value(0))
        place = Window(RowNumber(), partition_by=[F("registration"), failed], order_by=F("pk").desc())
        return self.filter(pk__in=self.annotate(place=place).filter(place__gt=KEPT).values("pk"))


class Attempt(models.Model):
    """One attempt of one person. No code, state, verifier, token or secret is in it, nor a part of one."""

    class Outcome(models.TextChoices):
        BEGUN = "begun", "not finished"
        CONNECTED = "connected", "connected"
        FAILED = "failed", "failed"

    registration = models.ForeignKey(ClientRegistration, on_delete=models.CASCADE, related_name="attempts")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="connect_attempts")
    connection = models.ForeignKey(
        Connection,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="The connection it changed or made; empty: none.",
    )
    state_hash = models.CharField(
        max_length=64, unique=True, null=True, editable=False, help_text="Null: it failed before it had one."
    )
    request_id = models.CharField(
        "support code",
        max_length=64,
        blank=True,
        db_index=True,
        help_text="Of the last request that it saw.",
    )
    begun_request_id = models.CharField(
        "support code when begun",
        max_length=64,
        blank=True,
        db_index=True,
        help_text="Of the request that began it.",
    )
    outcome = models.CharField(max_length=16, choices=Outcome, default=Outcome.BEGUN)
    error_code = models.CharField(max_length=64, blank=True, help_text="Of the step that failed; empty: none did.")
    steps = models.JSONField(default=list, help_text="In the order they happened. No secrets.")
    started_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="Until when the person could come back.")
    ended_at = models.DateTimeField(null=True, help_text="Empty: not finished.")

    objects = AttemptQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        indexes: ClassVar = [models.Index(fields=("registration", "-id"), name="attempt_by_registration")]

    def __str__(self) -> str:
        return f"attempt {self.pk}"


class StrayResponse(models.Model):
    """Authorization responses that answer no attempt the hub knows: counted, not kept one by one."""

    registration = models.OneToOneField(
        ClientRegistration, on_delete=models.CASCADE, primary_key=True, related_name="stray_responses"
    )
    count = models.PositiveBigIntegerField(default=0)
    last_at = models.DateTimeField()
    recent = models.JSONField(default=list, help_text="Support codes of the last ones, the newest first.")

    class Meta:
        ordering = ("-last_at",)

    def __str__(self) -> str:
        return f"stray responses at {self.registration_id}"
