"""Whether a provider's token endpoint may be asked now: pauses, circuits and rates that all workers share.

A provider that names a time (Retry-After) is not asked before it. One that does not answer at all is not asked for half
a minute, then by one request alone; if that fails too, for twice as long, up to five minutes; if it is answered, the
circuit closes. Where requests a minute are capped, whoever wants to send takes the next free moments first.

All of it is per endpoint (host and port), so that nobody else waits. A sweep writes down what its lanes learned; a
caller in a hurry (`refresh`) reads it, takes its turn as the one that tries, and writes down what it was told.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from integrations.flows.clients import Instance, instance_of, server_of
from integrations.flows.schedule import circuit_pause
from integrations.models import Connection, ProviderStanding
from integrations.oauth.client import Client
from integrations.oauth.errors import OAuthError, ProviderUnavailable, Remedy

logger = logging.getLogger(__name__)

CIRCUITS_SHOWN = 50
#: Moments at a capped endpoint are given out no further ahead than this, or two of its distances.
RESERVED_AHEAD = timedelta(seconds=5)
#: What callers, who are not kept waiting, take of a capped endpoint keeps sweeps away no longer than this.
OWED_AT_MOST = timedelta(minutes=1)

Reason = ProviderStanding.Reason
State = ProviderStanding.State


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """What an endpoint answered, or did not, and how long it asked to be left alone."""

    endpoint: str
    instance: Instance
    reason: ProviderStanding.Reason
    error_code: str = ""
    seconds: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What may be sent to an endpoint: nothing before `until`, or, `trying`, one request that shows whether it works.

    `was_asked`: it named the time itself.
    """

    until: datetime | None = None
    was_asked: bool = False
    trying: bool = False
    error_code: str = ""


FREE = Verdict()


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """Whether a caller tries a provider that was down, as the one whose turn it is, or asked it out of turn."""

    tries: bool
    out_of_turn: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class News:
    """What a sweep has learned since it last wrote something down."""

    troubles: list[Trouble] = field(default_factory=list)
    works: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.troubles or self.works)


@lru_cache(maxsize=1024)
def endpoint_of(url: str) -> str:
    """The endpoint that an address is at."""
    return urlsplit(url).netloc


def endpoint_for(connection: Connection) -> str:
    """Where a connection is refreshed; empty where nobody can say, because its registration is broken."""
    try:
        server = server_of(connection.registration, connection.variables)
    except OAuthError:
        return ""
    return endpoint_of(server.refresh_endpoint or server.token_endpoint)


def requests_per_minute(connection: Connection, client: Client) -> int:
    """The cap of a connection's endpoint: the operator's, else the catalogue's; 0: none."""
    return connection.registration.token_requests_per_minute or client.server.dialect.token_requests_per_minute


def _verdict(row: ProviderStanding, *, now: datetime) -> Verdict:
    until, was_asked = row.until, row.reason == Reason.ASKED
    match row.state(now=now):
        case State.CLOSED:
            return FREE
        case State.OPEN:
            return Verdict(until=until, was_asked=was_asked, error_code=row.error_code)
    if row.probe_until is not None and row.probe_until > now:
        return Verdict(until=row.probe_until, error_code=row.error_code)
    return Verdict(trying=True, error_code=row.error_code)


def verdicts(endpoints: Collection[str], *, now: datetime) -> dict[str, Verdict]:
    """How those endpoints stand that are not free; one that is to be tried is the caller's to try from here on."""
    found = {}
    for row in ProviderStanding.objects.troubled(now=now).of(endpoints):
        verdict = _verdict(row, now=now)
        if verdict.trying and not take_turn(row.endpoint, now=now):
            verdict = Verdict(until=now + timedelta(seconds=settings.HUB_LEASE_SECONDS), error_code=row.error_code)
        if verdict != FREE:
            found[row.endpoint] = verdict
    return found


def verdict_for(connection: Connection, *, now: datetime) -> Verdict:
    """How the endpoint of one connection stands; one that is to be tried is the caller's to try from here on."""
    endpoint = endpoint_for(connection)
    return verdicts({endpoint}, now=now).get(endpoint, FREE) if endpoint else FREE


def refusal(verdict: Verdict, *, now: datetime, force: bool) -> OAuthError | None:
    """Why nothing is sent to this provider now. Who forces it asks one that is down, not one that named a time."""
    if verdict.until is None or (force and not verdict.was_asked):
        return None
    seconds = max(1, round((verdict.until - now).total_seconds()))
    text = "The provider asked for a pause." if verdict.was_asked else "The provider does not answer."
    return ProviderUnavailable(text, code=verdict.error_code or "provider_paused", retry_after=seconds)


def take_turn(endpoint: str, *, now: datetime) -> bool:
    """Become the one who tries whether an endpoint works again, for as long as a lease (one compare-and-set)."""
    free = Q(probe_until__isnull=True) | Q(probe_until__lte=now)
    rows = ProviderStanding.objects.filter(free, endpoint=endpoint, reason=Reason.DOWN, until__lte=now)
    return rows.update(probe_until=now + timedelta(seconds=settings.HUB_LEASE_SECONDS)) > 0


def give_turn_back(endpoint: str) -> None:
    """Nothing was sent after all."""
    ProviderStanding.objects.filter(endpoint=endpoint).update(probe_until=None)


