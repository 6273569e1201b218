"""What a sweep sends next: due rows, claimed in batches, opened and made into requests. Runs in a database thread."""

import logging
import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q

from integrations.flows import settle, vanished
from integrations.flows.clients import Instance, client_for, instance_of
from integrations.flows.errors import ConnectionUnusable
from integrations.flows.refresh import mark_sent
from integrations.flows.rows import Clock, end, load, open_tokens
from integrations.flows.sweep_outcome import Outcome, Result
from integrations.models import ClientRegistration, Connection
from integrations.models.connection import LEASE_RELEASED
from integrations.oauth.client import Client
from integrations.oauth.errors import OAuthError, Remedy
from integrations.oauth.message import Request
from integrations.vault import TokenSet

logger = logging.getLogger(__name__)

CLIENTS_KEPT = 1024
TENANTS_NAMED = 64

type Position = tuple[datetime, int]
type Claimed = tuple[Connection, bytes | memoryview | None]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Job:
    """One claimed connection and the request that renews it. `lane` is where it goes: the token endpoint's host."""

    connection: Connection
    tokens: TokenSet
    client: Client
    request: Request
    lease_owner: str
    lane: str

    def ended(self, outcome: Outcome) -> Result:
        return Result(provider=self.connection.registration.provider, outcome=outcome)


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """What one claim brought: jobs, results of rows that need no request, instances that cannot be used.

    `position` is how far it went; `last` says that nothing more is due beyond.
    """

    jobs: Sequence[Job]
    results: Sequence[Result]
    broken: frozenset[Instance]
    position: Position | None
    last: bool


@dataclass(kw_only=True)
class Source:
    """Goes over the due rows once, by the partial index, from the longest due on.

    Rows that this run has handled have moved beyond what it looks at: refreshed since it `started`, or backing off.
    """

    provider: str
    started: datetime
    horizon: datetime
    clock: Clock
    position: Position | None = None
    _clients: dict[Instance, Client] = field(default_factory=dict)
    _registrations: dict[int, ClientRegistration] = field(default_factory=dict)

    def due(self, *, now: datetime) -> models.QuerySet[Connection]:
        """What this run is to refresh and nobody is refreshing; with those whose refresher vanished."""
        widened = Q(failure_count=0, has_refresh_token=True) | Q(refresh_due_at__lte=self.started)
        rows = Connection.objects.usable().filter(
            widened,
            Q(last_refreshed_at__isnull=True) | Q(last_refreshed_at__lt=self.started),
            Q(lease_until__isnull=True) | Q(lease_until__lte=now),
            refresh_due_at__lte=self.horizon,
        )
        return rows.filter(registration__provider=self.provider) if self.provider else rows

    def claim(self, count: int, *, without: Collection[Instance]) -> Batch:
        """Take the next `count` rows, but none at the instances to go `without`, as far as a query can name them."""
        now, lease_owner = self.clock(), secrets.token_hex(16)
        with transaction.atomic():
            found = self._next(count, without=without, now=now)
            free = [pk for pk, _, sent in found if not sent]
            lease_until = now + timedelta(seconds=settings.HUB_LEASE_SECONDS)
            Connection.objects.filter(pk__in=free, status=Connection.Status.ACTIVE).claim(
                lease_owner=lease_owner, lease_until=lease_until, now=now
            )
        given_up = [r for pk, _, sent in found if sent for r in self._look_after(pk, lease_owner=lease_owner, now=now)]
        rows = self._claimed([pk for pk, _, _ in found], lease_owner=lease_owner)
        jobs, results, broken = self._prepared(rows, lease_owner=lease_owner)
        return Batch(
            jobs=jobs,
            results=[*given_up, *results],
            broken=broken,
            position=self.position,
            last=len(found) < count,
        )

    def rewind(self, position: Position | None) -> None:
        """Go back to where rows were left out."""
        self.position = min(self.position, position) if position and self.position else None

    def _next(self, count: int, *, without: Collection[Instance], now: datetime) -> list[tuple[int, datetime, bool]]:
        rows = self.due(now=now)
        if without:
            rows = rows.exclude(_at(without))
        if self.position is not None:
            due_at, pk = self.position
            rows = rows.filter(Q(refresh_due_at__gt=due_at) | Q(pk__gt=pk), refresh_due_at__gte=due_at)
        chosen = rows.order_by("refresh_due_at", "pk").select_for_update(skip_locked=True, of=("self",))
        found = [
            (pk, due_at, sent)
            for pk, due_at, sent in chosen.values_list("pk", "refresh_due_at", "refresh_sent")[:count]
            if due_at is not None
        ]
        if found:
            last_pk, last_due_at, _ = found[-1]
            self.position = (last_due_at, last_pk)
        return found

    def _claimed(self, ids: Sequence[int], *, lease_owner: str) -> list[Claimed]:
        """What was claimed, each with what its vault entry holds; registrations are loaded once."""
        mine = Connection.objects.filter(pk__in=ids, lease_owner=lease_owner)
        with_sealed = mine.annotate(sealed=F("vault_entry__sealed")).fetch_mode(models.FETCH_RAISE)
        rows = list(with_sealed.order_by("refresh_due_at", "pk"))
        unknown = {row.registration_id for row in rows} - self._registrations.keys()
        self._registrations.update(ClientRegistration.objects.in_bulk(unknown))
        for row in rows:
            row.registration = self._registrations[row.registration_id]
        return [(row, vars(row)["sealed"]) for row in rows]

    def _look_after(self, pk: int, *, lease_owner: str, now: datetime) -> list[Result]:
        """Take over from a refresher that vanished, or wait, or give up; the results of what needs no request."""
        try:
            row = load(pk)
        except ConnectionUnusable:
            # It went with its owner's account since it was found.
            return []
        try:
            self._client(row)
        except OAuthError as error:
            settle.alarm(row.registration, error, now=now)
            return [Result(provider=row.registration.provider, outcome=Outcome.NEEDS_OPERATOR)]
        if vanished.take_over(row, lease_owner=lease_owner, now=now):
            return []
        # The access token may still be served, and its last caller has time enough to find out.
        gone = row.has_expired(now=now) and vanished.give_up(row, now=now)
        outcome = Outcome.NEEDS_REAUTHORIZATION if gone else Outcome.UNCERTAIN
        return [Result(provider=row.registration.provider, outcome=outcome)]

    def _prepared(
        self, rows: Iterable[Claimed], *, lease_owner: str
    ) -> tuple[list[Job], list[Result], frozenset[Instance]]:
        jobs: list[Job] = []
        results: list[Result] = []
        broken: set[Instance] = set()
        for row, sealed in rows:
            try:
                client = None if instance_of(row) in broken else self._client(row)
            except OAuthError as error:
                settle.alarm(row.registration, error, now=self.clock())
                broken.add(instance_of(row))
                client = None
            prepared = (
                Outcome.NEEDS_OPERATOR if client is None else _prepare(row, sealed, client, lease_owner=lease_owner)
            )
            if isinstance(prepared, Job):
                jobs.append(prepared)
                continue
            if prepared is Outcome.NEEDS_OPERATOR:
                settle.release(row, lease_owner=lease_owner)
            results.append(Result(provider=row.registration.provider, outcome=prepared))
        return jobs, results, frozenset(broken)

    def _client(self, row: Connection) -> Client:
        instance = instance_of(row)
        found = self._clients.get(instance)
        if found is None:
            if len(self._clients) >= CLIENTS_KEPT:
                self._clients.clear()
            try:
                found = self._clients[instance] = client_for(row.registration, row.variables)
            except OAuthError:
                raise
            except Exception as error:
                logger.exception("registration cannot be used", extra={"slug": row.registration.slug})
                raise ConnectionUnusable(code="registration_broken", remedy=Remedy.OPERATOR) from error
        return found


