"""Add up the counts of all processes of this machine, those that have ended included.

What ended processes left is added to `archive.json` and their files go. The archive says whose counts are in it, and
takes the place of the one before in one step: a reader that is killed halfway counts nobody twice and forgets nobody.
"""

import fcntl
import json
import logging
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from integrations.measures.sheet import SUFFIX, Key, is_left_behind, read

logger = logging.getLogger(__name__)

ARCHIVE = "archive.json"

type Counts = defaultdict[Key, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Gathered:
    """Counts by key, and how many processes are still counting."""

    counts: dict[Key, float] = field(default_factory=dict)
    processes: int = 0


@dataclass(kw_only=True)
class _Archive:
    merged: frozenset[str] = frozenset()
    counts: Counts = field(default_factory=lambda: defaultdict(float))


def gather(directory: Path) -> Gathered:
    """All counts. One at a time gathers; who counts is not kept waiting.

    Raises:
        OSError: the folder cannot be used.
    """
    with alone_in(directory):
        archive = _load(directory / ARCHIVE)
        living: Counts = defaultdict(float)
        processes, ended = 0, []
        for path in sorted(directory.glob(f"*{SUFFIX}")):
            if path.name in archive.merged:
                path.unlink()
                continue
            with path.open("rb") as file:
                left = is_left_behind(file.fileno())
                _add(archive.counts if left else living, read(file.read()))
            processes += not left
            ended += [path] if left else []
        if ended:
            archive.merged = frozenset(path.name for path in ended)
            _replace(directory / ARCHIVE, archive)
            for path in ended:
                path.unlink()
        _add(living, archive.counts.items())
    return Gathered(counts=dict(living), processes=processes)


@contextmanager
def alone_in(directory: Path) -> Iterator[None]:
    """Wait for whoever else gathers in this folder, in any process."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _add(counts: Counts, more: Iterable[tuple[Key, float]]) -> None:
    for key, value in more:
        counts[key] += value


def _load(path: Path) -> _Archive:
    try:
        found = json.loads(path.read_bytes())
        counts = {tuple(key): float(value) for key, value in found["counts"]}
        return _Archive(merged=frozenset(found["merged"]), counts=defaultdict(float, counts))
    except FileNotFoundError:
        return _Archive()
    except (ValueError, KeyError, TypeError):
        # Counters begin anew, which whoever reads them can tell.
        logger.warning("archive of counts cannot be read")
        return _Archive()


def _replace(path: Path, archive: _Archive) -> None:
    draft = path.with_suffix(".new")
    value = {"merged": sorted(archive.merged), "counts": [[list(key), value] for key, value in archive.counts.items()]}
    with draft.open("w") as file:
        json.dump(value, file, separators=(",", ":"))
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
