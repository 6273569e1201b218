"""The recovery journal: refreshed tokens on disk, sealed, for as long as the database does not have them.

Every answer of a token endpoint is appended here before it is committed and its file removed after. What a killed
worker or a failed database leaves behind is committed by the next `replay`. A record holds the row's next columns and
the very bytes its vault entry would have had, so a stolen journal tells no more than a stolen database.
"""

import base64
import json
import logging
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.conf import settings

from integrations.flows.grant import Grant

logger = logging.getLogger(__name__)

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


@contextmanager
def kept(records: Iterable[Record]) -> Iterator[None]:
    """Hold records on disk while the block commits them; they stay there when it raises or the process dies.

    A journal that cannot be written is logged and does not stop the commit, which is the better place anyway.
    """
    path = _write(records)
    yield
    if path is not None:
        path.unlink(missing_ok=True)


def left_behind() -> Iterator[tuple[Path, list[Record]]]:
    """The files of the journal and their whole records; a torn last line is skipped."""
    try:
        paths = sorted(
            entry.path for entry in os.scandir(settings.HUB_RECOVERY_JOURNAL) if entry.name.endswith(".journal")
        )
    except FileNotFoundError:
        return
    for path in map(Path, paths):
        try:
            lines = path.read_bytes().splitlines()
        except FileNotFoundError:
            continue
        yield path, [record for line in lines if (record := _load(line)) is not None]


def _write(records: Iterable[Record]) -> Path | None:
    folder = Path(settings.HUB_RECOVERY_JOURNAL)
    path = folder / f"{uuid.uuid4().hex}.journal"
    lines = b"".join(_dump(record) for record in records)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(lines)
    except OSError as error:
        logger.warning("recovery journal cannot be written", extra={"errno": error.errno})
        return None
    return path


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
        fields = value["fields"]
        for name in MOMENTS:
            if fields[name] is not None:
                fields[name] = datetime.fromisoformat(fields[name])
        return Record(
            connection_id=value["connection"],
            version=value["version"],
            lease_owner=value["lease_owner"],
            fields=fields,
            sealed=base64.b64decode(value["sealed"], validate=True),
            key_id=value["key_id"],
        )
    except (ValueError, KeyError, TypeError):
        logger.warning("recovery journal has a torn record")
        return None
