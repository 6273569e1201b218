"""Revoke many connections: ordered once, carried out in batches, gone on with by whoever comes next.

    preview  counts what a selection means, for somebody to confirm
    begin    keeps the order, and which connections it concerns: those that were confirmed; nothing is revoked yet
    go_on    batch by batch, each one transaction: connections wiped, counters, how far it is. Then the providers are
             told, for as long as the caller has time; what they are not told now is told by the sweep
    cancel   what is not reached yet stays

A batch that dies is rolled back as a whole, so it is done exactly once whatever stops a worker. Two workers do not
work on the same order: it has a lease, and who lost it writes nothing.
"""

import logging
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DataError, IntegrityError, transaction
from django.db.models import Count, Max, QuerySet, Sum

from integrations.flows import disconnect
from integrations.flows.events import record
from integrations.flows.rows import Clock, require_keys
from integrations.flows.selection import Selection
from integrations.models import BulkMember, BulkRevocation, Connection, Event, PendingRevocation
from integrations.oauth.errors import OAuthError
from integrations.providers import CatalogueError

logger = logging.getLogger(__name__)

BATCH = 25
BUDGET = timedelta(seconds=25)
LEASE = timedelta(minutes=2)
FAILURES_KEPT = 200
#: What may be wrong with one connection and must not stop the others.
OF_ONE_ROW = (OAuthError, CatalogueError, DataError, IntegrityError)


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """What an order would concern; another set of connections has another `mark`."""

    mark: str
    total: int
    owners: int
    by_registration: tuple[tuple[str, int], ...]


