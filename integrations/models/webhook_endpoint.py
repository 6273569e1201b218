"""Where an application hears of the connections that are lent to it."""

import uuid
from datetime import datetime
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from integrations.models.silenced_client import SilencedClient


class WebhookKind(models.TextChoices):
    """What a message tells of; the value is its `type`."""

    CREATED = "connection.created", _("A connection was shared")
    SCOPE_CHANGED = "connection.scope_changed", _("Its permissions changed")
    NEEDS_REAUTHORIZATION = "connection.needs_reauthorization", _("It needs its owner")
    RECOVERED = "connection.recovered", _("It works again")
    REVOKED = "connection.revoked", _("It ended, or is no longer shared")


class WebhookEndpointQuerySet(models.QuerySet["WebhookEndpoint"]):
    def enabled(self) -> Self:
        return self.filter(disabled_at__isnull=True)

    def hearing(self) -> Self:
        """Those that are told of what happens: switched on, of somebody active, and of no application that is off."""
        silenced = SilencedClient.objects.filter(client_id=OuterRef("client_id"))
        return self.enabled().filter(owner__is_active=True).exclude(Exists(silenced), issuer="")

    def free(self, *, now: datetime) -> Self:
        """Those that may be called by `now`: as `hearing`, and not asking to be left alone."""
        rested = Q(paused_until__isnull=True) | Q(paused_until__lte=now)
        return self.hearing().filter(rested)


class WebhookEndpoint(models.Model):
    """One address of one application, the kinds it wants to hear of, and the secret its messages are signed with."""

    class Why(models.TextChoices):
        FAILING = "failing", _("It failed for five days")
        GONE = "gone", _("It answered that it is gone for good (410)")
        SECRET_UNREADABLE = "secret_unreadable", _("Its secret cannot be opened any more")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    issuer = models.CharField(max_length=512, blank=True, help_text="Who knows the application; empty: the hub itself.")
    client_id = models.CharField(max_length=255)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="webhook_endpoints")
    url = models.CharField(max_length=2000)
    kinds = models.JSONField(default=list, help_text="Types of messages that are sent here.")
    sealed_secret = models.BinaryField(null=True, editable=False, help_text="Null: lost; nothing is sent without one.")
    sealed_previous_secret = models.BinaryField(null=True, editable=False, help_text="Null: there is none.")
    previous_secret_ends_at = models.DateTimeField(null=True, help_text="Until then both sign; null: there is none.")
    secret_version = models.PositiveIntegerField(default=0, editable=False, help_text="Grows with every new secret.")
    disabled_at = models.DateTimeField(null=True, help_text="Null: switched on.")
    disabled_why = models.CharField(max_length=32, blank=True, choices=Why)
    failing_since = models.DateTimeField(
        null=True,
        help_text="Moved on by times in which nothing was sent. Null: the last attempt went through, or none.",
    )
    last_failed_at = models.DateTimeField(null=True, help_text="The last of these failures; null: as failing_since.")
    failure_count = models.PositiveIntegerField(default=0, help_text="Failed attempts in a row.")
    paused_until = models.DateTimeField(null=True, help_text="Nothing is sent before; null: no pause.")
    last_attempt_at = models.DateTimeField(null=True, help_text="When something was last taken to be sent here.")
    created_at = models.DateTimeField(db_default=Now())

    objects = WebhookEndpointQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(client_id=""), name="webhook_endpoint_names_its_application"),
            models.CheckConstraint(
                condition=Q(disabled_at__isnull=True, disabled_why="")
                | (Q(disabled_at__isnull=False) & ~Q(disabled_why="")),
                name="a_disabled_webhook_endpoint_says_why",
            ),
            models.CheckConstraint(
                condition=Q(sealed_previous_secret__isnull=True, previous_secret_ends_at__isnull=True)
                | Q(sealed_previous_secret__isnull=False, previous_secret_ends_at__isnull=False),
                name="a_previous_webhook_secret_has_an_end",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=("issuer", "client_id"), name="webhook_endpoint_by_client")]

    def __str__(self) -> str:
        return f"{self.client_id}:{self.uuid}"

    @property
    def is_enabled(self) -> bool:
        return self.disabled_at is None
