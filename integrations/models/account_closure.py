"""Accounts that are being deleted: nobody uses them any more, and some provider must still be told."""

from django.conf import settings
from django.db import models


class AccountClosure(models.Model):
    """Marks a person whose account goes as soon as no revocation of theirs waits. It goes with them."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="account_closure"
    )
    started_at = models.DateTimeField()
    operator = models.CharField(
        max_length=150, blank=True, help_text="The operator who deletes the account; empty: the person did."
    )

    class Meta:
        ordering = ("started_at",)

    def __str__(self) -> str:
        return f"closure of account {self.user_id}"