class SelectionChanged(Exception):
    """What a selection means is not any more what was confirmed; nothing was ordered."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """Providers that still have to be told: where, why not yet, how many connections."""

    registration: str
    code: str
    count: int


def preview(selection: Selection, *, now: datetime) -> Preview:
    """Count what a selection concerns; two queries."""
    held = selection.held(now=now)
    counts = held.values_list("registration__slug").annotate(Count("pk")).order_by("registration__slug")
    found = held.aggregate(total=Count("pk"), added=Sum("pk"), owners=Count("owner_id", distinct=True))
    return Preview(
        mark=_mark(found["total"], found["added"]),
        total=found["total"],
        owners=found["owners"],
        by_registration=tuple((slug, count) for slug, count in counts),
    )


def begin(selection: Selection, *, reason: str, actor: str, now: datetime, confirmed: str = "") -> BulkRevocation:
    """Keep the order and what it concerns, with an event. What comes to match later is not concerned.

    `confirmed` is the mark of what was shown to whoever confirms it; without one, the order is for what matches now.

    Raises:
        SelectionChanged: other connections match by now; nothing was ordered.
    """
    with transaction.atomic():
        order = BulkRevocation.objects.create(
            selection=selection.stored(), reason=reason[:200], actor=actor[:150], total=0, last_pk=0, started_at=now
        )
        BulkMember.objects.keep(order.pk, selection.held(now=now))
        found = order.members.aggregate(total=Count("pk"), added=Sum("connection_id"), last=Max("connection_id"))
        if confirmed and confirmed != _mark(found["total"], found["added"]):
            raise SelectionChanged
        order.total, order.last_pk = found["total"], found["last"] or 0
        order.save(update_fields=["total", "last_pk"])
        _tell_event(order, "begun", actor=actor, selection=_without_text(selection))
    return order


def go_on(order_id: int, *, clock: Clock, budget: timedelta = BUDGET, stop: Callable[[], bool] = lambda: False) -> bool:
    """Work on an order for as long as the budget lasts; False when somebody else is at it, or keys cannot be had."""
    try:
        require_keys()
    except OAuthError as error:
        logger.warning("bulk revocation waits", extra={"order": order_id, "code": error.code})
        return False
    until, mine = clock() + budget, uuid.uuid4().hex
    orders = BulkRevocation.objects.filter(pk=order_id)
    if not orders.claim(lease_owner=mine, lease_until=clock() + LEASE, now=clock()):
        return False

    def over() -> bool:
        return stop() or clock() >= until

    try:
        while not over() and _batch(order_id, lease_owner=mine, now=clock()):
            pass
        while not over() and disconnect.retry_revocations(now=clock(), bulk_id=order_id, stop=over):
            pass
    finally:
        orders.release(lease_owner=mine)
    return True


def go_on_all(*, clock: Clock, budget: timedelta = BUDGET, stop: Callable[[], bool] = lambda: False) -> int:
    """Work on every order that is under way, the oldest first; how many of them are through now."""
    until = clock() + budget
    under_way = list(BulkRevocation.objects.under_way().order_by("pk").values_list("pk", flat=True))
    for order_id in under_way:
        left = until - clock()
        if stop() or left <= timedelta():
            break
        go_on(order_id, clock=clock, budget=left, stop=stop)
    return BulkRevocation.objects.filter(pk__in=under_way, finished_at__isnull=False).count()


def cancel(order_id: int, *, actor: str, now: datetime) -> bool:
    """Leave what is not reached yet; False when there is nothing left to cancel."""
    with transaction.atomic():
        under_way = BulkRevocation.objects.under_way().filter(pk=order_id)
        if not under_way.update(cancelled_at=now, cancelled_by=actor[:150]):
            return False
        BulkMember.objects.filter(order_id=order_id).delete()
        _tell_event(BulkRevocation.objects.get(pk=order_id), "cancelled", actor=actor)
    return True


def waiting(order: BulkRevocation) -> tuple[Waiting, ...]:
    """Which providers have not confirmed yet; they are asked again by the sweep, for seven days."""
    rows = order.pending_revocations.order_by().values_list("registration__slug", "last_error_code")
    counts = rows.annotate(Count("pk")).order_by("registration__slug", "last_error_code")
    return tuple(Waiting(registration=slug, code=code, count=count) for slug, code, count in counts)


def _batch(order_id: int, *, lease_owner: str, now: datetime) -> bool:
    """End the next few connections; False when there is nothing left to do, or it is no longer ours to do."""
    with transaction.atomic():
        mine = BulkRevocation.objects.under_way().filter(pk=order_id, lease_owner=lease_owner)
        order = mine.select_for_update().first()
        if order is None:
            return False
        rows = list(_left(order)[:BATCH])
        _count(order, rows, [_end(order, row, now=now) for row in rows])
        order.lease_until = now + LEASE
        if len(rows) == BATCH:
            order.members.filter(connection__in=rows).delete()
        else:
            order.members.all().delete()
            order.finished_at = now
            _tell_event(order, "finished", actor=order.actor)
        order.save()
    return order.is_under_way


def _left(order: BulkRevocation) -> QuerySet[Connection]:
    """What was confirmed, is not over and was not reached yet, held until the transaction ends."""
    members = order.members.values("connection_id")
    left = Connection.objects.visible().filter(pk__in=members).select_related("registration")
    return left.order_by("pk").select_for_update(of=("self",))


def _end(order: BulkRevocation, row: Connection, *, now: datetime) -> PendingRevocation | Exception | None:
    """Wipe one connection: what its provider must be told, or why it could not be wiped."""
    try:
        with transaction.atomic():
            return disconnect.wipe(row, actor=order.actor, now=now, reason=order.reason)
    except OF_ONE_ROW as error:
        logger.warning("bulk revocation leaves a connection", extra={"connection": str(row.uuid), "order": order.pk})
        return error


def _count(
    order: BulkRevocation, rows: Sequence[Connection], ended: Sequence[PendingRevocation | Exception | None]
) -> None:
    pending = [result.pk for result in ended if isinstance(result, PendingRevocation)]
    PendingRevocation.objects.filter(pk__in=pending).update(bulk=order)
    failed = [(row, result) for row, result in zip(rows, ended, strict=True) if isinstance(result, Exception)]
    order.wiped += len(rows) - len(failed)
    order.untold += len(rows) - len(failed) - len(pending)
    order.failed += len(failed)
    told = [{"connection": row.pk, "registration": row.registration.slug, "why": _why(error)} for row, error in failed]
    order.failures = [*order.failures, *told][:FAILURES_KEPT]
    order.cursor = rows[-1].pk if rows else order.last_pk


def _why(error: Exception) -> str:
    """In words without anything of the row: ours are made for people, a database's may quote values."""
    return str(error) if isinstance(error, OAuthError | CatalogueError) else "The database refused the change."


def _tell_event(order: BulkRevocation, what: str, *, actor: str, **more: object) -> None:
    counts = Counter(total=order.total, wiped=order.wiped, failed=order.failed)
    details = {"action": f"bulk_revocation_{what}", "bulk_revocation": order.pk, "reason": order.reason, **counts}
    record(Event.Kind.ADMIN_ACTION, actor=actor, details={**details, **more})


def _mark(total: int, added: int | None) -> str:
    """A text that is another one for other connections: how many, and their numbers added up."""
    return f"{total}-{int(added or 0)}"


def _without_text(selection: Selection) -> dict[str, object]:
    """What somebody typed into a search field may be anything, and is not repeated."""
    return {name: True if name == "text" else value for name, value in selection.stored().items()}
