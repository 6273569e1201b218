"""Whether a provider's token endpoint may be asked now, as all workers and sweeps know it."""

from collections.abc import Collection
from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from integrations.models.client_registration import ClientRegistration


class ProviderStandingQuerySet(models.QuerySet["ProviderStanding"]):
    def troubled(self, *, now: datetime) -> Self:
        """Endpoints that must not be asked freely: a pause lasts, or a first request has yet to prove that it works."""
        return self.filter(Q(until__gt=now) | Q(reason=ProviderStanding.Reason.DOWN))

    def of(self, endpoints: Collection[str]) -> Self:
        return self.filter(endpoint__in=endpoints)


class ProviderStanding(models.Model):
    """One token endpoint: its pause or open circuit, and its place in the queue where its rate is capped."""

    class Reason(models.TextChoices):
        NONE = "", "answers"
        ASKED = "asked", "asked for a pause"
        DOWN = "down", "does not answer"

    class State(models.TextChoices):
        CLOSED = "closed", "asked as usual"
        OPEN = "open", "not asked"
        HALF_OPEN = "half_open", "one request tries it"

    endpoint = models.CharField(max_length=255, unique=True, help_text="Host, and port if need be.")
    registration = models.ForeignKey(
        ClientRegistration, on_delete=models.CASCADE, related_name="+", help_text="One that goes to this endpoint."
    )
    variables = models.JSONField(default=dict, blank=True, help_text="With these values of a connection's own.")
    reason = models.CharField(max_length=8, choices=Reason, default=Reason.NONE, blank=True)
    error_code = models.CharField(max_length=64, blank=True, help_text="What it answered last; empty: all is well.")
    since = models.DateTimeField(null=True, help_text="When the trouble began; null: none.")
    until = models.DateTimeField(null=True, help_text="Not asked before; null: may be asked.")
    openings = models.PositiveIntegerField(default=0, help_text="How often in a row it was found down.")
    probe_until = models.DateTimeField(null=True, help_text="Somebody tries it until then; null: nobody.")
    next_request_at = models.DateTimeField(
        null=True, help_text="The next free moment where its rate is capped; null: it is not."
    )

    objects = ProviderStandingQuerySet.as_manager()

    class Meta:
        ordering = ("endpoint",)
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(reason="", until__isnull=True) | (~Q(reason="") & Q(until__isnull=False)),
                name="a_pause_has_a_reason_and_an_end",
            ),
        ]

    def __str__(self) -> str:
        return self.endpoint

    def state(self, *, now: datetime) -> State:
        """Closed, open or half-open, as of a circuit. A pause that was asked for is simply over when it is over."""
        if self.until is None:
            return self.State.CLOSED
        if now < self.until:
            return self.State.OPEN
        return self.State.HALF_OPEN if self.reason == self.Reason.DOWN else self.State.CLOSED
