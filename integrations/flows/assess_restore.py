"""Look at a database that was restored from a backup, before it is put to work: does it open, and what will it cost?

A backup holds the refresh tokens of its moment. Where a provider rotates them, one that was used since is spent, and
the newest is lost with the old database, unless the recovery journal has it. Nobody can know which were used; but the
hub that was lost refreshed what fell due until it stopped. Those connections are at risk: the next refresh is refused,
and their owners reconnect. The others go on as if nothing had happened.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from django.db.models import Count, Q, QuerySet

from integrations import vault
from integrations.flows.clients import provider_of
from integrations.flows.errors import ConnectionUnusable
from integrations.flows.recover import Fate, recover
from integrations.models import ClientRegistration, Connection, VaultEntry
from integrations.vault import SealError

BATCH = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Exposure:
    """Active connections with a refresh token at one registration; `rotates` is None where the catalogue lacks it.

    `at_risk`: due before the lost hub stopped, at a provider that rotates, and not in the recovery journal.
    """

    slug: str
    provider: str
    rotates: bool | None
    connections: int
    in_journal: int
    at_risk: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Assessment:
    """What opens with the keys that are configured, and what each registration's connections have to expect.

    `unopened` counts stored secrets by why they do not open, `missing_keys` by the key that is not in the ring.
    """

    opened: int
    unopened: dict[str, int]
    missing_keys: dict[str, int]
    exposures: tuple[Exposure, ...]

    @property
    def at_risk(self) -> int:
        return sum(exposure.at_risk for exposure in self.exposures)


def assess(
    *,
    stopped_at: datetime,
    now: datetime,
    journal: Path | None = None,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> Assessment:
    """Open everything once, and count what is at risk; changes nothing and asks nobody.

    `stopped_at` is when the hub that was lost refreshed for the last time; `journal` is where its recovery journal is.
    """
    opened, unopened, missing = 0, Counter[str](), Counter[str]()
    total = VaultEntry.objects.count() + ClientRegistration.objects.count()
    for number, failure in enumerate(_failures(), start=1):
        if failure is None:
            opened += 1
        else:
            code, key_id = failure
            unopened[code] += 1
            if code == "key_unknown":
                missing[key_id] += 1
        progress(number, total)
    return Assessment(
        opened=opened,
        unopened=dict(unopened),
        missing_keys=dict(missing),
        exposures=_exposures(stopped_at=stopped_at, now=now, journal=journal),
    )


def _failures() -> Iterator[tuple[str, str] | None]:
    """For each stored secret: None when it opens, else the code of why not and the id of its key."""
    for registration in ClientRegistration.objects.filter(sealed_client_secret__isnull=False):
        yield _failure(partial(vault.open_client_secret, registration, noting=False), registration.sealed_client_secret)
    last = 0
    rows = VaultEntry.objects.select_related("connection").order_by("pk")
    while batch := list(rows.filter(pk__gt=last)[:BATCH]):
        for entry in batch:
            row = entry.connection
            open_it = partial(vault.open_tokens, row, entry.sealed, version=row.version, noting=False)
            yield _failure(open_it, entry.sealed)
        last = batch[-1].pk


def _failure(open_it: Callable[[], object], sealed: bytes | memoryview | None) -> tuple[str, str] | None:
    try:
        open_it()
    except SealError as error:
        known = error.code == "key_unknown"
        return error.code, vault.sealed_under(bytes(sealed or b"")) if known else ""
    return None


def _exposures(*, stopped_at: datetime, now: datetime, journal: Path | None) -> tuple[Exposure, ...]:
    due = Q(refresh_due_at__lte=stopped_at)
    rows = Connection.objects.filter(status=Connection.Status.ACTIVE, has_refresh_token=True).order_by()
    counted = rows.values_list("registration_id").annotate(all=Count("pk"), due=Count("pk", filter=due))
    saved = _saved(rows.filter(due), now=now, journal=journal)
    registrations = ClientRegistration.objects.in_bulk()
    found = []
    for registration_id, connections, due_count in counted:
        registration = registrations[registration_id]
        rotates = _rotates(registration)
        in_journal = saved[registration_id]
        found.append(
            Exposure(
                slug=registration.slug,
                provider=registration.provider,
                rotates=rotates,
                connections=connections,
                in_journal=in_journal,
                at_risk=0 if rotates is False else due_count - in_journal,
            )
        )
    return tuple(sorted(found, key=lambda exposure: exposure.slug))


def _saved(due: QuerySet[Connection], *, now: datetime, journal: Path | None) -> defaultdict[int, int]:
    """How many of the rows have a newer token in the recovery journal, by registration."""
    found = recover(now=now, directory=journal, dry_run=True).found
    uuids = {one.connection for one in found if one.fate is Fate.STORED and one.connection}
    by_registration: defaultdict[int, int] = defaultdict(int)
    by_registration.update(due.filter(uuid__in=uuids).values_list("registration_id").annotate(Count("pk")))
    return by_registration


def _rotates(registration: ClientRegistration) -> bool | None:
    try:
        return provider_of(registration).server.dialect.refresh_token_rotates
    except ConnectionUnusable:
        return None
