"""Whether what the flows stand on is there: the keys open, the recovery journal takes a file."""

import os
import secrets
from pathlib import Path

from django.conf import settings

from integrations import vault

PROBE = b"a probe"


def keys_open() -> None:
    """Seal something and open it again.

    Raises:
        SealError: the keys are missing or wrong.
    """
    ring = vault.keyring()
    sealed = ring.seal(PROBE, associated_data=PROBE)
    if ring.open(sealed, associated_data=PROBE) != PROBE:
        raise vault.SealError("value_forged", "what was sealed does not open")


def journal_takes_a_file() -> None:
    """Write one in the journal's folder, and take it away.

    Raises:
        OSError: it cannot be written; a token that a provider has just rotated would rest on the database alone.
    """
    folder = Path(settings.HUB_RECOVERY_JOURNAL)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{secrets.token_hex(8)}.probe"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, PROBE)
    finally:
        os.close(descriptor)
        path.unlink()


def journal_files() -> list[float]:
    """When each file in the journal was last written to, in seconds since the epoch. Most are there for moments."""
    found = []
    try:
        with os.scandir(settings.HUB_RECOVERY_JOURNAL) as entries:
            for entry in entries:
                if entry.name.endswith(".journal"):
                    found.append(_written_at(entry))
    except FileNotFoundError:
        return []
    return [moment for moment in found if moment is not None]


def _written_at(entry: os.DirEntry[str]) -> float | None:
    try:
        return entry.stat().st_mtime
    except FileNotFoundError:
        return None
