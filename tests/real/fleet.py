"""A hub on several machines, played by processes: PostgreSQL, Redis, workers, beat, and a provider that rotates."""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bench.fleet import ROOT, Program, Redis, beat, wait_for, worker
from bench.provider import Provider
from tests.real.postgresql import PostgreSQL, binaries

fleet_marks = [
    pytest.mark.real,
    pytest.mark.skipif("DATABASE_URL" in os.environ, reason="the fleet has a PostgreSQL of its own: run once"),
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed"),
    pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not installed"),
]
CHILDREN = 2
IN_FLIGHT = 8
#: The shortest that the hub accepts, and a sweep every second.
HURRIED = {
    "HUB_HTTP_DEADLINE_SECONDS": "10",
    "HUB_LEASE_SECONDS": "20",
    "HUB_SWEEP_EVERY_SECONDS": "1",
    "HUB_SWEEP_SLICES": "4",
    "HUB_SWEEP_CONCURRENCY": str(IN_FLIGHT),
}
UNSETTLED = """
    SELECT count(*) FROM integrations_connection
    WHERE status = 'active' AND version = 1 AND (NOT refresh_sent OR lease_until > now())
"""


@dataclass(kw_only=True)
class Fleet:
    """All of it, running; `database`, `broker` and each worker can be killed and started again."""

    folder: Path
    provider: Provider
    database: PostgreSQL
    broker: Redis
    environment: dict[str, str]
    workers: list[Program] = field(default_factory=list)
    beat: Program

    def refreshed(self) -> int:
        return self.provider.statistics()["refreshes"]

    def wait_until_refreshed(self, count: int) -> None:
        wait_for(lambda: self.refreshed() >= count, what=f"{count} are not refreshed:", said=self.said)

    def wait_until_settled(self) -> None:
        """Wait until every connection is refreshed, or is left to the time that tells its outcome."""
        wait_for(lambda: self.database.ask(UNSETTLED) == 0, what="connections are left:", said=self.said)

    def settle(self) -> list[dict[str, Any]]:
        """What each connection is and holds, ten minutes from now."""
        found: list[dict[str, Any]] = json.loads(rows(self.environment, "settle", "10"))
        return found

    def said(self) -> str:
        """The end of everybody's log."""
        return "\n".join(program.said()[-2000:] for program in [*self.workers, self.beat])


def rows(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "-m", "tests.real.fleet_rows", *arguments]
    run = subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, check=False, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def environment_of(folder: Path, *, database: str, broker: str) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "hub.settings",
        "HUB_MODE": "test",
        "SECRET_KEY": "fleet " * 20,
        "HUB_SEALING_KEYS": "fleet:" + base64.b64encode(b"f" * 32).decode(),
        "HUB_OUTBOUND_ALLOWED_HOSTS": "127.0.0.1",
        "HUB_VAR_DIRECTORY": str(folder / "var"),
        "DATABASE_URL": database,
        "HUB_BROKER_URL": broker,
        "LOG_LEVEL": "INFO",
        **HURRIED,
    }


@contextmanager
def running_fleet(
    folder: Path, *, connections: int, workers: int, delay_seconds: float, **variables: str
) -> Iterator[Fleet]:
    """Everything started, with so many connections whose tokens have run out."""
    with ExitStack() as stack:
        provider = stack.enter_context(Provider(delay_seconds=delay_seconds))
        database = stack.enter_context(PostgreSQL())
        broker = stack.enter_context(Redis(folder))
        environment = environment_of(folder, database=database.url, broker=broker.url) | variables
        (folder / "var").mkdir(mode=0o700)
        rows(environment, "seed", provider.origin, str(connections))
        fleet = Fleet(
            folder=folder,
            provider=provider,
            database=database,
            broker=broker,
            environment=environment,
            beat=beat(folder=folder, environment=environment),
        )
        for name in [f"worker{number}" for number in range(workers)]:
            program = worker(name, "--concurrency", str(CHILDREN), folder=folder, environment=environment)
            fleet.workers.append(stack.enter_context(program))
        stack.enter_context(fleet.beat)
        yield fleet


def out_of_step(held: Sequence[dict[str, Any]], provider: Provider) -> set[int]:
    """The families of those that do not hold what the provider gave last."""
    newest = provider.generations()
    return {row["family"] for row in held if row["generation"] != newest.get(row["family"], 0)}
