"""Whether this process can serve: each thing it needs is tried, in a thread of its own, for a few seconds at most.

A database that hangs must not hang whoever asks: a check that does not come back in time has failed, and is not begun
again before it has come back. What was found holds for five seconds, however many ask. The answer names what failed;
why is in the log, once for each change.
"""

import logging
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock, Thread
from urllib.parse import urlsplit

from django.conf import settings
from django.core.cache import cache
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor

from integrations.flows import readiness

logger = logging.getLogger(__name__)

FRESH_SECONDS = 5.0
PATIENCE_SECONDS = 3.0
CACHE_KEY = "hub.watching.readiness"
BROKER_PORTS = {"redis": 6379, "rediss": 6379, "amqp": 5672, "amqps": 5671}


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing to try: `call` raises when it does not work.

    `needed`: without it requests fail. `once`: what was found to be well stays so.
    """

    name: str
    call: Callable[[], None]
    needed: bool = True
    once: bool = False


def database_answers() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()


def migrations_are_applied() -> None:
    """Raises:
    RuntimeError: the code is newer than the database.
    """
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise RuntimeError(f"{len(missing)} migrations are not applied: run manage.py migrate")


def cache_answers() -> None:
    """Raises:
    RuntimeError: it does not keep what it is given.
    """
    token = str(time.monotonic_ns())
    cache.set(CACHE_KEY, token, 60)
    if cache.get(CACHE_KEY) is None:
        raise RuntimeError("what was put into the cache is not there")


def _broker_url() -> str:
    """Where tasks are handed over, if they are."""
    return str(getattr(settings, "HUB_BROKER_URL", ""))


def broker_listens() -> None:
    """Connect, and say nothing: whether it knows us is for the workers to find out, and to log."""
    url = urlsplit(_broker_url())
    port = url.port or BROKER_PORTS.get(url.scheme, 5672)
    socket.create_connection((url.hostname or "localhost", port), timeout=PATIENCE_SECONDS).close()


def checks() -> tuple[Check, ...]:
    """All that is tried here; what is not configured is not tried."""
    found = [
        Check(name="database", call=database_answers),
        Check(name="migrations", call=migrations_are_applied, once=True),
        Check(name="keys", call=readiness.keys_open),
        Check(name="journal", call=readiness.journal_takes_a_file),
    ]
    if "locmem" not in settings.CACHES["default"]["BACKEND"]:
        found.append(Check(name="cache", call=cache_answers))
    if _broker_url():
        # No request needs it: what is to be done stands in rows, and workers find it when the broker is back.
        found.append(Check(name="broker", call=broker_listens, needed=False))
    return tuple(found)


@dataclass(kw_only=True)
class _Probe:
    """A check, and how it went the last time."""

    check: Check
    ok: bool | None = None
    _thread: Thread | None = None
    _cause: str = field(default="", repr=False)

    def begin(self) -> None:
        if (self._thread is None or not self._thread.is_alive()) and not (self.check.once and self.ok):
            self._cause = "no answer in time"
            self._thread = Thread(target=self._try, name=f"readiness-{self.check.name}", daemon=True)
            self._thread.start()

    def end(self, *, deadline: float) -> bool:
        """Whether it is well, as far as is known at the deadline."""
        if self._thread is not None:
            self._thread.join(max(0.0, deadline - time.monotonic()))
        ok, before = not self._cause, self.ok
        if ok is not before and not (ok and before is None):
            tell = logger.info if ok else logger.warning
            tell("readiness changed", extra={"check": self.check.name, "ok": ok, "cause": self._cause})
        self.ok = ok
        return ok

    def _try(self) -> None:
        try:
            self.check.call()
            self._cause = ""
        except Exception as error:
            self._cause = f"{type(error).__name__}: {error}"
        finally:
            connections.close_all()


class Readiness:
    """What was found last. One thread at a time looks; others are told what it found the time before."""

    def __init__(self) -> None:
        self._looking = Lock()
        self._probes: list[_Probe] = []
        self._found: Mapping[str, bool] = {}
        self._looked_at = float("-inf")

    def now(self) -> tuple[bool, Mapping[str, bool]]:
        """Whether all that is needed is well, and how each thing is."""
        if time.monotonic() - self._looked_at >= FRESH_SECONDS and self._looking.acquire(blocking=not self._found):
            try:
                if time.monotonic() - self._looked_at >= FRESH_SECONDS:
                    self._look()
            finally:
                self._looking.release()
        needed = {probe.check.name for probe in self._probes if probe.check.needed}
        return all(ok for name, ok in self._found.items() if name in needed), self._found

    def _look(self) -> None:
        if not self._probes:
            self._probes = [_Probe(check=check) for check in checks()]
        deadline = time.monotonic() + PATIENCE_SECONDS
        for probe in self._probes:
            probe.begin()
        self._found = {probe.check.name: probe.end(deadline=deadline) for probe in self._probes}
        self._looked_at = time.monotonic()
