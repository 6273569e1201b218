"""Refreshes whose holder vanished after it was about to send: nobody knows whether the refresh token is spent."""

import logging
from datetime import datetime, timedelta

from django.conf import settings

from integrations.flows import recover
from integrations.flows.clients import server_of
from integrations.flows.errors import ConnectionUnusable, RotationUncertain
from integrations.flows.rows import end
from integrations.models import Connection

logger = logging.getLogger(__name__)

FOR_GOOD = timedelta(minutes=5)


def may_send_again(connection: Connection, *, now: datetime) -> bool:
    """Whether a refresh token that may have been spent can be sent once more without ending the grant."""
    if not connection.refresh_sent or connection.lease_until is None or connection.lease_until > now:
        return False
    dialect = server_of(connection.registration, connection.variables).dialect
    sent_at = connection.lease_until - timedelta(seconds=settings.HUB_LEASE_SECONDS)
    return not dialect.refresh_token_rotates or now < sent_at + timedelta(seconds=dialect.refresh_token_reuse_seconds)


def take_over(connection: Connection, *, lease_owner: str, now: datetime) -> bool:
    """Take over from a holder that vanished after it was about to send, where sending again does no harm."""
    if not may_send_again(connection, now=now):
        return False
    same = Connection.objects.filter(
        pk=connection.pk,
        version=connection.version,
        status=Connection.Status.ACTIVE,
        lease_owner=connection.lease_owner,
        lease_until__lte=now,
        refresh_sent=True,
    )
    lease_until = now + timedelta(seconds=settings.HUB_LEASE_SECONDS)
    return same.update(lease_owner=lease_owner, lease_until=lease_until, refresh_sent=False) > 0


def look_after(connection: Connection, *, now: datetime) -> None:
    """Where a lease ran out with its request sent: look into the journal, else wait, else give up.

    Raises:
        ConnectionUnusable: it has been gone for too long, and the person must reconnect.
    """
    if not connection.refresh_sent or connection.lease_until is None or connection.lease_until > now:
        return
    if recover.replay(now=now):
        return
    if give_up(connection, now=now):
        raise ConnectionUnusable("A refresh was interrupted and its outcome is not known. Reconnect the account.")


def give_up(connection: Connection, *, now: datetime) -> bool:
    """Ask the person to reconnect when a holder that was about to send has been gone for too long."""
    if connection.lease_until is None or now - connection.lease_until < FOR_GOOD:
        logger.warning("refresh holder vanished", extra={"connection": str(connection.uuid)})
        return False
    return end(connection, code=RotationUncertain.code, keep_lease=True)
