"""Connections counted by registration and status: once a minute at most, for counting reads every row."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from django.core.cache import cache
from django.db.models import Count, Q

from integrations.flows.rows import Clock
from integrations.models import ClientRegistration, Connection
from integrations.models.connection import ENDED

KEPT_SECONDS = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Connections of one registration in one status."""

    registration_id: int
    provider: str
    slug: str
    status: str
    total: int
    failing: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """All connections, counted at a moment."""

    at: datetime
    groups: tuple[Group, ...]

    def of_registration(self, registration_id: int) -> int:
        """Connections of a registration that are not over."""
        held = (group for group in self.groups if group.status not in ENDED)
        return sum(group.total for group in held if group.registration_id == registration_id)

    def by_provider(self) -> dict[str, Counter[str]]:
        """Totals by provider and status."""
        found: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for group in self.groups:
            found[group.provider][group.status] += group.total
        return dict(sorted(found.items()))

    @property
    def active(self) -> int:
        return sum(group.total for group in self.groups if group.status == Connection.Status.ACTIVE)


def connection_counts(*, clock: Clock) -> Counts:
    """Connections by registration and status; at most a minute old, since counting reads every row."""
    return kept("connections", lambda: _count(now=clock()))


def kept[Value](name: str, make: Callable[[], Value]) -> Value:
    """What was made within the last minute, by whichever process; else made now."""
    return cast(Value, cache.get_or_set(f"integrations.overview.{name}", make, KEPT_SECONDS))


def _count(*, now: datetime) -> Counts:
    rows = Connection.objects.order_by().values_list("registration_id", "status")
    failing = Count("pk", filter=Q(status=Connection.Status.ACTIVE, failure_count__gt=0))
    found = list(rows.annotate(total=Count("pk"), failing=failing))
    named = {pk: (provider, slug) for pk, provider, slug in _registrations()} if found else {}
    groups = [
        Group(
            registration_id=pk,
            provider=named[pk][0],
            slug=named[pk][1],
            status=status,
            total=total,
            failing=failing_total,
        )
        for pk, status, total, failing_total in found
        if pk in named
    ]
    return Counts(at=now, groups=tuple(groups))


def _registrations() -> Iterable[tuple[int, str, str]]:
    return ClientRegistration.objects.values_list("pk", "provider", "slug")
