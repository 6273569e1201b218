"""A process that sweeps, or one that borrows, until its standard input ends; seen from outside it is `Traffic`.

Borrowers are threads that borrow at a steady pace from connections taken by turns, as programs do. What went wrong is
counted by its code.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from django.db import connection as database
from django.utils import timezone

from bench import hub
from integrations.flows import access
from integrations.flows.sweep import SweepOptions, sweep
from integrations.models import Connection
from integrations.oauth.errors import OAuthError

THREADS = 4
PAUSE_SECONDS = 0.02
SWEPT = 2000


class Traffic:
    """The process, from outside: `kind` is sweep or borrow."""

    def __init__(self, kind: str, *, settings: Mapping[str, str]) -> None:
        self._command = [sys.executable, "-m", "bench.traffic", kind]
        self._environment = os.environ | settings

    def __enter__(self) -> Self:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            self._command, env=self._environment, stdin=pipe, stdout=pipe, text=True, process_group=0
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()

    def result(self) -> dict[str, int]:
        """Let it come to its end; what it counted."""
        answer, _ = self._process.communicate()
        found: dict[str, int] = json.loads(answer)
        return found


def sweep_on(ended: threading.Event) -> Counter[str]:
    """Sweep over and over, and make some connections due in between."""
    counts: Counter[str] = Counter()
    while not ended.is_set():
        ids = Connection.objects.order_by("last_refreshed_at", "pk").values_list("pk", flat=True)[:SWEPT]
        Connection.objects.filter(pk__in=list(ids)).update(refresh_due_at=timezone.now())
        counts.update(sweep(SweepOptions(), clock=timezone.now, stop=ended.is_set).counts)
    return counts


def borrow_on(ended: threading.Event) -> Counter[str]:
    counts: Counter[str] = Counter()
    keys = list(Connection.objects.values_list("uuid", flat=True))

    def borrow(offset: int) -> None:
        for key in keys[offset :: THREADS * 7] * 1000:
            if ended.wait(PAUSE_SECONDS):
                break
            try:
                access.token(Connection.objects.get(uuid=key))
            except OAuthError as error:
                counts[f"failed {error.code}"] += 1
            except Exception as error:
                counts[f"failed {type(error).__name__}"] += 1
            else:
                counts["borrowed"] += 1
        database.close()

    threads = [threading.Thread(target=borrow, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts


def main(kind: str) -> None:
    ended = threading.Event()

    def listen() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=listen, daemon=True).start()
    work: Any = {"sweep": sweep_on, "borrow": borrow_on}[kind]
    os.write(1, b"ready\n")
    began = time.monotonic()
    counts = work(ended)
    os.write(1, json.dumps({**counts, "seconds": round(time.monotonic() - began)}).encode())


if __name__ == "__main__":
    assert hub.FOLDER
    main(sys.argv[1])
