"""What a worker runs, each task one flow. The rows say what is to be done; a task only says that somebody should look.

    dispatch                  asks for as many of the next two as are worth it
    sweep_slice               refreshes what is due, for as long as a slice lasts
    tell_providers            revokes what providers could not be told yet
    refresh_connection        refreshes one
    send_mail                 sends the notices that wait
    tell_applications         sends the messages that wait for applications
    finish_account_closures   goes on with the deletion of accounts
    revoke_in_bulk            goes on with what operators ordered to be revoked
    prune                     deletes what has served its time

Each may be late, lost, run twice or killed. What travels is ids and times, never a token. No task asks for a later
time or for a retry: when something is to be tried next stands in its row.
"""

import io
import logging
import mmap
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from celery import Task, shared_task
from celery.signals import worker_process_shutdown, worker_shutting_down
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone
from kombu.exceptions import OperationalError

from integrations.flows import bulk_revoke, close_account, disconnect, refresh, sweep, uses, webhook_send
from integrations.flows import dispatch as work
from integrations.flows import prune as over
from integrations.mail import outbox
from integrations.oauth.errors import OAuthError

logger = logging.getLogger(__name__)

#: A message that nobody took by then is dropped: the next one asks for the same.
EXPIRES_SECONDS = 300
REVOCATIONS_AT_MOST = 1000

# Made before a worker forks, so that its children see what is written here when it is told to stop.
_winding_up = mmap.mmap(-1, 1)


@worker_shutting_down.connect
def _wind_up(**_: object) -> None:
    _winding_up[0] = 1


@worker_process_shutdown.connect
def _write_uses(**_: object) -> None:
    """A child ends without what Python does at the end of a process."""
    uses.write_all()


def _until_slice_ends() -> Callable[[], bool]:
    """Whether a task that could go on should end: its time is over, or its worker is told to stop."""
    ends_at = time.monotonic() + settings.HUB_SLICE_SECONDS
    return lambda: bool(_winding_up[0]) or time.monotonic() >= ends_at


def enqueue(task: "Task[..., object]", *ids: int) -> bool:
    """Ask for a task; False when the broker does not take it, which costs nothing but time: the rows wait."""
    try:
        task.apply_async(args=ids)
    except OperationalError as error:
        logger.warning("broker takes no task", extra={"task": task.name, "error": type(error).__name__})
        return False
    return True


@shared_task(expires=EXPIRES_SECONDS)
def dispatch() -> dict[str, Any]:
    """Ask for sweeps and revocations, as many as are worth it. Asking too often is found out in a few queries."""
    shares = work.shares(now=timezone.now(), at_most=settings.HUB_SWEEP_SLICES)
    for _ in range(shares.sweeps):
        enqueue(sweep_slice)
    for _ in range(shares.revocations):
        enqueue(tell_providers)
    return asdict(shares)


@shared_task(expires=EXPIRES_SECONDS)
def sweep_slice(provider: str = "") -> dict[str, int]:
    """Refresh what is due; what is left when the time is over is for the next slice."""
    options = sweep.SweepOptions(provider=provider, concurrency=settings.HUB_SWEEP_CONCURRENCY)
    return sweep.sweep(options, clock=timezone.now, stop=_until_slice_ends()).counts


@shared_task(expires=EXPIRES_SECONDS)
def tell_providers() -> int:
    """Revoke what waits; how many were."""
    return disconnect.retry_revocations(now=timezone.now(), limit=REVOCATIONS_AT_MOST, stop=_until_slice_ends())


@shared_task(expires=EXPIRES_SECONDS)
def refresh_connection(connection_id: int) -> str:
    """Refresh one connection that is due; how that ended, in the words of the row."""
    try:
        refresh.refresh(connection_id, clock=timezone.now)
    except OAuthError as error:
        return error.code
    return "fresh"


@shared_task(expires=EXPIRES_SECONDS)
def send_mail() -> dict[str, Any]:
    """Send the notices that are due."""
    return asdict(outbox.send_notices(clock=timezone.now, stop=_until_slice_ends()))


@shared_task(expires=EXPIRES_SECONDS)
def tell_applications() -> dict[str, Any]:
    """Send the messages to applications that are due."""
    return asdict(webhook_send.send_webhooks(clock=timezone.now, stop=_until_slice_ends()))


@shared_task(expires=EXPIRES_SECONDS)
def finish_account_closures() -> int:
    """Delete what is left of accounts whose providers were all told; how many are gone."""
    return close_account.finish_closures(clock=timezone.now, stop=_until_slice_ends())


@shared_task(expires=EXPIRES_SECONDS)
def revoke_in_bulk() -> int:
    """Go on with orders to revoke that are under way; how many are through."""
    return bulk_revoke.go_on_all(
        clock=timezone.now, budget=timedelta(seconds=settings.HUB_SLICE_SECONDS), stop=_until_slice_ends()
    )


@shared_task(expires=EXPIRES_SECONDS)
def prune() -> None:
    """Delete what has served its time, also sessions and tokens of the hub's authorization server that have run out."""
    if over.prune(now=timezone.now(), stop=_until_slice_ends()).complete:
        call_command("cleartokens")
        call_command("prune_grants", stdout=io.StringIO())
