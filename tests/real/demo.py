"""The demo as people run it: `manage.py demo` in a process of its own, on a free port, with its data elsewhere."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

demo_marks = [
    pytest.mark.real,
    pytest.mark.skipif("DATABASE_URL" in os.environ, reason="the demo has an SQLite database of its own: run there"),
]
ROOT = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 90
STOP_SECONDS = 20


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(data: Path, port: int) -> subprocess.Popen[str]:
    """Start the command, with nothing of the tests' own environment."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "manage.py", "demo", "--port", str(port)],
        cwd=ROOT,
        env=environment | {"HUB_MODE": "demo", "HUB_VAR_DIRECTORY": str(data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


class RunningDemo:
    """A started demo; leaving the `with` presses Ctrl-C."""

    def __init__(self, data: Path, *, port: int = 0) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process = start(data, self.port)
        self._output: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._reader.start()
        self._wait_until_it_answers()
        self.workers = children_of(self._process.pid)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def output(self) -> str:
        return "".join(self._output)

    def password(self, username: str) -> str:
        """What the demo printed for this person."""
        found = re.search(rf"\b{username} / (\S+)", self.output)
        assert found, self.output
        return found[1]

    def stop(self, sent: signal.Signals = signal.SIGINT) -> int:
        """Press Ctrl-C, which reaches the whole group, and wait for the end."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, sent)
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            for pid in (self._process.pid, *self.workers):
                os.kill(pid, signal.SIGKILL)
            raise

    def _read(self) -> None:
        assert self._process.stdout
        self._output.extend(iter(self._process.stdout.readline, ""))

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/accounts/login/", timeout=5):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                threading.Event().wait(0.05)
        self._process.kill()
        raise AssertionError(f"the demo did not start:\n{self.output}")


def children_of(pid: int) -> list[int]:
    statuses = ((int(path.parent.name), path) for path in Path("/proc").glob("[0-9]*/status"))
    return [child for child, path in statuses if f"\nPPid:\t{pid}\n" in read(path)]


def read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
