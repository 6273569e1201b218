"""How a connection stands, from the point of view of its owner: a kind to sort by, and the words for it."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations.models import Connection
from integrations.models.connection import ENDED
from integrations.web.moments import expires_in

EXPIRES_SOON = timedelta(days=7)


class Standing(models.TextChoices):
    """In the order in which connections need attention."""

    NEEDS_YOU = "needs_you", gettext_lazy("Needs you")
    EXPIRING = "expiring", gettext_lazy("Expires soon")
    TROUBLE = "trouble", gettext_lazy("Having trouble")
    ACTIVE = "active", gettext_lazy("Active")
    OFF = "off", gettext_lazy("Switched off")
    DISCONNECTED = "disconnected", gettext_lazy("Disconnected")


#: When only a person can make access go on: the refresh token's end, or the access token's where there is none.
_ENDS_AT = Case(When(has_refresh_token=True, then=F("refresh_expires_at")), default=F("access_expires_at"))
_RANKS = {standing: rank for rank, standing in enumerate(Standing)}


def with_standing(rows: QuerySet[Connection], *, now: datetime, gone: Collection[str] = ()) -> QuerySet[Any]:
    """Add `rank`, which `standing_of` reads, and `ends_at` to each row, in the database.

    `gone` are the providers that the catalogue has no more.
    """
    off = Q(registration__enabled=False)
    rank = Case(
        _when(Standing.DISCONNECTED, Q(status__in=ENDED)),
        _when(Standing.OFF, off | Q(registration__provider__in=gone) if gone else off),
        _when(Standing.NEEDS_YOU, Q(status=Connection.Status.NEEDS_REAUTHORIZATION) | Q(ends_at__lte=now)),
        _when(Standing.EXPIRING, Q(ends_at__lte=now + EXPIRES_SOON)),
        _when(Standing.TROUBLE, Q(failure_count__gt=0)),
        default=Value(_RANKS[Standing.ACTIVE]),
        output_field=models.IntegerField(),
    )
    return rows.annotate(ends_at=_ENDS_AT).annotate(rank=rank)


def standing_of(rank: int) -> Standing:
    """What a rank stands for."""
    return list(Standing)[rank]


def of_standing(rows: QuerySet[Any], standing: Standing) -> QuerySet[Any]:
    """Only those rows. Needs `with_standing`."""
    return rows.filter(rank=_RANKS[standing])


def by_attention(rows: QuerySet[Any], *, now: datetime) -> QuerySet[Any]:
    """What needs attention first; then what ends soonest, then what was used last. Needs `with_standing`."""
    soonest = Case(When(ends_at__lte=now + EXPIRES_SOON, then=F("ends_at")))
    return rows.order_by("rank", soonest, F("last_used_at").desc(nulls_last=True), "-created_at", "-pk")


def _when(standing: Standing, condition: Q) -> When:
    return When(condition, then=Value(_RANKS[standing]))


def words_for(
    connection: Connection, standing: Standing, *, provider: str, ends_at: datetime | None, now: datetime
) -> str:
    """The standing in words; `provider` is its name."""
    match standing:
        case Standing.NEEDS_YOU:
            ended = ends_at is not None and ends_at <= now
            return why_needed("no_refresh_token" if ended else connection.last_error_code) % {"provider": provider}
        case Standing.EXPIRING if ends_at is not None:
            return expires_in(ends_at - now)
        case Standing.TROUBLE:
            return _trouble(connection) % {"provider": provider}
        case Standing.OFF if connection.registration.enabled:
            return _("Not available: this hub does not know %(provider)s any more") % {"provider": provider}
        case Standing.OFF:
            return _("Switched off by an operator")
        case Standing.DISCONNECTED if connection.status == Connection.Status.REVOKING:
            return _("Disconnected; the hub keeps trying to tell %(provider)s") % {"provider": provider}
        case _other:
            return str(standing.label)


def why_needed(code: str) -> str:
    """Why a connection needs its owner, from the error that ended it; `%(provider)s` is to be filled in."""
    if code == "no_refresh_token":
        return _("Needs you: the access has expired")
    if code == "invalid_grant":
        return _("Needs you: access was withdrawn at %(provider)s")
    if code in ("value_forged", "value_malformed", "key_lost"):
        return _("Needs you: the stored access can no longer be read")
    if code == "rotation_uncertain":
        return _("Needs you: renewing the access was interrupted")
    return _("Needs you: %(provider)s no longer accepts the access")


def _trouble(connection: Connection) -> str:
    if connection.registration.last_error_code:
        return _("Having trouble: %(provider)s does not accept this hub; an operator must act")
    if connection.last_error_code == "rate_limited":
        return _("Having trouble: %(provider)s is busy; we keep trying")
    return _("Having trouble: %(provider)s does not answer; we keep trying")
