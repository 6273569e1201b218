"""What happens to the connections that are lent to an application."""

from datetime import datetime
from typing import Literal, cast
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from ninja import Router, Schema

from integrations.api.caller import CallerRequest, Scoped
from integrations.api.document import described
from integrations.api.paging import After, Limit, cursor, link_next, position
from integrations.flows import told
from integrations.flows.told import Told

router = Router(tags=["events"])

LIST = "events"
Kind = Literal[
    "connected",
    "reconnected",
    "scope_changed",
    "refreshed",
    "refresh_failed",
    "needs_reauthorization",
    "recovered",
    "application_allowed",
    "sharing_ended",
]
EXAMPLE = {
    "id": "Zk3pX0aN7cQw1uVYt9mB5rLgEo2sHjDf",
    "kind": "needs_reauthorization",
    "connection": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
    "provider": "sandbox",
    "created_at": "2026-05-04T10:00:00Z",
    "details": {"code": "invalid_grant"},
}


class EventOut(Schema):
    """One fact about a connection. `details` may hold code, gained, lost (scope) and features; no secrets.

    `id` is the same each time an event is read, unless the hub's SECRET_KEY was changed meanwhile, and tells nothing.
    """

    id: str
    kind: Kind
    connection: UUID
    provider: str
    created_at: datetime
    details: dict[str, object]


class EventList(Schema):
    """A page of events, oldest first. `cursor` is where to go on later, also when this page is the last so far."""

    data: list[EventOut]
    cursor: str
    has_more: bool


@router.get(
    "/events",
    auth=Scoped("events:read"),
    response=EventList,
    openapi_extra=described(example={"data": [EXAMPLE], "cursor": "q2vLw8mT…", "has_more": False}),
)
def list_events(request: CallerRequest, response: HttpResponse, after: After = "", limit: Limit = 50) -> EventList:
    """What happened to the connections that are shared with you, while they are, and when that ended.

    A few seconds later, or when what is being written meanwhile is done: so nothing comes out of order.
    """
    start = position(after, of=LIST)
    heard = told.events(request.auth.borrower, after=start, limit=limit, now=timezone.now())
    following = cursor(heard.last, of=LIST)
    if heard.has_more:
        link_next(request, response, following)
    return EventList(data=[_out(event) for event in heard.events], cursor=following, has_more=heard.has_more)


def _out(event: Told) -> EventOut:
    return EventOut(
        id=cursor(event.pk, of="event"),
        kind=cast(Kind, event.kind),
        connection=event.connection,
        provider=event.provider,
        created_at=event.created_at,
        details=dict(event.details),
    )
