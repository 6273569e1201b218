"""Count in the cache, so on one machine or on all of them.

While the cache does not answer, each process counts for itself: nobody is turned away for that, and nobody is let in
without end. Whether it answers again, one thread finds out; the others go on counting meanwhile, and wait for nothing.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from django.core.cache import cache

from integrations import measures

logger = logging.getLogger(__name__)

#: How soon a cache that did not answer is asked again.
AWAY_SECONDS = 5.0


class _Meanwhile:
    """Counts of this process while the cache is away, of one window at a time. Shared by threads."""

    def __init__(self) -> None:
        self._is_on, self._away_until, self._window = False, 0.0, 0
        self._counts: dict[str, int] = {}
        self._lock, self._asking = Lock(), Lock()

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Whether to ask the cache: while it is away, that is the turn of one thread at a time, now and then."""
        if not self._is_on:
            yield True
        elif time.monotonic() < self._away_until or not self._asking.acquire(blocking=False):
            yield False
        else:
            try:
                yield True
            finally:
                self._asking.release()

    def end(self) -> None:
        self._is_on = False

    def begin(self, error: Exception) -> None:
        self._is_on, self._away_until = True, time.monotonic() + AWAY_SECONDS
        logger.warning("the cache does not answer: counted here alone", extra={"error": type(error).__name__})
        measures.count(measures.CACHE_FAILURES)

    def count(self, name: str, *, window: int) -> int:
        with self._lock:
            if window != self._window:
                self._window, self._counts = window, {}
            self._counts[name] = self._counts.get(name, 0) + 1
            return self._counts[name]


_meanwhile = _Meanwhile()


def count(name: str, *, window: int, seconds: int) -> int:
    """Count one more of a name in a window of time, which has so many seconds; how many there are."""
    with _meanwhile.turn() as is_ours:
        if is_ours:
            try:
                counted = _count_for_all(f"{name}:{window}", timeout=2 * seconds)
            except Exception as error:
                _meanwhile.begin(error)
            else:
                _meanwhile.end()
                return counted
    return _meanwhile.count(name, window=window)


def forget() -> None:
    """Know nothing of a cache that was away, nor of what was counted then: for tests, which exchange it."""
    global _meanwhile
    _meanwhile = _Meanwhile()


def _count_for_all(key: str, *, timeout: int) -> int:
    try:
        return cache.incr(key)
    except ValueError:
        # The first of this window; of two at once, one finds the other's.
        return 1 if cache.add(key, 1, timeout=timeout) else cache.incr(key)
