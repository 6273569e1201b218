"""What an application is told of: events of the connections that are lent to it, oldest first."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import takewhile

from django.db import models
from django.db.models import Q

from integrations.flows.lend import Borrower, lent
from integrations.models import Event

#: An event's place in the order is taken before its transaction is over: one that is younger may still be overtaken.
SETTLED = timedelta(seconds=5)
TOLD = (
    Event.Kind.CONNECTED,
    Event.Kind.RECONNECTED,
    Event.Kind.SCOPE_CHANGED,
    Event.Kind.REFRESHED,
    Event.Kind.REFRESH_FAILED,
    Event.Kind.NEEDS_REAUTHORIZATION,
    Event.Kind.SEAL_BROKEN,
    Event.Kind.RECOVERED,
)
#: What of an event's details is told; who did it, from where and for whom else stays here.
DETAILS = ("code", "gained", "lost", "features")


def events(borrower: Borrower, *, after: int, limit: int, now: datetime) -> list[Event]:
    """Events with an id greater than `after` of what is lent now, with their connections; all older than `SETTLED`."""
    own = Q(kind=Event.Kind.APPLICATION_ALLOWED, details__client_id=borrower.client_id)
    connections = lent(borrower).order_by().values("pk")
    found = Event.objects.filter(Q(kind__in=TOLD) | own, connection_id__in=connections, pk__gt=after)
    rows = found.select_related("connection__registration").fetch_mode(models.FETCH_RAISE).order_by("pk")[:limit]
    return list(takewhile(lambda event: event.created_at <= now - SETTLED, rows))


def kind_of(event: Event) -> str:
    """An event's kind as it is told: tokens that cannot be opened mean, to everybody else, to connect again."""
    kind = Event.Kind.NEEDS_REAUTHORIZATION if event.kind == Event.Kind.SEAL_BROKEN else Event.Kind(event.kind)
    return str(kind.value)


def details_of(event: Event) -> Mapping[str, object]:
    """What of an event's details is told."""
    return {name: event.details[name] for name in DETAILS if name in event.details}
