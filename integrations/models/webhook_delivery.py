"""Messages to applications: the outbox, and what became of them."""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from integrations.models.webhook_endpoint import WebhookEndpoint


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    def due(self, *, now: datetime) -> Self:
        """What waits, may be sent by `now`, and is not being sent by somebody."""
        free = Q(lease_until__isnull=True) | Q(lease_until__lte=now)
        return self.filter(free, state=WebhookDelivery.State.WAITING, next_attempt_at__lte=now)

    def in_flight(self, *, now: datetime) -> Self:
        return self.filter(state=WebhookDelivery.State.WAITING, lease_until__gt=now)

    def claim(self, *, lease_owner: str, lease_until: datetime, now: datetime) -> int:
        """Take the lease of every row of this query that is due (one compare-and-set); how many were taken."""
        return self.due(now=now).update(lease_owner=lease_owner, lease_until=lease_until)


class WebhookDelivery(models.Model):
    """One event as one endpoint is told it; written in the transaction of the event. Holds no token and no name."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DELIVERED = "delivered", _("Delivered")
        FAILED = "failed", _("Failed")

    #: Without a constraint in the database: an endpoint that is deleted must not fail the transaction of an event.
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, db_constraint=False, related_name="deliveries"
    )
    event_id = models.BigIntegerField(null=True, help_text="Which event; it may be deleted. Null: a test message.")
    message_id = models.CharField(max_length=64, unique=True, help_text="The same however often it is sent.")
    kind = models.CharField(max_length=64)
    body = models.TextField(help_text="What is signed and sent, to the byte.")
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0, help_text="Since it was last ordered to be sent.")
    next_attempt_at = models.DateTimeField(db_default=Now())
    lease_owner = models.CharField(max_length=64, blank=True, help_text="Who sends it now; empty: nobody.")
    lease_until = models.DateTimeField(null=True, help_text="Null: no lease.")
    last_attempt_at = models.DateTimeField(null=True)
    last_status = models.PositiveSmallIntegerField(null=True, help_text="HTTP status; null: no answer.")
    last_error_code = models.CharField(max_length=64, blank=True, help_text="What went wrong; empty: nothing.")
    created_at = models.DateTimeField(db_default=Now())
    delivered_at = models.DateTimeField(null=True)

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("endpoint", "event_id"),
                condition=Q(event_id__isnull=False),
                name="one_message_per_webhook_endpoint_and_event",
            ),
            models.CheckConstraint(
                condition=Q(lease_owner="", lease_until__isnull=True)
                | (~Q(lease_owner="") & Q(lease_until__isnull=False)),
                name="a_webhook_lease_has_an_owner_and_an_end",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("waiting", "delivered", "failed")), name="webhook_delivery_state_is_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=("endpoint", "next_attempt_at"), name="webhook_delivery_waiting", condition=Q(state="waiting")
            ),
            models.Index(
                fields=("lease_until",), name="webhook_delivery_in_flight", condition=Q(lease_until__isnull=False)
            ),
            models.Index(fields=("endpoint", "-id"), name="webhook_delivery_by_endpoint"),
            models.Index(fields=("created_at",), name="webhook_delivery_by_age"),
        ]

    def __str__(self) -> str:
        return self.message_id
