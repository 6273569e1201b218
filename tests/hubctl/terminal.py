"""A terminal: hubctl in a process of its own, with a folder of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.models import User
from django.test import Client

from integrations.models import Connection
from tests.applications.asking import tick
from tests.authorization_server.device_steps import enter
from tests.factories import PASSWORD

SOURCES = Path(__file__).resolve().parents[2] / "clients" / "hubctl"
PATIENCE_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """Where commands are typed; `hub` is the address that they are for."""

    hub: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HUBCTL")}
        ours = {"PYTHONPATH": str(SOURCES), "HUBCTL_DIRECTORY": str(self.folder), "HUBCTL_HUB": self.hub}
        return {**kept, **ours, "HUBCTL_CLIENT_ID": "client-1"}

    def run(self, *words: str, typed: bytes = b"") -> Said:
        done = subprocess.run(
            [sys.executable, "-m", "hubctl", *words],
            env=self.environment,
            input=typed,
            capture_output=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        return Said(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())

    def sign_in(self, person: User, *shared: tuple[Connection, tuple[str, ...]], allow: bool = True) -> Said:
        """`hubctl login`, and what the person does in a browser meanwhile."""
        with self._waiting() as process:
            assert process.stderr is not None
            code = self._code(process)
            browser = Client()
            # As somebody who has just signed in, for this is nothing to be allowed in passing.
            browser.post("/accounts/login/", {"login": person.username, "password": PASSWORD})
            page = enter(browser, code)["Location"]
            ticks = [value for connection, features in shared for value in tick(connection, *features)]
            browser.post(page, {"decision": "allow" if allow else "deny", "allowed": ticks})
            out, err = process.communicate(timeout=PATIENCE_SECONDS)
            return Said(code=process.returncode, out=out, err=err)

    def _code(self, process: "subprocess.Popen[str]") -> str:
        assert process.stderr is not None
        for line in process.stderr:
            found = re.search(r"enter the code (\S+)", line)
            if found:
                return found[1]
        raise AssertionError("no code was shown")

    @contextmanager
    def _waiting(self) -> "Iterator[subprocess.Popen[str]]":
        process = subprocess.Popen(
            [sys.executable, "-m", "hubctl", "login"],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()
