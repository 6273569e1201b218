"""A worker that borrows a token and dies by SIGKILL where it was told to: `python -m tests.flows.crashing`.

Arguments: the connection's id, the time, the recovery journal's folder, the point. At `borrowing` only the parent
kills it.
"""

import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.db import connection as database


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Reaper:
    """Kills the process around the statements that change connections: the claim, and the mark before sending."""

    def __init__(self, point: str) -> None:
        self._point = point
        self._changes = 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if self._point == "answered" and self._changes == 2:
            die()
        result = execute(sql, params, many, context)
        self._changes += sql.startswith('UPDATE "integrations_connection"')
        if self._point == "claimed" and self._changes == 1:
            die()
        return result


def main(connection_id: str, now: str, journal: str, point: str) -> None:
    django.setup()
    from integrations.flows import refresh

    settings.HUB_RECOVERY_JOURNAL = Path(journal)
    with database.execute_wrapper(Reaper(point)):
        refresh.refresh(int(connection_id), clock=lambda: datetime.fromisoformat(now))
    die()


if __name__ == "__main__":
    main(*sys.argv[1:])
