"""How often an application may ask, by person, in a minute; counted as `flows.tally` does.

Told in every answer as draft-ietf-httpapi-ratelimit-headers has it.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.http import HttpResponseBase

from integrations.flows import tally
from integrations.flows.lend import Borrower

WINDOW_SECONDS = 60
POLICY = "api"


@dataclass(frozen=True, kw_only=True, slots=True)
class Quota:
    """Requests a minute, how many of them are left, and in how many seconds there are all again."""

    limit: int
    left: int
    reset_seconds: int

    def tell(self, response: HttpResponseBase) -> None:
        response["RateLimit-Policy"] = f'"{POLICY}";q={self.limit};w={WINDOW_SECONDS}'
        response["RateLimit"] = f'"{POLICY}";r={self.left};t={self.reset_seconds}'


class QuotaSpent(Exception):
    """Too many requests in this minute."""

    def __init__(self, quota: Quota) -> None:
        self.quota = quota
        super().__init__("rate_limited")


def spend(borrower: Borrower, *, now: datetime) -> Quota:
    """Count a request.

    Raises:
        QuotaSpent: it is one too many.
    """
    limit: int = settings.HUB_API_REQUESTS_PER_MINUTE
    window, passed = divmod(int(now.timestamp()), WINDOW_SECONDS)
    count = tally.count(_name(borrower), window=window, seconds=WINDOW_SECONDS)
    quota = Quota(limit=limit, left=max(limit - count, 0), reset_seconds=WINDOW_SECONDS - passed)
    if count > limit:
        raise QuotaSpent(quota)
    return quota


def _name(borrower: Borrower) -> str:
    who = "\0".join(borrower.identity)
    return f"api-quota:{hashlib.sha256(who.encode()).hexdigest()}"
