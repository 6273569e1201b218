"""What is found in a recovery journal, and what is kept of it for a person to look at."""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from django.conf import settings

from integrations.flows.journal import Record, dump, load, lock, write_whole

logger = logging.getLogger(__name__)


class Aside(StrEnum):
    """Why something is kept aside; the value is the end of its file's name."""

    UNREADABLE = "unreadable"
    UNFIT = "unfit"
    GONE = "gone"


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaf:
    """A file that was found: its records, the lines that are none, and whether somebody else has it open.

    One that cannot be opened says why in `error`, and no more; so does the folder itself.
    """

    path: Path
    written_at: datetime | None = None
    is_in_use: bool = True
    records: tuple[Record, ...] = ()
    unreadable: tuple[bytes, ...] = field(default=(), repr=False)
    error: str = ""

    def strike(self, aside: Mapping[Aside, Sequence[Record]]) -> None:
        """Take the file away. What is to be kept aside is on disk before that, and the file stays where it cannot be.

        While somebody else has the file open, it is theirs.
        """
        if self.is_in_use:
            return
        lines = {why: [dump(record) for record in records] for why, records in aside.items()}
        lines[Aside.UNREADABLE] = [*lines.get(Aside.UNREADABLE, ()), *self.unreadable]
        try:
            for why, kept_lines in lines.items():
                if kept_lines:
                    _put_aside(self.path.with_suffix(f".{why}"), kept_lines)
            self.path.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("recovery journal cannot be cleared", extra={"file": self.path.name, "errno": error.errno})


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptAside:
    """A file that only a person looks at."""

    name: str
    why: Aside
    written_at: datetime
    lines: int


def left_behind(directory: Path | None = None) -> Iterator[Leaf]:
    """The files of the journal (or of one brought from elsewhere), each locked until the next one is asked for.

    A file whose writer lives is read too, for the writer may be stopped for longer than its leases last.
    """
    try:
        paths = _named(directory, ".journal")
    except OSError as error:
        yield _unopened(directory or Path(settings.HUB_RECOVERY_JOURNAL), error)
        return
    for path in paths:
        try:
            file = path.open("rb")
        except FileNotFoundError:
            continue
        except OSError as error:
            yield _unopened(path, error)
            continue
        with file:
            is_ours = lock(file.fileno())
            about = os.fstat(file.fileno())
            # Somebody else has replayed it between opening and locking.
            if about.st_nlink:
                lines = file.read().splitlines(keepends=True)
                records = [load(line) for line in lines]
                yield Leaf(
                    path=path,
                    written_at=datetime.fromtimestamp(about.st_mtime, tz=UTC),
                    is_in_use=not is_ours,
                    records=tuple(record for record in records if record is not None),
                    unreadable=tuple(line for line, record in zip(lines, records, strict=True) if record is None),
                )


def _unopened(path: Path, error: OSError) -> Leaf:
    logger.warning("recovery journal cannot be read", extra={"file": path.name, "errno": error.errno})
    return Leaf(path=path, error=type(error).__name__)


def waiting() -> list[str]:
    """The key of each record that is on disk now, whoever's it is; nothing is stored or taken away.

    What this user cannot read may be under any key: it counts as one record of an unknown key, the empty text.
    """
    try:
        paths = _named(None, ".journal")
    except OSError as error:
        logger.warning("recovery journal cannot be read", extra={"errno": error.errno})
        return [""]
    found = []
    for path in paths:
        try:
            lines = path.read_bytes().splitlines()
        except FileNotFoundError:
            continue
        except OSError as error:
            logger.warning("recovery journal cannot be read", extra={"file": path.name, "errno": error.errno})
            found.append("")
        else:
            found += [record.key_id for line in lines if (record := load(line)) is not None]
    return found


def kept_aside(directory: Path | None = None) -> tuple[list[KeptAside], list[str]]:
    """What was put aside, by name; and the names of what this user cannot read of it."""
    found, unopened = [], []
    for why, path in _aside(directory):
        try:
            at, lines = path.stat().st_mtime, path.read_bytes().count(b"\n")
        except FileNotFoundError:
            continue
        except OSError as error:
            logger.warning("kept aside and cannot be read", extra={"file": path.name, "errno": error.errno})
            unopened.append(path.name)
        else:
            found.append(KeptAside(name=path.name, why=why, written_at=datetime.fromtimestamp(at, tz=UTC), lines=lines))
    return found, unopened


def _aside(directory: Path | None) -> list[tuple[Aside, Path]]:
    try:
        return [(why, path) for why in Aside for path in _named(directory, f".{why}")]
    except OSError:
        # `left_behind` has told of the folder.
        return []


def _named(directory: Path | None, ending: str) -> list[Path]:
    """Files of the folder, none where it is not there.

    Raises:
        OSError: this user cannot read it.
    """
    try:
        with os.scandir(directory or settings.HUB_RECOVERY_JOURNAL) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.name.endswith(ending))
    except FileNotFoundError:
        return []


def _put_aside(path: Path, lines: Sequence[bytes]) -> None:
    """Write a file whole or not at all; the same one again after a crash in between."""
    draft = path.with_name(f"{path.name}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        write_whole(descriptor, b"".join(line if line.endswith(b"\n") else line + b"\n" for line in lines))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    draft.rename(path)
    logger.warning("kept aside from the recovery journal", extra={"file": path.name, "lines": len(lines)})