def write_down(news: News, *, now: datetime) -> None:
    """Remember what a sweep or a caller has learned, for everybody."""
    for trouble in news.troubles:
        _note(trouble, now=now)
    if news.works:
        _close(ProviderStanding.objects.of(news.works).filter(until__lte=now))


def _close(circuits: QuerySet[ProviderStanding]) -> None:
    endpoints = sorted(circuits.values_list("endpoint", flat=True))
    if circuits.update(reason=Reason.NONE, until=None, since=None, openings=0, probe_until=None, error_code=""):
        logger.info("provider answers again", extra={"endpoints": endpoints})


def tell(connection: Connection, error: OAuthError | None, *, url: str, turn: Turn, now: datetime) -> None:
    """Remember what a caller was answered: a pause that the provider asked for, and how a try ended.

    An answer to who asked out of turn shows, too, that the provider works.
    """
    endpoint, passing = endpoint_of(url), error is not None and error.remedy is Remedy.RETRY
    if error is not None and passing and (error.retry_after or turn.tries):
        trouble = Trouble(
            endpoint=endpoint,
            instance=instance_of(connection),
            reason=Reason.ASKED if error.retry_after else Reason.DOWN,
            error_code=error.code,
            seconds=error.retry_after or 0,
        )
        write_down(News(troubles=[trouble]), now=now)
    elif turn.out_of_turn and not passing:
        _close(ProviderStanding.objects.filter(endpoint=endpoint, reason=Reason.DOWN))
    elif turn.tries and not passing:
        write_down(News(works=[endpoint]), now=now)


def _note(trouble: Trouble, *, now: datetime) -> None:
    with transaction.atomic():
        row = _row(trouble.endpoint, trouble.instance)
        is_open = row.until is not None and row.until > now
        if trouble.reason == Reason.DOWN:
            if is_open:
                # Who found it down at the same time has not found it down once more.
                return
            row.openings = row.openings + 1 if row.reason == Reason.DOWN else 1
            until = now + circuit_pause(row.openings, seed=trouble.endpoint)
        else:
            until = now + timedelta(seconds=trouble.seconds)
        if is_open and row.until is not None and row.until >= until:
            return
        # A pause that is over is no part of this trouble, though nobody has noted its end.
        row.since = row.since if is_open or row.reason == Reason.DOWN else now
        row.reason, row.error_code, row.until, row.probe_until = trouble.reason, trouble.error_code, until, None
        row.save()
    logger.warning(
        "provider is left alone",
        extra={"endpoint": row.endpoint, "reason": row.reason, "code": row.error_code, "until": until.isoformat()},
    )


def reserve(endpoint: str, instance: Instance, *, count: int, per_minute: int, now: datetime) -> datetime | None:
    """Take the next `count` free moments of an endpoint whose requests a minute are capped; the first of them.

    The others follow at equal distances. Nobody gets them twice, whatever the number of workers; one that dies wastes
    what it took. None, and nothing taken: others have taken so much that it is left to them.
    """
    with transaction.atomic():
        row = _row(endpoint, instance)
        first = max(now, row.next_request_at or now)
        if first - now > max(RESERVED_AHEAD, timedelta(minutes=2 / per_minute)):
            return None
        row.next_request_at = first + timedelta(minutes=count / per_minute)
        row.save(update_fields=["next_request_at"])
    return first


def take_a_place(connection: Connection, client: Client, *, url: str, now: datetime) -> None:
    """Count a caller's request where requests a minute are capped. It is not kept waiting: sweeps make room for it."""
    per_minute = requests_per_minute(connection, client)
    if not per_minute:
        return
    distance = timedelta(minutes=1 / per_minute)
    with transaction.atomic():
        row = _row(endpoint_of(url), instance_of(connection))
        # Never before what a sweep may have reserved.
        latest = now + max(OWED_AT_MOST, 4 * distance)
        row.next_request_at = min(max(now, row.next_request_at or now) + distance, latest)
        row.save(update_fields=["next_request_at"])


def _row(endpoint: str, instance: Instance) -> ProviderStanding:
    """The endpoint's row, made if need be, locked until the transaction ends."""
    registration_id, variables = instance
    rows = ProviderStanding.objects.select_for_update()
    row = rows.filter(endpoint=endpoint).first()
    if row is None:
        fresh = ProviderStanding(endpoint=endpoint, registration_id=registration_id, variables=dict(variables))
        ProviderStanding.objects.bulk_create([fresh], ignore_conflicts=True)
        row = rows.get(endpoint=endpoint)
    return row


def closed_instances(*, now: datetime, longer_than: timedelta) -> frozenset[Instance]:
    """Instances to claim nothing for: their provider is down, or asked for a pause that lasts longer than that."""
    rows = ProviderStanding.objects.filter(
        Q(until__gt=now + longer_than) | Q(until__gt=now, reason=Reason.DOWN),
    )
    return frozenset((row.registration_id, tuple(sorted(row.variables.items()))) for row in rows)


def circuits(*, now: datetime) -> dict[str, object]:
    """What is not asked now, as a sweep's run shows it: endpoint → state, reason, code, until."""
    rows = ProviderStanding.objects.troubled(now=now)
    return {
        row.endpoint: {
            "state": row.state(now=now).value,
            "reason": row.reason,
            "code": row.error_code,
            "until": row.until.isoformat() if row.until else None,
        }
        for row in rows[:CIRCUITS_SHOWN]
    }
