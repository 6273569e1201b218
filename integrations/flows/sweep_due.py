"""Which connections are due, in order, and their leases: by partial indexes, whatever the size of the table."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import NamedTuple

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q

from integrations.flows.clients import Instance
from integrations.models import ClientRegistration, Connection

TENANTS_NAMED = 64
REGISTRATIONS_APART = 64

type Position = tuple[datetime, int]
type Query = models.QuerySet[Connection, tuple[datetime | None, int, bool]]


class Found(NamedTuple):
    """A due row, in the order in which they are taken; `sent`: its refresher vanished after it was about to send."""

    due_at: datetime
    pk: int
    sent: bool


@dataclass(kw_only=True)
class DueRows:
    """Goes over the due rows once, from the longest due on.

    Rows that this run has handled have moved beyond what it looks at: refreshed since it `started`, or backing off.
    What is due at registrations that are not swept (another provider, stopped, switched off) may be most of the table:
    then each of the others is looked through by an index of its own, so that nothing is read that is not taken.
    """

    provider: str
    started: datetime
    horizon: datetime
    position: Position | None = None
    _enabled: frozenset[int] | None = None
    _is_mixed: bool = False

    def due(self, *, now: datetime) -> models.QuerySet[Connection]:
        """What this run is to refresh and nobody is refreshing; with those whose refresher vanished."""
        widened = Q(failure_count=0, has_refresh_token=True) | Q(refresh_due_at__lte=self.started)
        rows = Connection.objects.usable().filter(
            widened,
            Q(last_refreshed_at__isnull=True) | Q(last_refreshed_at__lt=self.started),
            Q(lease_until__isnull=True) | Q(lease_until__lte=now),
            refresh_due_at__lte=self.horizon,
        )
        return rows.filter(registration__provider=self.provider) if self.provider else rows

    def lease(
        self, count: int, *, without: Collection[Instance], lease_owner: str, now: datetime
    ) -> tuple[list[Found], bool]:
        """Find the next rows and take the leases of those whose request never left; and whether they are the last."""
        with transaction.atomic():
            found, last = self._next(count, without=without, now=now)
            free = [row.pk for row in found if not row.sent]
            lease_until = now + timedelta(seconds=settings.HUB_LEASE_SECONDS)
            Connection.objects.among(free).filter(status=Connection.Status.ACTIVE).claim(
                lease_owner=lease_owner, lease_until=lease_until, now=now
            )
        return found, last

    def rewind(self, position: Position | None) -> None:
        """Go back to where rows were left out."""
        self.position = min(self.position, position) if position and self.position else None

    def queries(self, count: int, *, without: Collection[Instance], now: datetime) -> list[Query]:
        """What finds the next `count` rows: one query over all, or one for each registration that is not left out."""
        rows = self.due(now=now)
        if without:
            rows = rows.exclude(_at(without))
        if self.position is not None:
            due_at, pk = self.position
            rows = rows.filter(Q(refresh_due_at__gt=due_at) | Q(pk__gt=pk), refresh_due_at__gte=due_at)
        apart = self._apart(without)
        if apart is None:
            return [_found(rows.select_for_update(skip_locked=True, of=("self",)))[:count]]
        return [_found(rows.filter(registration=pk))[:count] for pk in sorted(apart)]

    def _apart(self, without: Collection[Instance]) -> frozenset[int] | None:
        """The registrations to be looked through one by one; None: nothing is left out, or they are too many."""
        if self._enabled is None:
            enabled = ClientRegistration.objects.filter(enabled=True)
            mine = enabled.filter(provider=self.provider) if self.provider else enabled
            self._enabled = frozenset(mine.values_list("pk", flat=True))
            self._is_mixed = bool(self.provider) or self._has_backlog_of_others()
        if not (self._is_mixed or without) or len(self._enabled) > REGISTRATIONS_APART:
            return None
        return self._enabled - {pk for pk, variables in without if not variables}

    def _has_backlog_of_others(self) -> bool:
        """Whether something is due at a registration that is switched off."""
        off = ClientRegistration.objects.filter(enabled=False).values_list("pk", flat=True)[:REGISTRATIONS_APART]
        return any(Connection.objects.filter(registration=pk, refresh_due_at__lte=self.horizon).exists() for pk in off)

    def _next(self, count: int, *, without: Collection[Instance], now: datetime) -> tuple[list[Found], bool]:
        queries = self.queries(count, without=without, now=now)
        rows = [Found(due_at, pk, sent) for query in queries for due_at, pk, sent in query if due_at is not None]
        found = sorted(rows)[:count]
        if found:
            self.position = found[-1][:2]
        last = len(found) < count
        if self._apart(without) is not None:
            # Only what is taken is locked: others sweep the rest meanwhile.
            mine = self.due(now=now).filter(pk__in=[row.pk for row in found])
            locked = set(mine.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True))
            found = [row for row in found if row.pk in locked]
        return found, last


def _found(rows: models.QuerySet[Connection]) -> Query:
    return rows.order_by("refresh_due_at", "pk").values_list("refresh_due_at", "pk", "refresh_sent")


def _at(instances: Collection[Instance]) -> Q:
    """Rows at these instances. Of many tenants only some are named: what is sent to the others comes back unsent."""
    whole = Q(registration__in=[pk for pk, variables in instances if not variables])
    tenants = [(pk, dict(variables)) for pk, variables in instances if variables]
    return reduce(or_, (Q(registration=pk, variables=own) for pk, own in tenants[:TENANTS_NAMED]), whole)
