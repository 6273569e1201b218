"""A process that borrows, at this test's database, seen from outside."""

import os
import subprocess
import sys
from types import TracebackType
from typing import Self

from integrations.models import Connection
from tests.flows.worker import PATIENCE_SECONDS, ROOT, database_url


class Borrower:
    """It lives for the block; its variables are ours, and those given."""

    def __init__(self, **variables: str) -> None:
        self._environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "DATABASE_URL": database_url(),
            **variables,
        }

    def __enter__(self) -> Self:
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "tests.real.borrowing"]
        self._process = subprocess.Popen(command, cwd=ROOT, env=self._environment, stdin=pipe, stdout=pipe, text=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate(timeout=PATIENCE_SECONDS)

    def borrow(self, connection: Connection) -> str:
        """The token that it was handed, or `refused: code`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(connection.pk, file=self._process.stdin, flush=True)
        return self._process.stdout.readline().rstrip("\n")
