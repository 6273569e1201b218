"""Which messages are to be sent now, whose turn it is, and how their sending ended: claim, call, commit.

    claim    takes the leases of messages that are due: of each endpoint a few at a time, by all senders together
    settle   in one transaction what became of one, and of its endpoint; nothing where the lease is lost
    release  gives a message back unsent

A sender that dies leaves its leases to run out; the same message leaves again, under the same id.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models, transaction
from django.db.models import Count, Exists, F, OuterRef

from integrations.flows import hold, notices
from integrations.flows.events import record
from integrations.flows.schedule import circuit_pause, spread
from integrations.models import Event, WebhookDelivery, WebhookEndpoint

LEASE = timedelta(minutes=1)
IN_FLIGHT_AT_MOST = 4
#: After a failed attempt, until the next: some three days in all, as Standard Webhooks proposes.
SCHEDULE = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
JITTER = 0.2
#: Failures in a row from which on an endpoint is left alone for a while after each.
PAUSES_FROM = 3
#: It is switched off that failed for so long, and so often, in a row.
DISABLED_AFTER = timedelta(days=5)
DISABLED_FROM = 10
#: Longer than any wait between two attempts of a message: while nothing is sent, nobody fails.
QUIET = timedelta(hours=36)
GONE = 410
MAY_SAY_WHEN = (429, 503)
DISABLED_CODE = "endpoint_disabled"
SECRET_CODE = "secret_unreadable"

type Why = WebhookEndpoint.Why


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How one attempt ended: an HTTP status, or a code of what went wrong without one."""

    status: int | None = None
    code: str = ""
    retry_after: int | None = None

    @property
    def is_delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def error_code(self) -> str:
        if self.code or self.is_delivered or self.status is None:
            return self.code
        return "redirected" if 300 <= self.status < 400 else "gone" if self.status == GONE else "refused"


def claim(*, at_most: int, now: datetime) -> list[WebhookDelivery]:
    """Take messages that are due, with their endpoints; those endpoints first that have waited longest for a turn."""
    if hold.is_on() or at_most <= 0:
        return []
    lease_owner = secrets.token_hex(16)
    with transaction.atomic():
        waiting = WebhookDelivery.objects.due(now=now).filter(endpoint=OuterRef("pk"))
        endpoints = WebhookEndpoint.objects.free(now=now).exclude(pk__in=_busy(now=now)).filter(Exists(waiting))
        in_turn = endpoints.order_by(F("last_attempt_at").asc(nulls_first=True), "pk")
        # Past what another sender holds: of one endpoint only one at a time counts what is in flight.
        locked = in_turn.select_for_update(skip_locked=True, no_key=True, of=("self",))
        ids = _next(list(locked[:at_most]), at_most=at_most, now=now)
        rows = WebhookDelivery.objects.filter(pk__in=ids)
        if not ids or not rows.claim(lease_owner=lease_owner, lease_until=now + LEASE, now=now):
            return []
        mine = WebhookDelivery.objects.filter(lease_owner=lease_owner)
        WebhookEndpoint.objects.filter(deliveries__in=mine).update(last_attempt_at=now)
        found = mine.select_related("endpoint").order_by("next_attempt_at", "pk")
        return list(found.fetch_mode(models.FETCH_RAISE))


def settle(message: WebhookDelivery, ending: Ending, *, now: datetime) -> WebhookDelivery.State | None:
    """Write down how an attempt ended; None, and nothing changed, where the lease is somebody else's by now."""
    with transaction.atomic():
        endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=message.endpoint_id).first()
        state, due_at = _next_state(message, ending, now=now)
        changes: dict[str, object] = {
            "state": state,
            "attempts": message.attempts + 1,
            "last_attempt_at": now,
            "last_status": ending.status,
            "last_error_code": ending.error_code,
            "delivered_at": now if ending.is_delivered else None,
            "next_attempt_at": due_at,
        }
        if not _held(message).update(**changes, lease_owner="", lease_until=None):
            return None
        if endpoint is not None and endpoint.is_enabled:
            _note(endpoint, ending, now=now)
    return state


def release(message: WebhookDelivery, *, until: datetime) -> None:
    """Give back a message that was not sent, for reasons that are not its receiver's."""
    _held(message).update(lease_owner="", lease_until=None, next_attempt_at=until)


def disable(endpoint: WebhookEndpoint, why: Why, *, now: datetime, code: str = "") -> bool:
    """Switch an endpoint off: what waits has failed, its owner is told by mail, and an event tells why.

    In the caller's transaction, or one of its own. False: it was off already.
    """
    with transaction.atomic():
        on = WebhookEndpoint.objects.enabled().filter(pk=endpoint.pk)
        if not on.update(disabled_at=now, disabled_why=why, paused_until=None):
            return False
        give_up(WebhookDelivery.objects.filter(endpoint=endpoint), code=DISABLED_CODE)
        details = {"why": why.value, "webhook": str(endpoint.uuid), "client_id": endpoint.client_id}
        details |= {"code": code} if code else {}
        record(Event.Kind.WEBHOOK_DISABLED, owner_id=endpoint.owner_id, details=details)
        notices.tell_webhook_disabled(endpoint)
    return True


