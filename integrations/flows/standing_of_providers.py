"""How providers and sweeps stand, for whoever watches: cheap to ask, whatever the number of connections."""

from dataclasses import dataclass
from datetime import datetime

from integrations.models import Connection, ProviderStanding, SweepRun

SHOWN_AT_MOST = 100
#: What is due is counted up to here: a dashboard needs no more.
COUNTED_AT_MOST = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftAlone:
    """A token endpoint that is not asked as usual. `state`: open, until then; half_open: one request tries it next.

    `reason`: asked (it named the time) or down. `openings`: how often in a row it was found down.
    """

    endpoint: str
    provider: str
    registration: str
    state: str
    reason: str
    error_code: str
    since: datetime | None
    until: datetime | None
    openings: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Backlog:
    """What is due now. `is_more`: counting stopped there. `oldest`: since when the longest due waits; None: nothing."""

    due: int
    is_more: bool
    oldest: datetime | None


def left_alone(*, now: datetime) -> list[LeftAlone]:
    """Providers with a pause or an open circuit, the longest first."""
    rows = ProviderStanding.objects.troubled(now=now).select_related("registration").order_by("since", "endpoint")
    return [
        LeftAlone(
            endpoint=row.endpoint,
            provider=row.registration.provider,
            registration=row.registration.slug,
            state=row.state(now=now).value,
            reason=row.reason,
            error_code=row.error_code,
            since=row.since,
            until=row.until,
            openings=row.openings,
        )
        for row in rows[:SHOWN_AT_MOST]
    ]


def backlog(*, now: datetime) -> Backlog:
    """What waits for a sweep: reads at most `COUNTED_AT_MOST` rows."""
    due = Connection.objects.due(now=now).order_by("refresh_due_at", "pk")
    found = list(due.values_list("refresh_due_at", flat=True)[: COUNTED_AT_MOST + 1])
    return Backlog(
        due=min(len(found), COUNTED_AT_MOST), is_more=len(found) > COUNTED_AT_MOST, oldest=found[0] if found else None
    )


def sweeps_under_way() -> list[SweepRun]:
    """Runs that have not ended, with their counts so far; the newest first."""
    return list(SweepRun.objects.under_way()[:SHOWN_AT_MOST])
