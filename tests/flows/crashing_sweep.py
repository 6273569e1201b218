"""A sweep in a process of its own that dies by SIGKILL where it was told to: `python -m tests.flows.crashing_sweep`.

Arguments: the time, the recovery journal's folder, the point, how many connections at a time. Points: `claimed`, with
leases taken; `answered` and `answered again`, in the first and second commit; `nowhere`, to the end.
"""

import signal
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.db.backends.signals import connection_created

from tests.flows.crashing import die

DIES_AT = {
    "claimed": ('UPDATE "integrations_connection"', 1),
    "answered": ('INSERT INTO "integrations_vaultentry"', 1),
    "answered again": ('INSERT INTO "integrations_vaultentry"', 2),
    "nowhere": ("", 0),
}


class Reaper:
    """Kills the process: after the claim is through, or within a commit, before anybody can see it."""

    def __init__(self, point: str) -> None:
        self._start, self._count = DIES_AT[point]
        self._seen = 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if self._count and self._seen == self._count:
            die()
        result = execute(sql, params, many, context)
        self._seen += bool(self._count) and sql.startswith(self._start)
        return result


def main(now: str, journal: str, point: str, concurrency: str) -> None:
    # A shell that starts the tests in its background has SIGINT ignored, and a child inherits that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    django.setup()
    from integrations.flows.sweep import SweepOptions, sweep

    settings.HUB_RECOVERY_JOURNAL = Path(journal)
    reaper = Reaper(point)
    # The sweep opens its own connection, in a thread of its own.
    connection_created.connect(lambda connection, **_: connection.execute_wrappers.append(reaper), weak=False)
    sweep(SweepOptions(concurrency=int(concurrency)), clock=lambda: datetime.fromisoformat(now))


if __name__ == "__main__":
    main(*sys.argv[1:])
