"""A connect attempt that has not come back yet."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from integrations.models.client_registration import ClientRegistration
from integrations.models.connect_link import ConnectLink
from integrations.models.connection import Connection


class AuthorizationRequestQuerySet(models.QuerySet["AuthorizationRequest"]):
    def take(self, *, state_hash: str) -> "AuthorizationRequest | None":
        """Hand out the request of this state to exactly one caller, and delete it; None if it is not there."""
        request = self.select_related("connection", "registration").filter(state_hash=state_hash).first()
        if request is None or self.filter(pk=request.pk).delete()[0] != 1:
            return None
        return request

    def prune(self, *, now: datetime) -> int:
        return self.filter(expires_at__lte=now).delete()[0]


class AuthorizationRequest(models.Model):
    """Binds one `state` to a person, a browser session and a registration; used once, within ten minutes."""

    state_hash = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    browser_hash = models.CharField(max_length=64, help_text="Of the value kept in the browser's session.")
    registration = models.ForeignKey(ClientRegistration, on_delete=models.CASCADE, related_name="+")
    connection = models.ForeignKey(
        Connection,
        on_delete=models.CASCADE,
        null=True,
        related_name="authorization_requests",
        help_text="The connection it upgrades or reconnects; null: a new one.",
    )
    sealed = models.BinaryField(help_text="code_verifier and nonce, bound to this state.")
    scope = models.TextField(blank=True)
    features = models.JSONField(default=list)
    variables = models.JSONField(
        default=dict,
        help_text="What the person chose of the provider's variables; the answer is taken to that instance.",
    )
    link = models.ForeignKey(
        ConnectLink,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="The application's link that led here; null: the person came by themselves.",
    )
    return_to = models.CharField(max_length=2000, blank=True)
    expires_at = models.DateTimeField(db_index=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = AuthorizationRequestQuerySet.as_manager()

    def __str__(self) -> str:
        return f"authorization request {self.pk}"
