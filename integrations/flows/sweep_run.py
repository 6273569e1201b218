"""Write down how a sweep goes and went, so that whoever looks sees the truth: also of one that was killed."""

import logging
import os
import socket
from datetime import datetime, timedelta

from django.db import DatabaseError

from integrations.flows import standing
from integrations.flows.sweep_outcome import Tally
from integrations.models import SweepRun

logger = logging.getLogger(__name__)

#: A run that lives writes every few seconds; a database that was away for a while has not killed it.
SILENT_AT_MOST = timedelta(minutes=2)
Ending = SweepRun.Ending


def begin(*, provider: str, now: datetime) -> SweepRun:
    """A run of this worker; earlier ones that gave no sign of life for too long are marked as interrupted."""
    SweepRun.objects.end_interrupted(silent_since=now - SILENT_AT_MOST)
    worker = f"{socket.gethostname()[:80]}:{os.getpid()}"
    return SweepRun.objects.create(started_at=now, seen_at=now, worker=worker, provider=provider)


def note(run: SweepRun, tally: Tally, *, now: datetime) -> None:
    """Say that it lives, and how far it is. One that seemed dead and is not runs again."""
    try:
        _write(run, tally, now=now, ended=Ending.NONE, finished_at=None)
    except DatabaseError:
        logger.warning("progress of a sweep could not be written down", extra={"run": run.pk})


def end(run: SweepRun, tally: Tally, *, ending: SweepRun.Ending, now: datetime) -> None:
    """Say how it ended, and which providers it left alone.

    Raises:
        django.db.DatabaseError: nothing was written; a later run will call it interrupted.
    """
    _write(run, tally, now=now, ended=ending, finished_at=now, circuits=standing.circuits(now=now))


def _write(run: SweepRun, tally: Tally, *, now: datetime, **fields: object) -> None:
    counts, by_provider = tally.as_dicts()
    open_runs = SweepRun.objects.filter(pk=run.pk, ended__in=(Ending.NONE, Ending.INTERRUPTED))
    open_runs.update(counts=counts, by_provider=by_provider, seen_at=now, **fields)
