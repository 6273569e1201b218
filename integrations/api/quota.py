"""How often an application may ask, by person, in a minute; counted in the cache, so on one machine or on all of them.

Told in every answer as draft-ietf-httpapi-ratelimit-headers has it.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.core.cache import cache
from django.http import HttpResponseBase

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
    count = _count(_key(borrower, window))
    quota = Quota(limit=limit, left=max(limit - count, 0), reset_seconds=WINDOW_SECONDS - passed)
    if count > limit:
        raise QuotaSpent(quota)
    return quota


def _count(key: str) -> int:
    try:
        return cache.incr(key)
    except ValueError:
        # The first of this minute; of two at once, one finds the other's.
        return 1 if cache.add(key, 1, timeout=2 * WINDOW_SECONDS) else cache.incr(key)


def _key(borrower: Borrower, window: int) -> str:
    who = "\0".join(borrower.identity)
    return f"api-quota:{window}:{hashlib.sha256(who.encode()).hexdigest()}"
