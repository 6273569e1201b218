"""The recovery journal: refreshed tokens on disk, sealed, for as long as the database does not have them.

Every answer of a token endpoint is appended here before it is committed and its file removed after. What a killed
worker or a failed database leaves behind is committed by the next `replay`. A record holds the row's next columns and
the very bytes its vault entry would have had, so a stolen journal tells no more than a stolen database.
"""

import base64
import fcntl
import json
import logging
import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.conf import settings

from integrations.flows.grant import Grant

logger = logging.getLogger(__name__)

COLUMNS = (
    "granted_scope",
    "access_expires_at",
    "access_lifetime_seconds",
    "refresh_expires_at",
    "refresh_due_at",
    "has_refresh_token",
    "provider_data",
    "last_refreshed_at",
)
MOMENTS = ("access_expires_at", "refresh_expires_at", "refresh_due_at", "last_refreshed_at")


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One answered refresh: which row at which version it renews, for which lease, and what it becomes."""

    connection_id: int
    version: int
    lease_owner: str
    fields: dict[str, object]
    sealed: bytes = field(repr=False)
    key_id: str

    @classmethod
    def of(
        cls, connection_id: int, version: int, lease_owner: str, grant: Grant, sealed: bytes, key_id: str
    ) -> "Record":
        return cls(
            connection_id=connection_id,
            version=version,
            lease_owner=lease_owner,
            fields=grant.fields(),
            sealed=sealed,
            key_id=key_id,
        )


class Page:
    """A file of the journal while its writer lives. It holds a lock that ends with the process, however that ends.

    A journal that cannot be written is logged and does not stop the commit, which is the better place anyway.
    """

    def __init__(self) -> None:
        self._path = Path(settings.HUB_RECOVERY_JOURNAL) / f"{uuid.uuid4().hex}.journal"
        self._descriptor: int | None = None
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = _locked(self._path)
        except OSError as error:
            self._give_up(error)

    def write(self, records: Iterable[Record]) -> None:
        """Append records: from now on a killed worker does not lose them."""
        if self._descriptor is not None:
            try:
                _write_whole(self._descriptor, b"".join(map(_dump, records)))
            except OSError as error:
                self._give_up(error)

    def discard(self) -> None:
        """Take the file away: what it holds is in the database."""
        if self._descriptor is not None:
            self._path.unlink(missing_ok=True)
            self.leave()

    def leave(self) -> None:
        """Leave the file to the next `replay`."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _give_up(self, error: OSError) -> None:
        logger.warning("recovery journal cannot be written", extra={"errno": error.errno})
        self.leave()


@contextmanager
def kept(records: Sequence[Record], *, page: Page | None = None) -> Iterator[None]:
    """Hold records on disk while the block commits them; they stay there when it raises or the process dies.

    A `page` that is given holds them already.
    """
    if page is None:
        page = Page()
        page.write(records)
    try:
        yield
        page.discard()
    finally:
        page.leave()


def left_behind() -> Iterator[list[Record]]:
    """The whole records of each file; a torn last line is skipped. The file goes when the next one is asked for.

    A file whose writer lives is read too, for the writer may be stopped for longer than its leases last, but it stays.
    """
    try:
        names = sorted(
            entry.path for entry in os.scandir(settings.HUB_RECOVERY_JOURNAL) if entry.name.endswith(".journal")
        )
    except FileNotFoundError:
        return
    for path in map(Path, names):
        try:
            file = path.open("rb")
        except FileNotFoundError:
            continue
        except OSError as error:
            logger.warning("recovery journal cannot be read", extra={"file": path.name, "errno": error.errno})
            continue
        with file:
            abandoned = _lock(file.fileno())
            yield [record for line in file if (record := _load(line)) is not None]
            if abandoned:
                path.unlink(missing_ok=True)


def waiting() -> list[str]:
    """The key of each record that is on disk now, whoever's it is; nothing is stored or taken away."""
    found = []
    for path in sorted(Path(settings.HUB_RECOVERY_JOURNAL).glob("*.journal")):
        with suppress(FileNotFoundError):
            found += [record.key_id for line in path.read_bytes().splitlines() if (record := _load(line)) is not None]
    return found


def _locked(path: Path) -> int:
    """A new file, whole and locked from the moment it can be seen under its name."""
    draft = path.with_suffix(".draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
    _lock(descriptor)
    draft.rename(path)
    return descriptor


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_whole(descriptor: int, lines: bytes) -> None:
    while lines:
        lines = lines[os.write(descriptor, lines) :]


def _dump(record: Record) -> bytes:
    value = {
        "connection": record.connection_id,
        "version": record.version,
        "lease_owner": record.lease_owner,
        "fields": {name: v.isoformat() if isinstance(v, datetime) else v for name, v in record.fields.items()},
        "sealed": base64.b64encode(record.sealed).decode(),
        "key_id": record.key_id,
    }
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _load(line: bytes) -> Record | None:
    try:
        value = json.loads(line)
        fields = {name: value["fields"][name] for name in COLUMNS}
        for name in MOMENTS:
            if fields[name] is not None:
                fields[name] = datetime.fromisoformat(fields[name])
        return Record(
            connection_id=int(value["connection"]),
            version=int(value["version"]),
            lease_owner=str(value["lease_owner"]),
            fields=fields,
            sealed=base64.b64decode(value["sealed"], validate=True),
            key_id=value["key_id"],
        )
    except (ValueError, KeyError, TypeError):
        logger.warning("recovery journal has a record that cannot be read")
        return None
