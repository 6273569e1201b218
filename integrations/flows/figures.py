"""What the database says about how the hub does: for whoever watches, in numbers, with no user in them.

Each figure is a query by itself, so that a dear one can be asked for less often than a cheap one. None is dear by
what a person does: by the partial index of what is due, by the last rows of a table, or by a count.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min

from integrations.models import (
    ClientRegistration,
    Connection,
    Event,
    Notice,
    PendingRevocation,
    SweepRun,
    WebhookDelivery,
    WebhookEndpoint,
)
from integrations.providers import PROVIDERS

OTHER = "other"
SWEEPS_LOOKED_AT = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A number that goes up and down, for each combination of labels."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


type Labelled = Mapping[tuple[str, ...], float]
type Values = Mapping[Figure, Labelled]

OLDEST_DUE = Figure(
    name="hub_oldest_due_age_seconds",
    help="How long the connection that waits longest to be refreshed has been due; 0: none is.",
)
DUE = Figure(name="hub_connections_due", help="Connections whose refresh is due now.", labels=("provider",))
CONNECTIONS = Figure(name="hub_connections", help="Connections by status.", labels=("provider", "status"))
NEEDS_REAUTHORIZATION = Figure(
    name="hub_needs_reauthorization",
    help="Connections that only their owners can make work again.",
    labels=("provider",),
)
SWEEP_STARTED = Figure(
    name="hub_sweep_last_start_timestamp_seconds", help="When the last sweep began; absent: none did."
)
SWEEP_FINISHED = Figure(
    name="hub_sweep_last_finish_timestamp_seconds", help="When the last sweep ended that did; absent: none did."
)
SWEEP_DURATION = Figure(name="hub_sweep_last_duration_seconds", help="How long that sweep took.")
REVOCATIONS = Figure(
    name="hub_pending_revocations", help="Tokens of ended connections that providers were not told of yet."
)
OLDEST_REVOCATION = Figure(name="hub_oldest_pending_revocation_age_seconds", help="How long the oldest has waited.")
NOTICES = Figure(name="hub_notices_waiting", help="Notices that have not been mailed.", labels=("kind",))
OLDEST_NOTICE = Figure(name="hub_oldest_notice_age_seconds", help="How long the oldest has waited.")
WEBHOOKS = Figure(name="hub_webhooks_waiting", help="Messages that applications have not been sent yet.")
OLDEST_WEBHOOK = Figure(
    name="hub_oldest_webhook_age_seconds",
    help="How long the one that is overdue longest has been; 0: none is. One that is tried again later is not overdue.",
)
WEBHOOKS_OFF = Figure(name="hub_webhook_endpoints_disabled", help="Addresses of applications that were switched off.")
EVENTS_HELD_BACK = Figure(
    name="hub_events_held_back_seconds",
    help="How long the oldest transaction that may write events has been open; programs are told of no later event.",
)
ALARMS = Figure(
    name="hub_registration_alarm",
    help="1 for each registration that its provider refuses, which an operator must mend.",
    labels=("provider", "registration"),
)


def due(now: datetime) -> Values:
    """The oldest of what is due: the first entry of an index, unless what is switched off stands before it."""
    rows = Connection.objects.usable().filter(refresh_due_at__lte=now).order_by("refresh_due_at")
    oldest = rows.values_list("refresh_due_at", flat=True).first()
    return {OLDEST_DUE: {(): _age(oldest, now=now)}}


def due_by_provider(now: datetime) -> Values:
    rows = Connection.objects.usable().filter(refresh_due_at__lte=now).order_by()
    found = rows.values_list("registration__provider").annotate(Count("pk"))
    return {DUE: _by_provider(found)}


def connections(now: datetime) -> Values:
    """Every connection is counted: with a million of them this is the dear one."""
    providers = dict(ClientRegistration.objects.order_by().values_list("pk", "provider"))
    counts: Counter[tuple[str, ...]] = Counter()
    rows = Connection.objects.order_by().values_list("registration_id", "status").annotate(Count("pk"))
    for registration_id, status, count in rows:
        counts[_known(providers.get(registration_id, "")), status] += count
    needs_you: dict[tuple[str, ...], float] = {(provider,): 0.0 for provider, _ in counts}
    needs_you |= {(p,): count for (p, status), count in counts.items() if status == "needs_reauthorization"}
    return {CONNECTIONS: counts, NEEDS_REAUTHORIZATION: needs_you}


def sweeps(now: datetime) -> Values:
    """The newest rows by the primary key: an old sweep that is still running does not hide a newer one."""
    last = list(SweepRun.objects.order_by("-pk").values_list("started_at", "finished_at")[:SWEEPS_LOOKED_AT])
    values: dict[Figure, dict[tuple[str, ...], float]] = {}
    if last:
        values[SWEEP_STARTED] = {(): max(started for started, _ in last).timestamp()}
    ended = [(finished, started) for started, finished in last if finished is not None]
    if ended:
        finished, started = max(ended)
        values[SWEEP_FINISHED] = {(): finished.timestamp()}
        values[SWEEP_DURATION] = {(): (finished - started).total_seconds()}
    return values


def waiting(now: datetime) -> Values:
    """What waits to be told to providers and to people."""
    revocations = PendingRevocation.objects.aggregate(count=Count("pk"), oldest=Min("created_at"))
    notices = Notice.objects.order_by().values_list("kind").annotate(Count("pk"), Min("created_at"))
    by_kind: dict[tuple[str, ...], float] = {(str(kind),): 0.0 for kind in Notice.Kind.values}
    oldest = None
    for kind, count, since in notices:
        by_kind[(kind,)] = count
        oldest = min(filter(None, (oldest, since)))
    return {
        REVOCATIONS: {(): revocations["count"]},
        OLDEST_REVOCATION: {(): _age(revocations["oldest"], now=now)},
        NOTICES: by_kind,
        OLDEST_NOTICE: {(): _age(oldest, now=now)},
    }


def webhooks(now: datetime) -> Values:
    """What is late at endpoints that answer: where one fails or asked to be left alone, that is not the hub's doing."""
    waiting = WebhookDelivery.objects.filter(state=WebhookDelivery.State.WAITING)
    well = WebhookEndpoint.objects.free(now=now).filter(failing_since__isnull=True)
    late = waiting.filter(endpoint__in=well, next_attempt_at__lte=now)
    oldest = late.aggregate(oldest=Min("next_attempt_at"))["oldest"]
    return {
        WEBHOOKS: {(): waiting.count()},
        OLDEST_WEBHOOK: {(): _age(oldest, now=now)},
        WEBHOOKS_OFF: {(): WebhookEndpoint.objects.filter(disabled_at__isnull=False).count()},
    }


