"""The recovery journal: refreshed tokens on disk, sealed, for as long as the database does not have them.

Every answer of a token endpoint is appended here before it is committed and its file removed after. What a killed
worker or a failed database leaves behind is committed by `recover.replay`. A record holds the row's next columns and
the very bytes its vault entry would have had, so a stolen journal tells no more than a stolen database.

    <id>.journal      records, one a line, while they are not committed
    <id>.unreadable   lines that are no records, or do not belong to their row      ┐ kept aside: nothing
    <id>.unfit        records that the database refuses                            │ looks at them again
    <id>.gone         records whose connection is not in this database             ┘ but a person
"""

import base64
import fcntl
import json
import logging
import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.conf import settings

from integrations.flows.grant import Grant
from integrations.models import Connection

logger = logging.getLogger(__name__)

COLUMNS = (
    "granted_scope",
    "unexpected_scope",
    "access_expires_at",
    "access_lifetime_seconds",
    "refresh_expires_at",
    "refresh_due_at",
    "has_refresh_token",
    "provider_data",
    "last_refreshed_at",
)
_COMPACT = json.JSONEncoder(separators=(",", ":"), check_circular=False, default=datetime.isoformat)
#: What a record of an older hub does not have, and so does not change.
LATER = frozenset({"unexpected_scope"})
MOMENTS = ("access_expires_at", "refresh_expires_at", "refresh_due_at", "last_refreshed_at")


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One answered refresh: which row at which version it renews, for which lease, and what it becomes.

    `uuid` is the connection's: after a restore, another one may have its id. Empty in what an older hub wrote.
    """

    connection_id: int
    uuid: str
    version: int
    lease_owner: str
    fields: dict[str, object]
    sealed: bytes = field(repr=False)
    key_id: str

    @classmethod
    def of(cls, connection: Connection, lease_owner: str, grant: Grant, sealed: bytes, key_id: str) -> "Record":
        return cls(
            connection_id=connection.pk,
            uuid=str(connection.uuid),
            version=connection.version,
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
                write_whole(self._descriptor, b"".join(map(dump, records)))
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


def _locked(path: Path) -> int:
    """A new file, whole and locked from the moment it can be seen under its name."""
    draft = path.with_suffix(".draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
    lock(descriptor)
    draft.rename(path)
    return descriptor


def lock(descriptor: int) -> bool:
    """Take the lock of a file; False: somebody else has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def write_whole(descriptor: int, lines: bytes) -> None:
    """Write all of it, however often that takes."""
    while lines:
        lines = lines[os.write(descriptor, lines) :]


def dump(record: Record) -> bytes:
    """A record as a line."""
    value = {
        "connection": record.connection_id,
        "uuid": record.uuid,
        "version": record.version,
        "lease_owner": record.lease_owner,
        "fields": record.fields,
        "sealed": base64.b64encode(record.sealed).decode(),
        "key_id": record.key_id,
    }
    return _COMPACT.encode(value).encode() + b"\n"


def load(line: bytes) -> Record | None:
    """The record of a line; None: it is none, or not a whole one."""
    try:
        value = json.loads(line)
        found = value["fields"]
        fields = {name: found[name] for name in COLUMNS if name in found or name not in LATER}
        for name in MOMENTS:
            if fields[name] is not None:
                fields[name] = datetime.fromisoformat(fields[name])
        return Record(
            connection_id=int(value["connection"]),
            uuid=str(value.get("uuid", "")),
            version=int(value["version"]),
            lease_owner=str(value["lease_owner"]),
            fields=fields,
            sealed=base64.b64decode(value["sealed"], validate=True),
            key_id=value["key_id"],
        )
    except (ValueError, KeyError, TypeError):
        return None
