"""An application asked a person to connect an account: one link, for that person, good once and for ten minutes."""

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from integrations.models.client_registration import ClientRegistration
from integrations.models.connection import Connection


class ConnectLinkQuerySet(models.QuerySet["ConnectLink"]):
    def start(self, pk: int, *, shares: bool, now: datetime) -> bool:
        """Use a link up, with what the person decided; whether it was still good for that."""
        unused = self.filter(pk=pk, started_at__isnull=True, expires_at__gt=now)
        return unused.update(started_at=now, shares=shares) == 1


class ConnectLink(models.Model):
    """Where an application sends a person to connect an account. It opens nothing: the person signs in and decides."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="connect_links", help_text="Whom it is for."
    )
    client_id = models.CharField(max_length=255)
    client_name = models.CharField(max_length=255, blank=True)
    registration = models.ForeignKey(ClientRegistration, on_delete=models.CASCADE, related_name="+")
    features = models.JSONField(default=list, help_text="Slugs of what the application would like to use.")
    return_to = models.CharField(
        max_length=2000, blank=True, help_text="At one of the origins that the application registered; empty: nowhere."
    )
    expires_at = models.DateTimeField(db_index=True, help_text="It cannot be started from then on.")
    started_at = models.DateTimeField(null=True, help_text="Null: not used yet.")
    shares = models.BooleanField(default=False, help_text="The person lets the application use what they connect.")
    connection = models.ForeignKey(
        Connection, on_delete=models.SET_NULL, null=True, related_name="+", help_text="What came of it; null: nothing."
    )
    created_at = models.DateTimeField(db_default=Now())

    objects = ConnectLinkQuerySet.as_manager()

    def __str__(self) -> str:
        return f"connect link {self.pk}"

    def is_open(self, *, now: datetime) -> bool:
        """Whether it can still be started."""
        return self.started_at is None and now < self.expires_at
