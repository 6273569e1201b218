"""Counting while the cache is away: nobody waits for it, but who finds out whether it is there again."""

from collections.abc import Callable, Iterator
from queue import Queue
from threading import Barrier

import pytest
from django.core.cache.backends.base import BaseCache
from pytest_django import Settings

from integrations.flows import tally
from tests.flows.threads import in_threads, started

PATIENCE_SECONDS = 10


class ToldCache(BaseCache):
    """A cache that does what it is told, the next thing each time it is asked."""

    told: Queue[Callable[[], int]] = Queue()
    asked: Queue[None] = Queue()

    def __init__(self, name: str, params: dict[str, object]) -> None:
        super().__init__(params)

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        self.asked.put(None)
        return self.told.get(timeout=PATIENCE_SECONDS)()

    def clear(self) -> None:
        pass


def fails() -> int:
    raise ConnectionError


def count() -> int:
    return tally.count("calls", window=1, seconds=60)


@pytest.fixture(autouse=True)
def cache(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[ToldCache]]:
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.ToldCache"}}
    monkeypatch.setattr(tally, "AWAY_SECONDS", 0.0)
    ToldCache.told, ToldCache.asked = Queue(), Queue()
    yield ToldCache
    tally.forget()


def test_one_waits_for_a_cache_that_is_silent_and_the_others_count_meanwhile(cache: type[ToldCache]) -> None:
    cache.told.put(fails)
    assert count() == 1
    cache.asked.get()

    with started(1, count) as (asking,):
        cache.asked.get(timeout=PATIENCE_SECONDS)
        others = in_threads(4, count)
        assert (asking.done(), cache.asked.qsize()) == (False, 0)
        cache.told.put(fails)

    assert sorted(other.result() for other in others) == [2, 3, 4, 5]
    assert asking.result() == 6


def test_all_ask_a_cache_that_is_there_again(cache: type[ToldCache]) -> None:
    together = Barrier(2)
    for answer in (fails, lambda: 7, *[lambda: together.wait(PATIENCE_SECONDS) * 0 + 8] * 2):
        cache.told.put(answer)

    assert [count(), count()] == [1, 7]
    assert [counted.result() for counted in in_threads(2, count)] == [8, 8]
