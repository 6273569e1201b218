"""What is kept between commands: one file that only its owner reads, and one writer at a time."""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from hubctl.errors import SignInNeeded, Stopped


@dataclass(kw_only=True, slots=True)
class Credentials:
    """Our tokens at one hub; `expires_at` in seconds since the epoch."""

    origin: str
    client_id: str
    token_endpoint: str
    revocation_endpoint: str = ""
    access_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    expires_at: float = 0.0
    scope: str = ""


def folder() -> Path:
    """Where it is kept: HUBCTL_DIRECTORY, or hubctl in the user's configuration."""
    named = os.environ.get("HUBCTL_DIRECTORY")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "hubctl"


@contextmanager
def locked() -> Iterator[None]:
    """Be the only one who reads and writes: of two who refresh at once, one would use a token that is spent."""
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def read(origin: str | None) -> Credentials:
    """The credentials of a hub; without an origin, those of the only one.

    Raises:
        SignInNeeded: there are none.
        Stopped: there are several, or the file is not readable.
    """
    known = _read_all()
    if origin is None and len(known) > 1:
        raise Stopped(f"Which hub? Add --hub with one of: {', '.join(sorted(known))}")
    found = known.get(origin) if origin else next(iter(known.values()), None)
    if found is None:
        raise SignInNeeded(f"Not signed in{f' to {origin}' if origin else ''}. Run: hubctl login --hub ADDRESS")
    return found


def write(credentials: Credentials) -> Credentials | None:
    """Keep credentials, and return those that were kept in their place; the file is never half written."""
    known = _read_all()
    _write_all({**known, credentials.origin: credentials})
    return known.get(credentials.origin)


def forget(origin: str) -> None:
    """Keep them no longer."""
    _write_all({name: kept for name, kept in _read_all().items() if name != origin})


def _file() -> Path:
    return folder() / "credentials.json"


def _read_all() -> dict[str, Credentials]:
    try:
        found = json.loads(_file().read_text())
        names = {each.name for each in fields(Credentials)}
        rows = [{name: value for name, value in row.items() if name in names} for row in found["hubs"]]
        return {row["origin"]: Credentials(**row) for row in rows}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        raise Stopped(f"{_file()} cannot be read. Move it away, and sign in again.") from None


def _write_all(known: dict[str, Credentials]) -> None:
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=folder(), prefix=".credentials-")
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump({"hubs": [asdict(kept) for kept in known.values()]}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(_file())
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
