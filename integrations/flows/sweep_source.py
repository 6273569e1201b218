"""What a sweep sends next: due rows, claimed in batches, opened and made into requests. Runs in a database thread."""

import logging
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import F

from integrations.flows import settle, standing, vanished
from integrations.flows.clients import Instance, client_for, instance_of
from integrations.flows.errors import ConnectionUnusable
from integrations.flows.refresh import mark_sent
from integrations.flows.rows import Clock, end, load_many, open_tokens
from integrations.flows.standing import Verdict
from integrations.flows.sweep_due import DueRows, Position
from integrations.flows.sweep_outcome import Outcome, Result
from integrations.models import ClientRegistration, Connection
from integrations.models.batch import light
from integrations.models.connection import LEASE_RELEASED
from integrations.oauth.client import Client
from integrations.oauth.errors import OAuthError, Remedy
from integrations.oauth.message import Request
from integrations.vault import TokenSet

logger = logging.getLogger(__name__)

CLIENTS_KEPT = 1024
#: What a sweep has to know of a connection.
COLUMNS = (
    "id",
    "uuid",
    "owner_id",
    "registration_id",
    "issuer",
    "subject",
    "variables",
    "status",
    "granted_scope",
    "unexpected_scope",
    "refresh_expires_at",
    "refresh_due_at",
    "has_refresh_token",
    "version",
    "failure_count",
    "provider_data",
)

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

    `position` is how far it went; `last` says that nothing more is due beyond. `verdicts` is what all workers know of
    the endpoints in it that are not to be asked as usual.
    """

    jobs: Sequence[Job]
    results: Sequence[Result]
    broken: frozenset[Instance]
    position: Position | None
    last: bool
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)


@dataclass(kw_only=True)
class Source:
    """Brings what is due, batch by batch."""

    rows: DueRows
    clock: Clock
    _clients: dict[Instance, Client] = field(default_factory=dict)
    _asking: dict[tuple[Instance, str], Callable[[str], Request]] = field(default_factory=dict)
    _registrations: dict[int, ClientRegistration] = field(default_factory=dict)

    def claim(self, count: int, *, without: Collection[Instance]) -> Batch:
        """Take the next `count` rows, but none at the instances to go `without`, as far as a query can name them."""
        now, lease_owner = self.clock(), secrets.token_hex(16)
        found, last = self.rows.lease(count, without=without, lease_owner=lease_owner, now=now)
        given_up = self._look_after([row.pk for row in found if row.sent], lease_owner=lease_owner, now=now)
        rows = self._claimed([row.pk for row in found], lease_owner=lease_owner)
        jobs, results, broken = self._prepared(rows, lease_owner=lease_owner)
        return Batch(
            jobs=jobs,
            results=[*given_up, *results],
            broken=broken,
            position=self.rows.position,
            last=last,
            verdicts=standing.verdicts({job.lane for job in jobs}, now=now) if jobs else {},
        )

    def _claimed(self, ids: Sequence[int], *, lease_owner: str) -> list[Claimed]:
        """What was claimed, each with what its vault entry holds; registrations are loaded once."""
        mine = Connection.objects.among(ids).filter(lease_owner=lease_owner).annotate(sealed=F("vault_entry__sealed"))
        rows: list[Claimed] = list(light(mine.order_by("refresh_due_at", "pk"), COLUMNS, beside=["sealed"]))
        unknown = {row.registration_id for row, _ in rows} - self._registrations.keys()
        self._registrations.update(ClientRegistration.objects.in_bulk(unknown))
        for row, _ in rows:
            row.registration = self._registrations[row.registration_id]
        return rows

    def _look_after(self, ids: Sequence[int], *, lease_owner: str, now: datetime) -> list[Result]:
        """Take over from refreshers that vanished, or wait, or give up; the results of what needs no request.

        Many may wait after a crash, and are looked at by every sweep until they are given up: that costs one query.
        """
        results, broken = list[Result](), set[Instance]()
        for row in load_many(ids) if ids else ():
            try:
                if instance_of(row) not in broken:
                    self._client(row)
            except OAuthError as error:
                settle.alarm(row.registration, error, now=now)
                broken.add(instance_of(row))
            if instance_of(row) in broken:
                outcome = Outcome.NEEDS_OPERATOR
            elif vanished.take_over(row, lease_owner=lease_owner, now=now):
                continue
            else:
                # The access token may still be served, and its last caller has time enough to find out.
                gone = row.has_expired(now=now) and vanished.give_up(row, now=now)
                outcome = Outcome.NEEDS_REAUTHORIZATION if gone else Outcome.UNCERTAIN
            results.append(Result(provider=row.registration.provider, outcome=outcome))
        return results

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
                Outcome.NEEDS_OPERATOR
                if client is None
                else self._prepare(row, sealed, client, lease_owner=lease_owner)
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

    def _prepare(
        self, row: Connection, sealed: bytes | memoryview | None, client: Client, *, lease_owner: str
    ) -> Job | Outcome:
        if not row.has_refresh_token:
            return Outcome.NEEDS_REAUTHORIZATION if end(row, code="no_refresh_token") else Outcome.MOVED_ON
        try:
            tokens = open_tokens(row, sealed=sealed or b"")
            request = self._asks(row, client)(tokens.refresh_token or "")
        except OAuthError as error:
            logger.warning("cannot be refreshed", extra={"connection": str(row.uuid), "code": error.code})
            return Outcome.of(error)
        except Exception:
            logger.exception("cannot be refreshed", extra={"connection": str(row.uuid)})
            return Outcome.NEEDS_OPERATOR
        return Job(
            connection=row,
            tokens=tokens,
            client=client,
            request=request,
            lease_owner=lease_owner,
            lane=standing.endpoint_of(request.url),
        )

    def _asks(self, row: Connection, client: Client) -> Callable[[str], Request]:
        """What makes requests of refresh tokens here, prepared once for all rows that are asked for alike."""
        alike = instance_of(row), row.granted_scope
        found = self._asking.get(alike)
        if found is None:
            if len(self._asking) >= CLIENTS_KEPT:
                self._asking.clear()
            found = self._asking[alike] = client.refresh_requests(scope=row.scope)
        return found


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
