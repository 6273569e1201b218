"""Which providers are left alone for a while, for whoever watches: cheap to ask, whatever the number of connections."""

from dataclasses import dataclass
from datetime import datetime

from integrations.models import ProviderStanding

SHOWN_AT_MOST = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftAlone:
    """A token endpoint that is not asked as usual. `state`: open, until then; half_open: one request tries it next.

    `reason`: asked (it named the time) or down. `openings`: how often in a row it was found down.
    """

    endpoint: str
    provider: str
    registration: str
    registration_id: int
    state: str
    reason: str
    error_code: str
    since: datetime | None
    until: datetime | None
    openings: int


def left_alone(*, now: datetime) -> list[LeftAlone]:
    """Providers with a pause or an open circuit, the longest first."""
    rows = ProviderStanding.objects.troubled(now=now).select_related("registration").order_by("since", "endpoint")
    return [
        LeftAlone(
            endpoint=row.endpoint,
            provider=row.registration.provider,
            registration=row.registration.slug,
            registration_id=row.registration_id,
            state=row.state(now=now).value,
            reason=row.reason,
            error_code=row.error_code,
            since=row.since,
            until=row.until,
            openings=row.openings,
        )
        for row in rows[:SHOWN_AT_MOST]
    ]
