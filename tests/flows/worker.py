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
    arguments = [str(connection.pk), clock().isoformat(), str(settings.HUB_RECOVERY_JOURNAL), point]
    with started_process("tests.flows.crashing", *arguments) as process:
        yield process
        process.wait(PATIENCE_SECONDS)


@contextmanager
def sweeper(*, clock: Clock, point: str = "nowhere", concurrency: int = 256) -> Iterator[subprocess.Popen[bytes]]:
    """A process that sweeps and dies at a point (see `crashing_sweep`); it has ended after the block."""
    arguments = [clock().isoformat(), str(settings.HUB_RECOVERY_JOURNAL), point, str(concurrency)]
    with started_process("tests.flows.crashing_sweep", *arguments) as process:
        yield process
        process.wait(PATIENCE_SECONDS)


@contextmanager
def started_process(module: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m module arguments` at the same database; it does not outlive the block."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": database_url(),
        "PYTHONPATH": str(ROOT),
    }
    process = subprocess.Popen([sys.executable, "-m", module, *arguments], cwd=ROOT, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait(PATIENCE_SECONDS)
