"""Which connections an operator means: what admin's list filters by, and what a bulk revocation keeps."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Self

from django.db.models import Q, QuerySet, TextChoices

from integrations.models import Connection
from integrations.models.connection import ENDED

#: A connection that is due this long was not seen by any sweep.
OVERDUE_AFTER = timedelta(minutes=15)
SEARCHED = (
    "owner__username",
    "owner__email",
    "registration__slug",
    "registration__provider",
    "account_label",
    "name",
)


class Attention(TextChoices):
    """Why somebody should look at a connection."""

    NEEDS_OWNER = "needs_owner", "Needs its owner"
    FAILING = "failing", "Renewal is failing"
    OVERDUE = "overdue", "Renewal is overdue"


class Idle(TextChoices):
    """For how many days, at least, nobody used a connection, or it was not renewed."""

    WEEK = "7", "7 days and longer"
    MONTH = "30", "30 days and longer"
    QUARTER = "90", "90 days and longer"
    YEAR = "365", "A year and longer"
    NEVER = "never", "Never"


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Connections by what is asked of them; what is empty is not asked."""

    provider: str = ""
    registration_id: int | None = None
    owner_id: int | None = None
    status: str = ""
    error: str = ""
    attention: str = ""
    unused: str = ""
    unrenewed: str = ""
    text: str = ""

    @classmethod
    def of(cls, stored: Mapping[str, object]) -> Self:
        """What `stored()` returned."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})  # type: ignore[arg-type]

    def stored(self) -> dict[str, object]:
        """As JSON: what is asked, and nothing of the rest."""
        return {name: value for name, value in asdict(self).items() if value not in ("", None)}

    @property
    def is_empty(self) -> bool:
        return not self.stored()

    def rows(self, *, now: datetime) -> QuerySet[Connection]:
        """The connections it means, in no order."""
        return Connection.objects.filter(self.condition(now=now)).order_by()

    def condition(self, *, now: datetime) -> Q:
        """That all of what is asked is so."""
        asked = {
            "registration__provider": self.provider,
            "registration_id": self.registration_id,
            "owner_id": self.owner_id,
            "status": self.status,
            "last_error_code": self.error,
        }
        condition = Q(**{name: value for name, value in asked.items() if value not in ("", None)})
        if self.attention:
            condition &= needing(self.attention, now=now)
        if self.unused:
            condition &= idle("last_used_at", self.unused, now=now)
        if self.unrenewed:
            condition &= idle("last_refreshed_at", self.unrenewed, now=now)
        return condition & found_by(self.text)

    def held(self, *, now: datetime) -> QuerySet[Connection]:
        """Those of them that can still be revoked."""
        return self.rows(now=now).exclude(status__in=ENDED)


def needing(attention: str, *, now: datetime) -> Q:
    """The condition for a reason to look."""
    active = Q(status=Connection.Status.ACTIVE)
    match attention:
        case Attention.NEEDS_OWNER:
            return Q(status=Connection.Status.NEEDS_REAUTHORIZATION)
        case Attention.FAILING:
            return active & Q(failure_count__gt=0)
        case Attention.OVERDUE:
            free = Q(lease_until__isnull=True) | Q(lease_until__lte=now)
            able = Q(owner__isnull=True) | Q(owner__is_active=True)
            return active & free & able & Q(registration__enabled=True) & Q(refresh_due_at__lte=now - OVERDUE_AFTER)
    return Q(pk__in=())


def idle(column: str, days: str, *, now: datetime) -> Q:
    """The condition that a moment is that long ago; one that never came counts from when the row was made."""
    if days == Idle.NEVER:
        return Q(**{f"{column}__isnull": True})
    if days not in Idle.values:
        return Q(pk__in=())
    since = now - timedelta(days=int(days))
    return Q(**{f"{column}__lte": since}) | Q(**{f"{column}__isnull": True}, created_at__lte=since)


def found_by(text: str) -> Q:
    """The condition that every word is in one of the columns that are searched; none of them holds a secret."""
    condition = Q()
    for word in text.split():
        one = Q()
        for column in SEARCHED:
            one |= Q(**{f"{column}__icontains": word})
        condition &= one
    return condition
