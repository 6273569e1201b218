"""Another process at the same database as this test."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import connection as database

from integrations.models import Connection
from tests.clock import Clock

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE_SECONDS = 60


def database_url() -> str:
    """DATABASE_URL of the database that the tests made."""
    name = database.settings_dict["NAME"]
    if database.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))


@contextmanager
def worker(connection: Connection, *, clock: Clock, point: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker that refreshes this connection and dies at a point (see `crashing`); it is dead after the block."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": database_url(),
        "PYTHONPATH": str(ROOT),
    }
    arguments = [str(connection.pk), clock().isoformat(), str(settings.HUB_RECOVERY_JOURNAL), point]
    command = [sys.executable, "-m", "tests.flows.crashing", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        yield process
        process.wait(PATIENCE_SECONDS)
    finally:
        process.kill()
        process.wait(PATIENCE_SECONDS)
