"""Ending many connections at once: what was chosen, why, by whom, and how far it is."""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q


class BulkRevocationQuerySet(models.QuerySet["BulkRevocation"]):
    def under_way(self) -> Self:
        """Neither at their end nor cancelled."""
        return self.filter(finished_at__isnull=True, cancelled_at__isnull=True)

    def claim(self, *, lease_owner: str, lease_until: datetime, now: datetime) -> int:
        """Take the lease of every row of this query that is free (one compare-and-set); how many were taken."""
        free = self.filter(Q(lease_until__isnull=True) | Q(lease_until__lte=now))
        return free.update(lease_owner=lease_owner, lease_until=lease_until)

    def release(self, *, lease_owner: str) -> None:
        """Give the leases of this query back, those that are still this owner's."""
        self.filter(lease_owner=lease_owner).update(lease_owner="", lease_until=None)


class BulkRevocation(models.Model):
    """One order to revoke; it is carried out in batches, each with how far it came, so that it can be gone on with."""

    selection = models.JSONField(help_text="What was chosen, by name of the filter.")
    reason = models.CharField(max_length=200, help_text="Kept with every connection it ends.")
    actor = models.CharField(max_length=150, help_text="Who ordered it.")
    total = models.PositiveBigIntegerField(help_text="Connections it concerned when it was ordered.")
    last_pk = models.PositiveBigIntegerField(help_text="Connections that came later are not concerned.")
    cursor = models.PositiveBigIntegerField(default=0, help_text="Connections up to this one are done.")
    wiped = models.PositiveBigIntegerField(default=0, help_text="Ended here.")
    untold = models.PositiveBigIntegerField(
        default=0, help_text="Of those, whose provider has no way to be told, or whose tokens could not be opened."
    )
    failed = models.PositiveBigIntegerField(default=0, help_text="Not ended.")
    failures = models.JSONField(default=list, help_text="The first of those, and why.")
    lease_owner = models.CharField(max_length=64, blank=True, help_text="Who works on it now; empty: nobody.")
    lease_until = models.DateTimeField(null=True, help_text="Null: no lease.")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, help_text="When the last one was reached; null: not yet.")
    cancelled_at = models.DateTimeField(null=True, help_text="Null: not cancelled.")
    cancelled_by = models.CharField(max_length=150, blank=True)

    objects = BulkRevocationQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(lease_owner="", lease_until__isnull=True)
                | (~Q(lease_owner="") & Q(lease_until__isnull=False)),
                name="a_bulk_lease_has_an_owner_and_an_end",
            ),
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True) | Q(cancelled_at__isnull=True),
                name="a_bulk_revocation_ends_one_way",
            ),
        ]

    def __str__(self) -> str:
        return f"bulk revocation {self.pk}"

    @property
    def is_under_way(self) -> bool:
        return self.finished_at is None and self.cancelled_at is None

    @property
    def reached(self) -> int:
        return self.wiped + self.failed
