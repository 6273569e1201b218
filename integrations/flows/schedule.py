"""When to refresh: pure decisions on times. No clock, no database."""

import hashlib
from datetime import datetime, timedelta

MARGIN_AT_MOST = timedelta(minutes=5)
MARGIN_PER_LIFETIME = 0.1
BACKOFF_FIRST = timedelta(seconds=5)
BACKOFF_AT_MOST = timedelta(hours=1)
CIRCUIT_FIRST = timedelta(seconds=30)
CIRCUIT_AT_MOST = timedelta(minutes=5)
#: Those whom a provider sent away until the same moment do not all come back at it.
RETRY_AFTER_SPREAD = 0.1
RETRY_AFTER_LATE_AT_MOST = timedelta(seconds=30)
CLOCK_SKEW = timedelta(seconds=60)


def spread(seed: str) -> float:
    """A steady number in [0, 1) for a seed, so that equal expiry times do not fall due in the same second."""
    return int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=4).digest()) / 2**32


def refresh_due_at(
    *, sent_at: datetime, expires_in: int | None, has_refresh_token: bool, keepalive_days: int, seed: str
) -> datetime | None:
    """When a token should be refreshed (or, with no refresh token, be declared over); None: when it is refused.

    Counts from when the request was sent, so a slow answer never makes a token seem to live longer. The margin is
    10 % of the lifetime, 5 minutes at most; up to half a margin more is added by `spread`.
    """
    if not has_refresh_token:
        return None if expires_in is None else sent_at + timedelta(seconds=expires_in)
    moments = []
    if expires_in is not None:
        margin = min(MARGIN_AT_MOST, timedelta(seconds=expires_in * MARGIN_PER_LIFETIME))
        moments.append(sent_at + timedelta(seconds=expires_in) - margin * (1 + spread(seed) / 2))
    if keepalive_days:
        moments.append(sent_at + timedelta(days=keepalive_days) * (0.7 + 0.1 * spread(seed)))
    return min(moments, default=None)


def backoff(failure_count: int, *, retry_after: int | None, seed: str) -> timedelta:
    """How long to wait after the n-th passing failure in a row: doubling, jittered, never less than Retry-After.

    What is added to a Retry-After is up to a tenth of it, and half a minute at most.
    """
    doublings = float(2 ** min(failure_count - 1, 12))
    wait = min(BACKOFF_FIRST * doublings, BACKOFF_AT_MOST) * (0.75 + spread(f"{seed}:{failure_count}") / 2)
    asked = timedelta(seconds=retry_after or 0)
    late = min(asked * RETRY_AFTER_SPREAD, RETRY_AFTER_LATE_AT_MOST) * spread(f"{seed}:asked")
    return max(wait, asked + late)


def circuit_pause(openings: int, *, seed: str) -> timedelta:
    """How long a provider that was found down n times in a row is left alone: doubling, jittered."""
    doublings = float(2 ** min(openings - 1, 8))
    return min(CIRCUIT_FIRST * doublings, CIRCUIT_AT_MOST) * (1 + spread(f"{seed}:{openings}") / 10)


def is_due(
    *,
    now: datetime,
    due_at: datetime | None,
    expires_at: datetime | None,
    lifetime_seconds: int | None,
) -> bool:
    """Whether a token should be refreshed before it is used.

    A token that seems to live longer than it was issued for tells that the clock was set back: it is due, once.
    """
    if due_at is not None and due_at <= now:
        return True
    if expires_at is None:
        return False
    if lifetime_seconds is not None and expires_at - now > timedelta(seconds=lifetime_seconds) + CLOCK_SKEW:
        return True
    return expires_at <= now
