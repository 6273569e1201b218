"""Seal everything that is stored anew under the primary key, so that the older keys can leave the ring.

In batches of one statement each, while everything runs: what somebody else stored meanwhile is left alone, and nobody
is waited for. It may stop anywhere and be begun again; what is done already is not done twice.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from integrations import vault
from integrations.flows import recover
from integrations.vault import SHELVES, Item, Shelf

logger = logging.getLogger(__name__)

BATCH = 1000
#: Rows that others held or replaced are gone back to; they are few, and most are under the new key by then.
PASSES = 5

type Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Unopened:
    """A sealed value that does not open: which, and why."""

    table: str
    id: int
    code: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Resealed:
    """How many values went under the primary key, and those that could not be opened and stay as they are.

    `finished` says that it was neither stopped nor left anything that others were just writing.
    """

    done: int
    unopened: tuple[Unopened, ...] = ()
    finished: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How fast it goes, and when it ends: at most so many values per second (None: no limit), until `stop` says so."""

    at_most: int | None = None
    batch: int = BATCH
    stop: Callable[[], bool] = lambda: False
    pause: Callable[[float], None] = time.sleep


def reseal(*, now: datetime, pace: Pace | None = None, progress: Progress | None = None) -> Resealed:
    """Seal anew whatever is under another key than the primary one. The recovery journal is replayed first.

    `progress` is called with how many values were looked at and how many there are.

    Raises:
        SealError: the key ring is missing, malformed or wrong. Nothing was changed.
    """
    run = _Run(pace or Pace(), progress)
    vault.require_right(run.ring)
    vault.note(run.ring, run.ring.key_ids)
    recover.replay(now=now)
    for shelf in SHELVES:
        run.go_over(shelf)
    return Resealed(done=run.done, unopened=tuple(run.unopened.values()), finished=run.finished)


class _Run:
    """One run over all shelves, and what came of it so far."""

    def __init__(self, pace: Pace, progress: Progress | None) -> None:
        self.ring = vault.keyring()
        self.done = 0
        self.unopened: dict[tuple[str, int], Unopened] = {}
        self.finished = True
        self._pace = pace
        self._progress = progress
        self._seen = 0
        self._total = sum(self._to_do(shelf) for shelf in SHELVES) if progress else 0
        self._began = time.monotonic()

    def go_over(self, shelf: Shelf) -> None:
        for _ in range(PASSES):
            if not self._pass(shelf):
                return
        self.finished = False

    def _pass(self, shelf: Shelf) -> int:
        """Go over a shelf once; how many values were missed because others held or replaced them."""
        missed = 0
        batch = min(self._pace.batch, self._pace.at_most or self._pace.batch)
        for items in shelf.batches(batch, but_under=self.ring.primary):
            if self._pace.stop():
                self.finished = False
                return 0
            anew = vault.seal_anew(shelf, items, ring=self.ring)
            self.done += anew.done
            missed += anew.missed
            for item, code in anew.unopened:
                self._note(item, code)
            self._tell(len(items))
        return missed

    def _to_do(self, shelf: Shelf) -> int:
        return sum(count for key_id, count in shelf.by_key().items() if key_id != self.ring.primary)

    def _note(self, item: Item, code: str) -> None:
        if (item.table, item.pk) not in self.unopened:
            logger.warning("cannot be sealed anew", extra={"row": str(item), "code": code})
            self.unopened[item.table, item.pk] = Unopened(table=item.table, id=item.pk, code=code)

    def _tell(self, count: int) -> None:
        self._seen += count
        if self._progress:
            self._progress(self._seen, max(self._total, self._seen))
        if self._pace.at_most:
            ahead = self._seen / self._pace.at_most - (time.monotonic() - self._began)
            self._pace.pause(max(0.0, ahead))
