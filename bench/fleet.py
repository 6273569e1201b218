"""The programs of a hub on several machines, each as a process: a Redis that keeps nothing, workers, beat.

Each has a process group of its own, so that killing it kills its children too, and ends with the block it is used in.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import redis

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 180
LOOK_EVERY_SECONDS = 0.05


def wait_for(
    condition: Callable[[], object], *, what: str, seconds: float = PATIENCE_SECONDS, said: Callable[[], str] = str
) -> None:
    """Look until the condition is true.

    Raises:
        TimeoutError: it never was; it tells what, and what was `said`.
    """
    ends_at = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends_at:
            raise TimeoutError(f"{what} {said()}")
        threading.Event().wait(LOOK_EVERY_SECONDS)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Program:
    """A command that runs until it is told otherwise. What it says goes to a file, anew appended by each start."""

    def __init__(self, command: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None) -> None:
        self._command = command
        self._environment = os.environ | (environment or {})
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self) -> None:
        """SIGKILL for it and its children, as a power cut."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def stop(self, seconds: float = PATIENCE_SECONDS) -> int:
        """SIGTERM for it alone, as a service manager does; its exit code."""
        assert self._process is not None, "not started"
        self._process.terminate()
        return self._process.wait(seconds)

    def children(self) -> list[int]:
        """Its own children, by process id."""
        path = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        try:
            return [int(pid) for pid in path.read_text().split()]
        except OSError:
            return []

    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Redis(Program):
    """A broker that forgets everything when it ends. `url` stays the same when it is started again."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._password = "a-password-of-the-broker"
        self.url = f"redis://:{self._password}@127.0.0.1:{self.port}/0"
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--requirepass", self._password]
        super().__init__([*command, "--save", "", "--appendonly", "no", "--dir", str(folder)], log=folder / "redis.log")

    def start(self) -> None:
        super().start()
        wait_for(self._answers, what="redis did not start:", said=self.said)

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, socket_timeout=30)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def worker(name: str, *options: str, folder: Path, environment: Mapping[str, str]) -> Program:
    command = [sys.executable, "-m", "celery", "-A", "hub", "worker", "-n", f"{name}@%h"]
    lean = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return Program([*command, *lean, *options], log=folder / f"{name}.log", environment=environment)


def beat(*, folder: Path, environment: Mapping[str, str]) -> Program:
    command = [sys.executable, "-m", "celery", "-A", "hub", "beat"]
    return Program(command, log=folder / "beat.log", environment=environment)
