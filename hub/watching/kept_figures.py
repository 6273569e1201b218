"""What the database says, asked for as seldom as it is dear, once for all processes of this machine.

Each query is asked anew when its answer is older than a hundred times what it cost, and at least fifteen seconds: so
none takes more than a hundredth of the database's time, however often somebody scrapes, and however large the tables
are. It is asked in a thread, and a scrape waits for it for some seconds at most: with the database gone, the counts
are still told. What is too old is not told at all; `hub_figures_age_seconds` says how old what is told is.
"""

import fcntl
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread
from time import perf_counter, time

from django.db import connections
from django.utils import timezone

from integrations.flows.figures import QUERIES

logger = logging.getLogger(__name__)

FILE = "figures.json"
FRESH_SECONDS = 15.0
TIMES_THE_COST = 100
TOLD_FOR_SECONDS = 300.0
PATIENCE_SECONDS = 3.0

type Labelled = dict[tuple[str, ...], float]


@dataclass(kw_only=True)
class _Entry:
    """What one query said, when (seconds since the epoch), and how long it took."""

    at: float
    cost: float
    values: list[tuple[str, list[str], float]]

    def is_due(self, *, now: float) -> bool:
        return not 0 <= now - self.at < max(FRESH_SECONDS, TIMES_THE_COST * self.cost)


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """Values by the figure's name and labels, and how old each query's are, in seconds."""

    values: Mapping[str, Labelled] = field(default_factory=dict)
    ages: Mapping[str, float] = field(default_factory=dict)


class _Refresher:
    """The one thread of this process that asks the database."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._thread: Thread | None = None

    def run(self, folder: Path) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(target=_ask, args=(folder,), name="figures", daemon=True)
                self._thread.start()
            thread = self._thread
        thread.join(PATIENCE_SECONDS)


_refresher = _Refresher()


def kept_figures(folder: Path) -> Kept:
    """What the database says now, or said a little while ago."""
    if _due(_load(folder), now=time()):
        _refresher.run(folder)
    values: dict[str, Labelled] = {}
    ages: dict[str, float] = {}
    now = time()
    for query, entry in _load(folder).items():
        if query in QUERIES and now - entry.at < TOLD_FOR_SECONDS + TIMES_THE_COST * entry.cost:
            ages[query] = max(0.0, now - entry.at)
            for name, labels, value in entry.values:
                values.setdefault(name, {})[tuple(labels)] = value
    return Kept(values=values, ages=ages)


def _due(kept: Mapping[str, _Entry], *, now: float) -> list[str]:
    return [query for query in QUERIES if query not in kept or kept[query].is_due(now=now)]


def _ask(folder: Path) -> None:
    """Ask what is due, unless another process does so."""
    descriptor = os.open(folder / "figures.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        kept = dict(_load(folder))
        for query in _due(kept, now=time()):
            kept[query] = _asked(query)
            _write(folder, kept)
    except BlockingIOError:
        pass
    except Exception as error:
        # Whatever a database, a driver or a disk may raise: the counts are told nonetheless.
        logger.warning("figures cannot be had", extra={"kind": type(error).__name__})
    finally:
        os.close(descriptor)
        connections.close_all()


def _asked(query: str) -> _Entry:
    began = perf_counter()
    found = QUERIES[query](timezone.now())
    values = [
        (figure.name, list(labels), float(value))
        for figure, by_labels in found.items()
        for labels, value in by_labels.items()
    ]
    return _Entry(at=time(), cost=perf_counter() - began, values=values)


def _load(folder: Path) -> dict[str, _Entry]:
    try:
        found = json.loads((folder / FILE).read_bytes())
        return {query: _Entry(**entry) for query, entry in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _write(folder: Path, kept: Mapping[str, _Entry]) -> None:
    draft = folder / f"{FILE}.new"
    content = {query: {"at": e.at, "cost": e.cost, "values": e.values} for query, e in kept.items()}
    draft.write_text(json.dumps(content, separators=(",", ":")))
    draft.chmod(0o600)
    draft.rename(folder / FILE)
