"""Many callers at once, each with a database connection of its own."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from django.db import connections


def in_threads[T](count: int, call: Callable[[], T]) -> list[Future[T]]:
    """Call it from `count` threads at once; all have ended."""
    with started(count, call) as futures:
        pass
    return futures


@contextmanager
def started[T](count: int, call: Callable[[], T]) -> Iterator[list[Future[T]]]:
    """Call it from `count` threads; the block runs meanwhile, and all have ended after it."""

    def closing() -> T:
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        yield [pool.submit(closing) for _ in range(count)]
