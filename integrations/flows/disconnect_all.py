"""Disconnect everything a person has: wiped here at once, then each provider is told, for as long as somebody waits.

Whatever stops it, doing it again goes on; what is left of the providers' part is done by the sweep.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Min

from integrations.flows import disconnect
from integrations.flows.rows import Clock, require_keys
from integrations.models import AuthorizationRequest, Connection, Event, PendingRevocation
from integrations.models.connection import ENDED

BATCH = 25
BUDGET = timedelta(seconds=5)
_TOLD = (Event.Kind.DISCONNECTED, Event.Kind.REVOKED_AT_PROVIDER, Event.Kind.REVOCATION_FAILED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far the providers were told: connections that a provider confirmed, that wait, that need a visit there."""

    confirmed: frozenset[int]
    waiting: frozenset[int]
    to_visit: frozenset[int]

    @property
    def total(self) -> int:
        return len(self.confirmed) + len(self.waiting) + len(self.to_visit)


def disconnect_all(owner_id: int, *, actor: str, clock: Clock, ip: str = "", budget: timedelta = BUDGET) -> int:
    """End every connection of a person; how many were ended now. Attempts to connect that are under way are void.

    Raises:
        ConnectionUnusable: as `wipe_all`.
    """
    wiped = wipe_all(owner_id, actor=actor, clock=clock, ip=ip)
    tell_providers(owner_id, clock=clock, budget=budget)
    return wiped


def wipe_all(owner_id: int, *, actor: str, clock: Clock, ip: str = "") -> int:
    """The part that needs nobody else, in batches of one transaction each; how many were wiped.

    Raises:
        ConnectionUnusable: the key service does not answer; what was not wiped yet stays.
    """
    require_keys()
    AuthorizationRequest.objects.filter(user_id=owner_id).delete()
    held = Connection.objects.visible().filter(owner_id=owner_id).order_by("pk")
    wiped = 0
    while batch := list(held[:BATCH]):
        with transaction.atomic():
            for connection in batch:
                disconnect.wipe(connection, actor=actor, now=clock(), ip=ip)
        wiped += len(batch)
    return wiped


def tell_providers(owner_id: int, *, clock: Clock, budget: timedelta = BUDGET) -> int:
    """Revoke what waits and is due, starting nothing new when the budget is spent; how many were revoked."""
    until = clock() + budget
    return disconnect.retry_revocations(now=clock(), owner_id=owner_id, stop=lambda: clock() >= until)


def newest_event(owner_id: int) -> int:
    """A mark to count progress from: what happens to this person afterwards has a greater number."""
    return Event.objects.filter(owner_id=owner_id).values_list("pk", flat=True).first() or 0


def progress(owner_id: int, *, since: int) -> Progress:
    """What became of the connections that were disconnected after a mark; those connected again do not count."""
    told = Event.objects.filter(owner_id=owner_id, pk__gt=since, kind__in=_TOLD, connection__status__in=ENDED)
    kinds: dict[int, set[str]] = {}
    waiting = set()
    rows = told.order_by("pk").values_list("connection_id", "kind", "connection__status")
    for connection_id, kind, status in rows:
        kinds.setdefault(connection_id, set()).add(kind)
        if status == Connection.Status.REVOKING:
            waiting.add(connection_id)
    ended = {pk for pk, found in kinds.items() if Event.Kind.DISCONNECTED in found}
    confirmed = {pk for pk in ended if Event.Kind.REVOKED_AT_PROVIDER in kinds[pk]} - waiting
    return Progress(
        confirmed=frozenset(confirmed),
        waiting=frozenset(ended & waiting),
        to_visit=frozenset(ended - confirmed - waiting),
    )


def next_attempt_at(owner_id: int) -> datetime | None:
    """When a provider is asked next; None when nothing waits."""
    waiting = PendingRevocation.objects.filter(connection__owner_id=owner_id)
    first: datetime | None = waiting.aggregate(first=Min("next_attempt_at"))["first"]
    return first
