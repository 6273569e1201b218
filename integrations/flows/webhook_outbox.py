"""Which applications hear of an event: their messages are written in its transaction, or neither is.

Why then, and not later from the table of events: whom a connection is lent to at that moment is known only then (to end
one takes its allowances away), and nothing has to remember how far it has read, past transactions that commit late.
What it costs: nothing for events that no application hears of, and where there is no endpoint one small query for
all events of a transaction.
"""

import json
import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db.models import Q

from integrations.models import Allowance, Connection, Event, WebhookDelivery, WebhookEndpoint, WebhookKind
from integrations.models.connection import ENDED, scope_text

TEST_KIND = "webhook.test"
SHARING_ENDED = "sharing_ended"
_COMPACT = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)

TOLD: Mapping[str, WebhookKind] = {
    Event.Kind.CONNECTED: WebhookKind.CREATED,
    Event.Kind.APPLICATION_ALLOWED: WebhookKind.CREATED,
    Event.Kind.SCOPE_CHANGED: WebhookKind.SCOPE_CHANGED,
    Event.Kind.NEEDS_REAUTHORIZATION: WebhookKind.NEEDS_REAUTHORIZATION,
    Event.Kind.SEAL_BROKEN: WebhookKind.NEEDS_REAUTHORIZATION,
    Event.Kind.RECOVERED: WebhookKind.RECOVERED,
    Event.Kind.RECONNECTED: WebhookKind.RECOVERED,
    Event.Kind.DISCONNECTED: WebhookKind.REVOKED,
    Event.Kind.APPLICATION_REMOVED: WebhookKind.REVOKED,
}

#: Issuer, client_id, and the subject it acts for; empty: itself.
type Application = tuple[str, str, str]


class Fact(NamedTuple):
    """What of an event decides who hears of it."""

    pk: int
    kind: str
    connection_id: int | None
    details: Mapping[str, object]

    @classmethod
    def of(cls, event: Event) -> "Fact":
        return cls(event.pk, event.kind, event.connection_id, event.details)

    @property
    def told_as(self) -> WebhookKind:
        # Who had the connection before hears that it may use more of it, or less.
        changed = self.kind == Event.Kind.APPLICATION_ALLOWED and self.details.get("before")
        return WebhookKind.SCOPE_CHANGED if changed else TOLD[self.kind]

    @property
    def of_one_application(self) -> Application | None:
        """The only application it concerns; None: each that the connection is lent to."""
        if self.kind not in (Event.Kind.APPLICATION_ALLOWED, Event.Kind.APPLICATION_REMOVED):
            return None
        issuer, client_id, subject = (str(self.details.get(name, "")) for name in ("issuer", "client_id", "subject"))
        return issuer, client_id, "" if subject == client_id else subject


def enqueue(facts: Sequence[Fact]) -> None:
    """Write the messages of events that were just written, in their transaction."""
    told = [fact for fact in facts if fact.kind in TOLD and fact.connection_id is not None]
    if not told or not WebhookEndpoint.objects.hearing().exists():
        return
    allowed = _Allowed({fact.connection_id for fact in told if fact.connection_id is not None})
    if not allowed.endpoints:
        return
    times = dict(Event.objects.filter(pk__in=[fact.pk for fact in told]).values_list("pk", "created_at"))
    WebhookDelivery.objects.bulk_create(
        message(endpoint, kind=fact.told_as, data=data, at=times[fact.pk], event_id=fact.pk)
        for fact in told
        for endpoint, data in allowed.listeners(fact)
    )


def message(
    endpoint: WebhookEndpoint, *, kind: str, data: Mapping[str, object], at: datetime, event_id: int | None = None
) -> WebhookDelivery:
    """An unsaved message: its id and its body stay what they are, however often it is sent."""
    body = {"type": str(kind), "timestamp": at.isoformat(), "data": data}
    return WebhookDelivery(
        endpoint=endpoint,
        event_id=event_id,
        message_id=f"msg_{secrets.token_hex(16)}",
        kind=str(kind),
        body=_COMPACT.encode(body),
    )


class _Allowed:
    """Who may know of some connections, and what of them: read once for all events of a transaction."""

    def __init__(self, connection_ids: set[int]) -> None:
        rows = Connection.objects.filter(pk__in=connection_ids).select_related("registration")
        self._connections = {row.pk: row for row in rows}
        self._scope: defaultdict[int, defaultdict[Application, set[str]]] = defaultdict(lambda: defaultdict(set))
        for rule in self._rules():
            for row in self._covered(rule):
                self._scope[row.pk][rule.issuer, rule.client_id, rule.subject] |= rule.allowed_scope
        self.endpoints: defaultdict[Application, list[WebhookEndpoint]] = defaultdict(list)
        clients = {client_id for scope in self._scope.values() for _, client_id, _ in scope}
        for endpoint in WebhookEndpoint.objects.hearing().filter(client_id__in=clients) if clients else ():
            # An application's own: what it has for somebody whom its issuer's tokens name is not told to it as its own.
            self.endpoints[endpoint.issuer, endpoint.client_id, ""].append(endpoint)

    def listeners(self, fact: Fact) -> list[tuple[WebhookEndpoint, dict[str, object]]]:
        """The endpoints that want to hear of a fact, each with what it is told."""
        found: list[tuple[WebhookEndpoint, dict[str, object]]] = []
        for application, scope in self._scope.get(fact.connection_id or 0, {}).items():
            if fact.of_one_application not in (None, application):
                continue
            data = _data(self._connections[fact.connection_id or 0], fact, allowed=scope)
            found += [(one, data) for one in self.endpoints.get(application, ()) if fact.told_as in one.kinds]
        return found

    def _rules(self) -> list[Allowance]:
        """What persons allowed of these connections, and operators of the hub's own among them."""
        of_the_hub = {row.registration_id for row in self._connections.values() if row.owner_id is None}
        wanted = Q(connection_id__in=self._connections)
        if of_the_hub:
            wanted |= Q(connection__isnull=True, registration_id__in=of_the_hub)
        return list(Allowance.objects.filter(wanted))

    def _covered(self, rule: Allowance) -> list[Connection]:
        """As `flows.lend` has it: a person's rule opens what is theirs, an operator's what is the hub's own."""
        if rule.connection_id is not None:
            row = self._connections[rule.connection_id]
            return [row] if row.owner_id == rule.person_id else []
        rows = self._connections.values()
        return [row for row in rows if row.owner_id is None and row.registration_id == rule.registration_id]


def _data(row: Connection, fact: Fact, *, allowed: set[str]) -> dict[str, object]:
    """What an application is told of a connection: no token, nothing that names a person, only scope it may use."""
    ended = row.status in ENDED or fact.told_as is WebhookKind.REVOKED
    data: dict[str, object] = {
        "connection": str(row.uuid),
        "provider": row.registration.provider,
        "status": Connection.Status.REVOKED.value if ended else row.status,
        "scope": "" if ended else scope_text(row.scope & allowed),
    }
    if fact.kind == Event.Kind.APPLICATION_REMOVED:
        data["reason"] = SHARING_ENDED
    return data