def events(now: datetime) -> Values:
    return {EVENTS_HELD_BACK: {(): _age(Event.objects.complete_until(now, written_within=timedelta()), now=now)}}


def alarms(now: datetime) -> Values:
    rows = ClientRegistration.objects.filter(enabled=True).exclude(last_error_code="").order_by()
    return {ALARMS: {(_known(provider), slug): 1 for provider, slug in rows.values_list("provider", "slug")}}


FIGURES = (
    *(OLDEST_DUE, DUE, CONNECTIONS, NEEDS_REAUTHORIZATION, SWEEP_STARTED, SWEEP_FINISHED, SWEEP_DURATION),
    *(REVOCATIONS, OLDEST_REVOCATION, NOTICES, OLDEST_NOTICE, ALARMS),
    *(WEBHOOKS, OLDEST_WEBHOOK, WEBHOOKS_OFF, EVENTS_HELD_BACK),
)
#: The queries, by a name that stays when the query changes.
QUERIES: Mapping[str, Callable[[datetime], Values]] = {
    "due": due,
    "due_by_provider": due_by_provider,
    "connections": connections,
    "sweeps": sweeps,
    "waiting": waiting,
    "webhooks": webhooks,
    "events": events,
    "alarms": alarms,
}


def _known(provider: str) -> str:
    return provider if provider in PROVIDERS else OTHER


def _by_provider(rows: Iterable[tuple[str, int]]) -> dict[tuple[str, ...], float]:
    counts: Counter[tuple[str, ...]] = Counter()
    for provider, count in rows:
        counts[(_known(provider),)] += count
    return dict(counts)


def _age(since: datetime | None, *, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