def _at(instances: Collection[Instance]) -> Q:
    """Rows at these instances. Of many tenants only some are named: what is sent to the others comes back unsent."""
    whole = Q(registration__in=[pk for pk, variables in instances if not variables])
    tenants = [(pk, dict(variables)) for pk, variables in instances if variables]
    return reduce(or_, (Q(registration=pk, variables=own) for pk, own in tenants[:TENANTS_NAMED]), whole)


def _prepare(row: Connection, sealed: bytes | memoryview | None, client: Client, *, lease_owner: str) -> Job | Outcome:
    if not row.has_refresh_token:
        return Outcome.NEEDS_REAUTHORIZATION if end(row, code="no_refresh_token") else Outcome.MOVED_ON
    try:
        tokens = open_tokens(row, sealed=sealed or b"")
        request = client.refresh_request(tokens.refresh_token or "", scope=row.scope)
    except OAuthError as error:
        logger.warning("cannot be refreshed", extra={"connection": str(row.uuid), "code": error.code})
        return Outcome.of(error)
    except Exception:
        logger.exception("cannot be refreshed", extra={"connection": str(row.uuid)})
        return Outcome.NEEDS_OPERATOR
    lane = urlsplit(request.url).netloc
    return Job(connection=row, tokens=tokens, client=client, request=request, lease_owner=lease_owner, lane=lane)


def marked(jobs: Sequence[Job], *, clock: Clock) -> list[Job]:
    """Those of the jobs that are still ours, to be sent at once; see `refresh.mark_sent`."""
    now, sent = clock(), list[Job]()
    with transaction.atomic():
        for lease_owner in {job.lease_owner for job in jobs}:
            mine = [job for job in jobs if job.lease_owner == lease_owner]
            ids = [job.connection.pk for job in mine]
            if mark_sent(ids, lease_owner=lease_owner, now=now) < len(mine):
                held = Connection.objects.filter(pk__in=ids, lease_owner=lease_owner, refresh_sent=True)
                still = frozenset(held.values_list("pk", flat=True))
                mine = [job for job in mine if job.connection.pk in still]
            sent += mine
    return sent


def release(jobs: Sequence[Job]) -> None:
    """Give back the leases of jobs that are not sent, though some may be marked."""
    for lease_owner in {job.lease_owner for job in jobs}:
        ids = [job.connection.pk for job in jobs if job.lease_owner == lease_owner]
        Connection.objects.filter(pk__in=ids, lease_owner=lease_owner).update(**LEASE_RELEASED)
