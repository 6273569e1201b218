"""Count what happens in every process of this machine, so that one of them can tell all of it.

Several processes serve requests, sweeps run under cron or in a worker, and nobody asks those for their counts. So a
process keeps its counts in a file of its own, in one folder (`sheet`); whoever is asked adds up what lies there
(`gather`). A process that is killed loses nothing, one that has ended is added to an archive, and a file is known to
be left behind by its lock, which ends with its process: not by a process number, which comes again.

Why not what prometheus_client has for this: there, the variable that switches it on must be set before the first
import, a process is known by its number, and the files of those that ended stay for ever, two for each run of cron.
Why not the database: a count must cost a refresh nothing, and hold when the database does not.

Off, as it is until `open_in` was called, a count is one comparison. What cannot be written is dropped: counting
never stops what is counted.

Labels are bounded and tell nothing of a user: a provider is one of the catalogue, everything else comes from a list,
and what is not on it is "other".
"""

import logging
import os
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from time import perf_counter

from integrations.measures.definitions import ALL, OTHER, Measure
from integrations.measures.definitions import API_CALLS as API_CALLS
from integrations.measures.definitions import BORROWS as BORROWS
from integrations.measures.definitions import CACHE_FAILURES as CACHE_FAILURES
from integrations.measures.definitions import LEASE_WAITS as LEASE_WAITS
from integrations.measures.definitions import REFRESH_FAILURES as REFRESH_FAILURES
from integrations.measures.definitions import REFRESHES as REFRESHES
from integrations.measures.definitions import REQUEST_SECONDS as REQUEST_SECONDS
from integrations.measures.definitions import REQUESTS as REQUESTS
from integrations.measures.definitions import SWEEP_SECONDS as SWEEP_SECONDS
from integrations.measures.definitions import SWEEPS as SWEEPS
from integrations.measures.definitions import TOKEN_ENDPOINT as TOKEN_ENDPOINT
from integrations.measures.definitions import WEBHOOKS as WEBHOOKS
from integrations.measures.sheet import Sheet

__all__ = ("ALL", "BEYOND", "SUM", "Measure", "close", "count", "observe", "open_in", "timed")

#: What a histogram's keys end with, beside the bounds of its buckets.
BEYOND, SUM = "+Inf", "sum"

logger = logging.getLogger(__name__)


class _Book:
    """Where this process counts, if it does."""

    directory: Path | None = None
    sheet: Sheet | None = None
    known: Mapping[str, frozenset[str]] = {}

    def __init__(self) -> None:
        self.opening = Lock()


_book = _Book()


def open_in(directory: Path, *, providers: Iterable[str]) -> None:
    """Count from now on, in a file in this folder that the first count makes."""
    close()
    _book.directory, _book.known = directory, {"provider": frozenset(providers)}


def close() -> None:
    """Count no more; what was counted stays in its file, for `gather`."""
    sheet, _book.sheet, _book.directory = _book.sheet, None, None
    if sheet is not None:
        sheet.close()


def count(measure: Measure, *labels: str, by: int = 1) -> None:
    """Add to a counter."""
    if _book.directory is not None:
        _add((measure.name, *_bounded(measure, labels)), by)


def observe(measure: Measure, value: float, *labels: str) -> None:
    """Note one value, in a histogram's bucket and its sum."""
    if _book.directory is not None:
        key = (measure.name, *_bounded(measure, labels))
        place = bisect_left(measure.bounds, value)
        _add((*key, str(measure.bounds[place]) if place < len(measure.bounds) else BEYOND), 1)
        _add((*key, SUM), value)


@contextmanager
def timed(measure: Measure, *labels: str) -> Iterator[None]:
    """Note how many seconds the block takes, however it ends."""
    began = perf_counter()
    try:
        yield
    finally:
        observe(measure, perf_counter() - began, *labels)


def _bounded(measure: Measure, labels: tuple[str, ...]) -> Iterator[str]:
    for name, value in zip(measure.labels, labels, strict=True):
        known = measure.known.get(name) or _book.known.get(name)
        yield value if known is None or value in known else OTHER


def _add(key: tuple[str, ...], amount: float) -> None:
    sheet = _book.sheet or _opened()
    if sheet is not None:
        sheet.add(key, amount)


def _opened() -> Sheet | None:
    with _book.opening:
        if _book.directory is None or _book.sheet is not None:
            return _book.sheet
        try:
            _book.sheet = Sheet(_book.directory)
        except OSError as error:
            logger.warning("counts cannot be kept", extra={"errno": error.errno})
            _book.directory = None
        return _book.sheet


def _begin_anew() -> None:
    """In a child: its parent's file is its parent's."""
    _book.opening = Lock()
    if _book.sheet is not None:
        _book.sheet.let_go()
        _book.sheet = None


os.register_at_fork(after_in_child=_begin_anew)
