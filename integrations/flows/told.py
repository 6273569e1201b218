"""What an application hears: events of the connections that are lent to it, oldest first, and that one no longer is.

Of a connection it hears from when it was shared to when that ended, of scope only what is allowed to it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from uuid import UUID

from django.db import models
from django.db.models import Exists, OuterRef, Q

from integrations.flows.allow import UNASKED
from integrations.flows.clients import provider_of
from integrations.flows.lend import Borrower, Loan, lent, loans
from integrations.models import Allowance, Event
from integrations.models.allowance import application_key

#: From the beginning of a statement that writes an event to its place in the order.
WRITTEN_WITHIN = timedelta(seconds=5)
#: Some events say nothing to an application: so many are read at once, and so often, to fill its page.
READ_AT_ONCE = 200
READ_AT_MOST = 5
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
SHARING_ENDED = "sharing_ended"
_TOLD_AS: Mapping[str, str] = {
    # Tokens that cannot be opened mean, to everybody else, to connect again.
    Event.Kind.SEAL_BROKEN: Event.Kind.NEEDS_REAUTHORIZATION.value,
    Event.Kind.APPLICATION_REMOVED: SHARING_ENDED,
    Event.Kind.DISCONNECTED: SHARING_ENDED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """An event as an application is told of it; who did it, from where and for whom else stays here."""

    pk: int
    kind: str
    connection: UUID
    provider: str
    created_at: datetime
    details: Mapping[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """Some events, in order; all up to the id `last` are told by them. `has_more`: to be asked again at once."""

    events: list[Told]
    last: int
    has_more: bool


def events(
    borrower: Borrower, *, after: int, limit: int, now: datetime, written_within: timedelta = WRITTEN_WITHIN
) -> Heard:
    """Events with an id greater than `after`, as far as none can come any more that would stand between them."""
    until = Event.objects.complete_until(now, written_within=written_within)
    # Of one person, and so found by an index, however much happens here.
    theirs = Event.objects.filter(owner=borrower.person_id, connection__isnull=False)
    found = theirs.filter(_while_shared(borrower) | _ends(borrower))
    rows = found.select_related("connection__registration").fetch_mode(models.FETCH_RAISE).order_by("pk")
    told: list[Told] = []
    at_once, is_over = max(limit + 1, READ_AT_ONCE), False
    for _batch in range(READ_AT_MOST):
        settled = list(takewhile(lambda event: event.created_at <= until, rows.filter(pk__gt=after)[:at_once]))
        told += filter(_says_something, _all_told(settled, borrower))
        after, is_over = settled[-1].pk if settled else after, len(settled) < at_once
        if is_over or len(told) > limit:
            break
    if len(told) > limit:
        return Heard(events=told[:limit], last=told[limit - 1].pk, has_more=True)
    return Heard(events=told, last=after, has_more=not is_over)


def _all_told(settled: Sequence[Event], borrower: Borrower) -> list[Told]:
    connections = {event.connection.pk: event.connection for event in settled if event.connection is not None}
    by_connection = {loan.connection.pk: loan for loan in loans(borrower, list(connections.values()))}
    return [_told(event, by_connection[event.connection_id]) for event in settled if event.connection_id is not None]


def _while_shared(borrower: Borrower) -> Q:
    """What happened to connections that are lent now, since they are; and how their sharing began and changed."""
    connections = lent(borrower).order_by().values("pk")
    since = Allowance.objects.filter(
        Q(connection=OuterRef("connection")) | Q(connection=None, registration=OuterRef("registration")),
        issuer=borrower.issuer,
        client_id=borrower.client_id,
        subject=borrower.subject,
        person_id=borrower.person_id,
        created_at__lte=OuterRef("created_at"),
    )
    own = _of_application(borrower, Event.Kind.APPLICATION_ALLOWED)
    return Q(connection__in=connections) & (Q(Exists(since), kind__in=TOLD) | own)


def _ends(borrower: Borrower) -> Q:
    """That a connection is no longer shared; of one that is not shared, nothing else is told."""
    key = application_key(borrower.issuer, borrower.client_id, borrower.subject)
    ended = Q(kind=Event.Kind.DISCONNECTED, details__shared_with__has_key=key)
    return ended | _of_application(borrower, Event.Kind.APPLICATION_REMOVED)


def _of_application(borrower: Borrower, kind: Event.Kind) -> Q:
    """Events that concern one application; one of another issuer's, for one subject."""
    known_by = Q(details__issuer__isnull=True)
    if borrower.issuer:
        known_by = Q(details__issuer=borrower.issuer, details__subject=borrower.subject or borrower.client_id)
    return Q(known_by, kind=kind, details__client_id=borrower.client_id)


def _told(event: Event, loan: Loan) -> Told:
    return Told(
        pk=event.pk,
        kind=_TOLD_AS.get(event.kind, event.kind),
        connection=loan.connection.uuid,
        provider=loan.connection.registration.provider,
        created_at=event.created_at,
        details=_details(event, loan),
    )


def _says_something(told: Told) -> bool:
    """Not that scope was changed, and of what is allowed none."""
    return told.kind != Event.Kind.SCOPE_CHANGED or any(told.details.values())


def _details(event: Event, loan: Loan) -> Mapping[str, object]:
    if event.kind == Event.Kind.SCOPE_CHANGED:
        known = provider_of(loan.connection.registration).covered_by(loan.allowed_scope)
        return {
            name: [token for token in event.details[name] if token in known]
            for name in ("gained", "lost")
            if name in event.details
        }
    if event.kind == Event.Kind.APPLICATION_ALLOWED:
        return {"features": [slug for slug in event.details.get("features", ()) if slug != UNASKED]}
    return {"code": event.details["code"]} if "code" in event.details else {}
