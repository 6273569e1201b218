"""One process's counts, in a file that outlives the process and that others may read while it grows.

A record is `length of the key (4 bytes) | value (8 bytes) | key as JSON`, padded to 8 bytes. The length is written
last, so whoever reads sees a whole record or none. The file's blocks are taken before they are written: a full disk is
an error here, and not a signal that ends the process.
"""

import contextlib
import fcntl
import json
import mmap
import os
import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

SUFFIX = ".counts"
GROWS_BY_BYTES = 64 * 1024
_LENGTH = struct.Struct("<I")
_VALUE = struct.Struct("<d")
# The value stands where 8 divides its place, so that it is written in one piece.
_VALUE_AT, _KEY_AT = 8, 16

type Key = tuple[str, ...]


@dataclass(slots=True)
class _Cell:
    place: int
    value: float = 0.0


class Sheet:
    """Adds to counts; thread-safe. It holds a lock on its file that ends with the process, however that ends."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = Lock()
        self._cells: dict[Key, _Cell] = {}
        self._end = 0
        self._descriptor = _new_file(directory)
        self._memory = mmap.mmap(self._descriptor, GROWS_BY_BYTES)

    def add(self, key: Key, amount: float) -> None:
        """Add to one count. When there is no room for a new one, it is left out."""
        with self._lock:
            cell = self._cells.get(key)
            if cell is None:
                cell = self._new_cell(key)
            if cell is not None:
                cell.value += amount
                _VALUE.pack_into(self._memory, cell.place, cell.value)

    def close(self) -> None:
        """Leave the file to whoever gathers."""
        with self._lock:
            self._memory.close()
            os.close(self._descriptor)

    def let_go(self) -> None:
        """In a child, which shares the lock with its parent and would keep it up: without waiting for any thread."""
        with contextlib.suppress(OSError):
            os.close(self._descriptor)

    def _new_cell(self, key: Key) -> _Cell | None:
        written = json.dumps(key, separators=(",", ":")).encode()
        size = _KEY_AT + len(written) + -len(written) % 8
        if not self._has_room(size):
            return None
        start = self._end
        self._memory[start + _KEY_AT : start + _KEY_AT + len(written)] = written
        _LENGTH.pack_into(self._memory, start, len(written))
        self._end += size
        cell = self._cells[key] = _Cell(start + _VALUE_AT)
        return cell

    def _has_room(self, size: int) -> bool:
        before = len(self._memory)
        if self._end + size <= before:
            return True
        try:
            os.posix_fallocate(self._descriptor, before, GROWS_BY_BYTES)
            self._memory = mmap.mmap(self._descriptor, before + GROWS_BY_BYTES)
        except OSError:
            return False
        return True


def read(content: bytes) -> Iterator[tuple[Key, float]]:
    """The counts in a file, as far as they are whole."""
    start = 0
    while start + _KEY_AT <= len(content):
        (length,) = _LENGTH.unpack_from(content, start)
        written = content[start + _KEY_AT : start + _KEY_AT + length]
        if not length or len(written) < length:
            return
        try:
            key = tuple(map(str, json.loads(written)))
        except ValueError:
            return
        yield key, _VALUE.unpack_from(content, start + _VALUE_AT)[0]
        start += _KEY_AT + length + -length % 8


def is_left_behind(descriptor: int) -> bool:
    """Whether nobody writes to this file any more."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _new_file(directory: Path) -> int:
    """A file whose blocks are taken, locked from the moment it can be seen under its name."""
    path = directory / f"{uuid.uuid4().hex}{SUFFIX}"
    draft = path.with_suffix(".draft")
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, GROWS_BY_BYTES)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        draft.rename(path)
    except OSError:
        os.close(descriptor)
        draft.unlink(missing_ok=True)
        raise
    return descriptor
