"""Mail that has not been sent yet, and who is writing to whom: the outbox."""

from datetime import datetime
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from integrations.models.connection import Connection
from integrations.models.webhook_endpoint import WebhookEndpoint


class NoticeQuerySet(models.QuerySet["Notice"]):
    def due(self, *, now: datetime) -> Self:
        """What may be sent by `now`: not while somebody else writes to the person, nor what waits to be gathered.

        A person cannot reconnect where a registration is switched off, so they are not told to until it is on again.
        """
        free = Q(user__mailbox__lease_until__isnull=True) | Q(user__mailbox__lease_until__lte=now)
        over = Q(user__mailbox__quiet_until__isnull=True) | Q(user__mailbox__quiet_until__lte=now)
        wanted = ~Q(kind=Notice.Kind.NEEDS_YOU) | (over & Q(connection__registration__enabled=True))
        return self.filter(free, wanted, next_attempt_at__lte=now)


class Notice(models.Model):
    """One fact that its person is to read by mail; written in the transaction of the fact, deleted when it is sent."""

    class Kind(models.TextChoices):
        NEEDS_YOU = "needs_you", "Reconnection needed"
        CONNECTED = "connected", "Connected"
        WEBHOOK_DISABLED = "webhook_disabled", "Webhook switched off"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, null=True, related_name="+", help_text="Null: it is about a webhook."
    )
    webhook_endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, null=True, related_name="+", help_text="Null: about a connection."
    )
    kind = models.CharField(max_length=16, choices=Kind)
    ip = models.GenericIPAddressField(null=True, help_text="Where it was done; null: not known, or by the hub.")
    user_agent = models.CharField(max_length=300, blank=True, help_text="By which browser, as it called itself.")
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(db_default=Now(), db_index=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = NoticeQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)
        indexes: ClassVar = [models.Index(fields=("user", "kind"), name="notice_by_user")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(kind__in=("needs_you", "connected"), connection__isnull=False)
                | Q(kind="webhook_disabled", webhook_endpoint__isnull=False),
                name="a_notice_is_about_something",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class MailboxQuerySet(models.QuerySet["Mailbox"]):
    def claim(self, *, lease_owner: str, lease_until: datetime, now: datetime) -> int:
        """Take the lease of every row of this query that is free (one compare-and-set); how many were taken."""
        free = self.filter(Q(lease_until__isnull=True) | Q(lease_until__lte=now))
        return free.update(lease_owner=lease_owner, lease_until=lease_until)

    def release(self) -> None:
        """Give the leases of this query back."""
        self.update(lease_owner="", lease_until=None)


class Mailbox(models.Model):
    """The one place two senders meet before they write to the same person."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="mailbox"
    )
    lease_owner = models.CharField(max_length=64, blank=True, help_text="Who writes to them now; empty: nobody.")
    lease_until = models.DateTimeField(null=True, help_text="Null: no lease.")
    quiet_until = models.DateTimeField(
        null=True, help_text="Until then what needs them is gathered; null: nothing was sent lately."
    )

    objects = MailboxQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(lease_owner="", lease_until__isnull=True)
                | (~Q(lease_owner="") & Q(lease_until__isnull=False)),
                name="a_mailbox_lease_has_an_owner_and_an_end",
            ),
        ]

    def __str__(self) -> str:
        return f"mailbox of {self.user_id}"
