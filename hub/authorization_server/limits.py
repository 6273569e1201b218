"""How often something may be done: counted in the database, so that all processes count together and none forgets.

Time is cut into stretches of equal length; so up to twice the number can fall into one length of time that lies across
two of them.
"""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import F
from django.utils.crypto import salted_hmac

from hub.authorization_server.models import Tally

EVERYBODY = "everybody"
IPV6_NETWORK = 64


class TooOften(Exception):
    """Not now. `retry_after`: in how many seconds."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(retry_after)


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """At most `count` times in `seconds`, for each subject."""

    name: str
    count: int
    seconds: int


def spend(limit: Limit, subject: str, *, now: datetime) -> None:
    """Count one more, first and in any case: of many at once no more than `count` get through.

    Raises:
        TooOften: it is more than the limit.
    """
    ends = _end(limit, now)
    with transaction.atomic():
        row, _ = Tally.objects.get_or_create(name=limit.name, subject_hash=_hashed(subject), expires_at=ends)
        Tally.objects.filter(pk=row.pk).update(count=F("count") + 1)
        row.refresh_from_db(fields=["count"])
    if row.count > limit.count:
        raise TooOften(max(1, int((ends - now).total_seconds())))


def give_back(limit: Limit, subject: str, *, now: datetime) -> None:
    """Take back one that was spent at `now`, and only that one."""
    rows = Tally.objects.filter(name=limit.name, subject_hash=_hashed(subject), expires_at=_end(limit, now))
    rows.filter(count__gt=0).update(count=F("count") - 1)


def network(address: str) -> str:
    """Whom an IP address belongs to, as far as it can be told: with IPv6, one household has a whole network."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if ip.version == 4:
        return str(ip)
    return str(ipaddress.ip_network((ip, IPV6_NETWORK), strict=False))


def _end(limit: Limit, now: datetime) -> datetime:
    stretch = int(now.timestamp()) // limit.seconds
    return datetime.fromtimestamp((stretch + 1) * limit.seconds, tz=UTC)


def _hashed(subject: str) -> str:
    return salted_hmac("hub.authorization_server.limits", subject, algorithm="sha256").hexdigest()
