"""How a connection stands, from the point of view of its owner: a kind to sort by, and the words for it."""

from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations.models import Connection
from integrations.models.connection import ENDED
from integrations.providers import PROVIDERS
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


def with_standing(rows: QuerySet[Connection], *, now: datetime) -> QuerySet[Any]:
    """Add `standing`, `rank` (what needs attention first) and `ends_at` to each row, in the database."""
    standing = Case(
        When(status__in=ENDED, then=Value(Standing.DISCONNECTED.value)),
        When(Q(registration__enabled=False) | ~Q(registration__provider__in=PROVIDERS), then=Value(Standing.OFF.value)),
        When(status=Connection.Status.NEEDS_REAUTHORIZATION, then=Value(Standing.NEEDS_YOU.value)),
        When(ends_at__lte=now, then=Value(Standing.NEEDS_YOU.value)),
        When(ends_at__lte=now + EXPIRES_SOON, then=Value(Standing.EXPIRING.value)),
        When(failure_count__gt=0, then=Value(Standing.TROUBLE.value)),
        default=Value(Standing.ACTIVE.value),
        output_field=models.CharField(),
    )
    rank = Case(
        *(When(standing=value, then=Value(rank)) for rank, value in enumerate(Standing.values)),
        output_field=models.IntegerField(),
    )
    return rows.annotate(ends_at=_ENDS_AT).annotate(standing=standing).annotate(rank=rank)


def by_attention(rows: QuerySet[Any]) -> QuerySet[Any]:
    """What needs attention first; then what ends first, then what was used last. Needs `with_standing`."""
    soonest = Case(When(standing=Standing.EXPIRING, then=F("ends_at")))
    used = Coalesce("last_used_at", "created_at")
    return rows.order_by("rank", soonest, F("last_used_at").desc(nulls_last=True), used.desc(), "-pk")


def words_for(connection: Connection, standing: str, *, provider: str, ends_at: datetime | None, now: datetime) -> str:
    """The standing in words; `provider` is its name."""
    match standing:
        case Standing.NEEDS_YOU:
            return _needs_you(connection, ended=ends_at is not None and ends_at <= now) % {"provider": provider}
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
            return str(Standing(standing).label)


def _needs_you(connection: Connection, *, ended: bool) -> str:
    code = connection.last_error_code
    if ended or code == "no_refresh_token":
        return _("Needs you: the access has expired")
    if code == "invalid_grant":
        return _("Needs you: access was withdrawn at %(provider)s")
    if code in ("value_forged", "value_malformed"):
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
