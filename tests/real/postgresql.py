"""A PostgreSQL of a test's own, which can be stopped as by a power cut and started again where it was."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from bench.fleet import free_port

USER = "postgres"
#: Fast, but what was committed is there after an immediate stop: for that it need not reach the disk, only the system.
OPTIONS = "-c listen_addresses=127.0.0.1 -c max_connections=100 -c fsync=off -c synchronous_commit=on"


def binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


class PostgreSQL:
    """The server; `url` stays the same when it is started again."""

    def __init__(self) -> None:
        found = binaries()
        assert found is not None, "no PostgreSQL here"
        self._binaries = found
        self._folder = Path(tempfile.mkdtemp(prefix="hub-postgresql."))
        self.port = free_port()
        self.url = f"postgres://hub@127.0.0.1:{self.port}/postgres"
        self.log = self._folder / "log"

    def __enter__(self) -> Self:
        if os.getuid() == 0:
            account = pwd.getpwnam(USER)
            os.chown(self._folder, account.pw_uid, account.pw_gid)
        self._run("initdb", "--no-sync", "-U", "hub", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(check=False)
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        options = f"-p {self.port} -c unix_socket_directories={self._folder} {OPTIONS}"
        self._run("pg_ctl", "-w", "-t", "120", "-l", str(self.log), "-o", options, "start")

    def stop(self, *, check: bool = True) -> None:
        """At once: no goodbye to anybody, and recovery at the next start."""
        self._run("pg_ctl", "-w", "-t", "120", "-m", "immediate", "stop", check=check)

    def ask(self, sql: str) -> Any:
        """The one value that a query gives."""
        with psycopg.connect(self.url, autocommit=True, connect_timeout=30) as connection:
            row = connection.execute(sql).fetchone()
        assert row is not None
        return row[0]

    def _run(self, name: str, *arguments: str, check: bool = True) -> None:
        command = [str(self._binaries / name), "-D", str(self._folder / "data"), *arguments]
        if os.getuid() == 0:
            command = ["runuser", "-u", USER, "--", *command]
        subprocess.run(command, cwd=self._folder, check=check, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
