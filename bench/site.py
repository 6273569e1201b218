"""The hub as it is served: granian with two workers, in processes of its own; and what it costs them.

`with Site("hub.wsgi:application", threads=16) as site`. Settings are those of the bench, and of its environment.
"""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.fleet import free_port, wait_for

ROOT = Path(__file__).resolve().parent.parent
WORKERS = 2
TICKS = os.sysconf("SC_CLK_TCK")


class Site:
    """The server, from outside."""

    def __init__(self, application: str, *, threads: int, environment: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        command = [str(Path(sys.executable).parent / "granian"), "--interface", "wsgi", "--host", "127.0.0.1"]
        command += ["--port", str(self.port), "--workers", str(WORKERS), "--blocking-threads", str(threads)]
        self._command = [*command, "--log-level", "error", application]
        self._environment = os.environ | (environment or {})

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, cwd=ROOT, env=self._environment, process_group=0)
        wait_for(self._answers, what="granian did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()

    def cpu_seconds(self) -> float:
        """What all its processes have used so far."""
        return sum(sum(map(int, _stat(pid)[11:13])) for pid in self._pids()) / TICKS

    def resident_megabytes(self) -> float:
        """The most that one of its processes holds now."""
        return max(int(_stat(pid)[21]) for pid in self._pids()) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def _pids(self) -> list[int]:
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        return [self._process.pid, *map(int, children)]

    def _answers(self) -> bool:
        assert self._process.poll() is None, "granian ended"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=10):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the third on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
