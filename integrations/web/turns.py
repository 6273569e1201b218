"""How often a person may make the hub call a provider from a page: one call at a time, and so many a minute.

Counted in Django's cache, as guesses at sign-in are: processes that share no cache count each for itself.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache

CALLS = 30
WINDOW = timedelta(minutes=1)


class NotNow(Exception):
    """Another call first has to end, or a minute to pass: `retry_after` is in seconds."""

    def __init__(self, *, is_running: bool, retry_after: int) -> None:
        super().__init__("one at a time" if is_running else "too many")
        self.is_running = is_running
        self.retry_after = retry_after


@contextmanager
def turn(user_id: int, *, now: datetime) -> Iterator[None]:
    """Hold the person's one turn while the block runs.

    Raises:
        NotNow: they have a call under way, or made too many; the block does not run.
    """
    key, mine = f"turn:{user_id}", secrets.token_hex(8)
    if not cache.add(key, mine, timeout=_longest_call()):
        raise NotNow(is_running=True, retry_after=settings.HUB_HTTP_DEADLINE_SECONDS)
    try:
        _count(user_id, now=now)
        yield
    finally:
        # A turn that outlived its time has become another call's.
        if cache.get(key) == mine:
            cache.delete(key)


def _count(user_id: int, *, now: datetime) -> None:
    key = f"turns:{user_id}"
    earlier = [at for at in cache.get(key, []) if now - WINDOW < at <= now]
    if len(earlier) >= CALLS:
        raise NotNow(is_running=False, retry_after=max(1, round((earlier[0] + WINDOW - now).total_seconds())))
    # Whoever holds the turn is the only one who writes here.
    cache.set(key, [*earlier, now], timeout=WINDOW.total_seconds())


def _longest_call() -> int:
    """A call, a refresh that others may be waited for, and the call again."""
    return 3 * int(settings.HUB_HTTP_DEADLINE_SECONDS) + int(settings.HUB_REFRESH_WAIT_SECONDS) + 5
