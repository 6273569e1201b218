"""Backups as docs/backup.md takes them, with the databases' own tools, and hubs that run on what was restored."""

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.db import connection as database

from tests.flows.worker import ROOT, database_url


def take_backup(folder: Path) -> Path:
    """A backup of the database that the tests use, however busy it is."""
    target = folder / "hub.backup"
    if database.vendor == "sqlite":
        _run(sys.executable, "-m", "sqlite3", str(database.settings_dict["NAME"]), f"VACUUM INTO '{target}'")
    else:
        _run(_tool("pg_dump"), "--format=custom", f"--file={target}", f"--dbname={database_url()}")
    return target


@contextmanager
def restored(backup: Path) -> Iterator[str]:
    """DATABASE_URL of a new database made from a backup."""
    if database.vendor == "sqlite":
        elsewhere = backup.with_name("restored.sqlite3")
        shutil.copy(backup, elsewhere)
        yield f"sqlite:///{elsewhere}"
        return
    name = f"restored_{uuid.uuid4().hex}"
    there = urlunsplit(urlsplit(database_url())._replace(path=f"/{name}"))
    _run(_tool("createdb"), f"--maintenance-db={database_url()}", "--template=template0", name)
    try:
        _run(_tool("pg_restore"), "--no-owner", "--exit-on-error", f"--dbname={there}", str(backup))
        yield there
    finally:
        _run(_tool("dropdb"), f"--maintenance-db={database_url()}", "--force", name)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command of a restored hub ended."""

    code: int
    report: dict[str, Any]
    errors: str


def command(url: str, *arguments: str, journal: Path, **variables: str) -> Ended:
    """Run `manage.py arguments --json` of a hub at a database of its own."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": url,
        "HUB_RECOVERY_JOURNAL": str(journal),
        **variables,
    }
    line = [sys.executable, "manage.py", *arguments, "--json"]
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert "Traceback" not in done.stderr, done.stderr
    return Ended(code=done.returncode, report=json.loads(done.stdout), errors=done.stderr)


def _tool(name: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return str(found[-1]) if found else shutil.which(name) or name


def _run(*line: str) -> None:
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