def give_up(rows: models.QuerySet[WebhookDelivery], *, code: str) -> None:
    """What waits of these has failed; what is being sent of them, too, whatever is answered."""
    waiting = rows.filter(state=WebhookDelivery.State.WAITING)
    waiting.update(state=WebhookDelivery.State.FAILED, last_error_code=code, lease_owner="", lease_until=None)


def wait_after(attempts: int, *, seed: str) -> timedelta | None:
    """How long to wait after so many failed attempts, up to a fifth longer than `SCHEDULE`; None: no more."""
    if attempts > len(SCHEDULE):
        return None
    return SCHEDULE[attempts - 1] * (1 + JITTER * spread(f"{seed}:{attempts}"))


def _busy(*, now: datetime) -> list[int]:
    """Endpoints that have as much in flight as they may; looked at once more under their locks."""
    flying = WebhookDelivery.objects.in_flight(now=now).order_by().values_list("endpoint", "endpoint__failing_since")
    counted = flying.annotate(Count("pk"))
    return [pk for pk, failing_since, count in counted if count >= _room(failing_since)]


def _room(failing_since: datetime | None) -> int:
    """How much one endpoint may have in flight. One that fails is asked one by one."""
    return 1 if failing_since else IN_FLIGHT_AT_MOST


def _next(endpoints: Sequence[WebhookEndpoint], *, at_most: int, now: datetime) -> list[int]:
    """Messages of locked endpoints: as many of each as may be in flight."""
    flying = WebhookDelivery.objects.in_flight(now=now).filter(endpoint__in=endpoints).order_by()
    counts = dict(flying.values_list("endpoint").annotate(Count("pk")))
    found: list[int] = []
    for endpoint in endpoints:
        room = _room(endpoint.failing_since) - counts.get(endpoint.pk, 0)
        room = min(room, at_most - len(found))
        if room > 0:
            due = WebhookDelivery.objects.due(now=now).filter(endpoint=endpoint)
            found += due.order_by("next_attempt_at", "pk").values_list("pk", flat=True)[:room]
    return found


def _held(message: WebhookDelivery) -> models.QuerySet[WebhookDelivery]:
    return WebhookDelivery.objects.filter(
        pk=message.pk, lease_owner=message.lease_owner, state=WebhookDelivery.State.WAITING
    )


def _next_state(message: WebhookDelivery, ending: Ending, *, now: datetime) -> tuple[WebhookDelivery.State, datetime]:
    if ending.is_delivered:
        return WebhookDelivery.State.DELIVERED, now
    wait = wait_after(message.attempts + 1, seed=message.message_id)
    if wait is None or ending.status == GONE:
        return WebhookDelivery.State.FAILED, now
    return WebhookDelivery.State.WAITING, now + max(wait, _asked(ending))


def _asked(ending: Ending) -> timedelta:
    seconds = ending.retry_after if ending.status in MAY_SAY_WHEN else None
    return timedelta(seconds=seconds or 0)


def _note(endpoint: WebhookEndpoint, ending: Ending, *, now: datetime) -> None:
    """What an attempt says of its endpoint, which the caller has locked."""
    row = WebhookEndpoint.objects.filter(pk=endpoint.pk)
    if ending.is_delivered:
        if endpoint.failing_since or endpoint.failure_count or endpoint.paused_until:
            row.update(failing_since=None, last_failed_at=None, failure_count=0, paused_until=None)
        return
    since, count = _failing_since(endpoint, now=now), endpoint.failure_count + 1
    pause = _asked(ending)
    if count >= PAUSES_FROM:
        pause = max(pause, circuit_pause(count - PAUSES_FROM + 1, seed=str(endpoint.uuid)))
    paused_until = now + pause if pause else None
    row.update(failing_since=since, last_failed_at=now, failure_count=count, paused_until=paused_until)
    if ending.status == GONE:
        disable(endpoint, WebhookEndpoint.Why.GONE, now=now)
    elif now - since >= DISABLED_AFTER and count >= DISABLED_FROM:
        disable(endpoint, WebhookEndpoint.Why.FAILING, now=now)


def _failing_since(endpoint: WebhookEndpoint, *, now: datetime) -> datetime:
    """Since when an endpoint has failed that fails now: moved on by each time in which nothing was sent there."""
    if endpoint.failing_since is None:
        return now
    quiet = now - (endpoint.last_failed_at or endpoint.failing_since)
    return endpoint.failing_since + quiet if quiet > QUIET else endpoint.failing_since
