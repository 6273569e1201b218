"""A process of callers that all want the token of one connection at the same moment, each in a thread of its own.

Seen from outside it is `Callers`: once all threads are ready they `start` together, `met` tells that each has had an
answer of some kind, and `result` is what came of them. A caller does as documented: told to come back, it comes back.

A process of one thread may halt at a point: `claimed` kills it once it has the lease, `marked` stops it just before its
request leaves, `answered` stops it with the answer in hand and nothing committed.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from django.db import connection as database

from bench import hub  # noqa: F401 - it sets Django up
from integrations.flows import access
from integrations.models import Connection
from integrations.oauth.errors import OAuthError, Remedy

PATIENCE_SECONDS = 90
COME_BACK_SECONDS = 1


@dataclass(kw_only=True)
class Result:
    """When the callers began and ended, what they got, and how often one was told to come back."""

    began: float
    ended: float
    tokens: set[str]
    failures: list[str] = field(default_factory=list)
    retried: int = 0


class Callers:
    """The process, from outside."""

    def __init__(self, connection_id: int, *, threads: int, settings: Mapping[str, str], point: str = "") -> None:
        self._threads = threads
        self._command = [sys.executable, "-m", "bench.callers", str(connection_id), str(threads), point]
        self._environment = os.environ | settings

    def __enter__(self) -> Self:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            self._command, env=self._environment, stdin=pipe, stdout=pipe, text=True, bufsize=1, process_group=0
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()

    def start(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")

    def halted(self) -> None:
        """Wait until the process is stopped or killed."""
        _, status = os.waitpid(self._process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status) or os.WIFSIGNALED(status), "the holder never came to its point"

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def ready(self) -> None:
        self._expect("ready")

    def met(self) -> None:
        """Wait until each caller has had its first answer: a token, or a reason why not."""
        for _ in range(self._threads):
            self._expect("met")

    def result(self) -> Result:
        """What came of the callers, all of whom were `met`."""
        found = json.loads(self._line())
        return Result(**found | {"tokens": set(found["tokens"])})

    def _expect(self, word: str) -> None:
        line = self._line().strip()
        assert line == word, line

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


class Halt:
    """Halts the process around the statements that change connections: the claim, and the mark before sending."""

    def __init__(self, point: str) -> None:
        self._point = point
        self._changes = 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        self._at("answered", 2, signal.SIGSTOP)
        result = execute(sql, params, many, context)
        self._changes += sql.startswith('UPDATE "integrations_connection"')
        self._at("claimed", 1, signal.SIGKILL)
        self._at("marked", 2, signal.SIGSTOP)
        return result

    def _at(self, point: str, changes: int, how: signal.Signals) -> None:
        if self._point == point and self._changes == changes:
            self._point = ""
            # To this thread: it does not go one instruction further, which os.kill would not promise.
            signal.raise_signal(how)


def call(connection_id: int, point: str, begin: threading.Barrier) -> Result:
    """One caller, with a database connection that is open by the time they begin."""
    row = Connection.objects.get(pk=connection_id)
    begin.wait()
    began = time.time()
    result = Result(began=began, ended=began, tokens=set())
    with database.execute_wrapper(Halt(point)):
        while not _has_ended(row, result):
            pass
    result.ended = time.time()
    database.close()
    return result


def _has_ended(row: Connection, result: Result) -> bool:
    """Ask once; True when there is nothing to come back for."""
    come_back = 0
    try:
        result.tokens.add(access.token(row).value)
    except OAuthError as error:
        if error.remedy is Remedy.RETRY and time.time() < result.began + PATIENCE_SECONDS:
            come_back = error.retry_after or COME_BACK_SECONDS
        else:
            result.failures.append(error.code)
    except Exception as error:
        result.failures.append(f"{type(error).__name__}: {error}")
    if not result.retried:
        _say("met")
    result.retried += bool(come_back)
    time.sleep(come_back)
    return not come_back


def _say(word: str) -> None:
    os.write(1, f"{word}\n".encode())


def main(connection_id: int, threads: int, point: str) -> None:
    begin = threading.Barrier(threads + 1, action=_wait_for_start)
    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(call, connection_id, point, begin) for _ in range(threads)]
        begin.wait()
    results = [future.result() for future in futures]
    together = Result(
        began=min(result.began for result in results),
        ended=max(result.ended for result in results),
        tokens=set().union(*(result.tokens for result in results)),
        failures=[code for result in results for code in result.failures],
        retried=sum(result.retried for result in results),
    )
    _say(json.dumps(vars(together) | {"tokens": sorted(together.tokens)}))


def _wait_for_start() -> None:
    _say("ready")
    if not sys.stdin.readline():
        os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
