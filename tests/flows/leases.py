"""Borrowing while somebody else has the lease."""

import secrets
from datetime import timedelta

import pytest

from integrations.flows import access
from integrations.models import Connection
from tests.flows.journey import Journey, fresh


def borrow(journey: Journey, connection: Connection) -> str:
    return access.token(fresh(connection), clock=journey.clock).value


def lease_to_somebody(connection: Connection, *, journey: Journey, seconds: int, sent: bool = False) -> str:
    owner = secrets.token_hex(8)
    until = journey.clock() + timedelta(seconds=seconds)
    Connection.objects.filter(pk=connection.pk).update(lease_owner=owner, lease_until=until, refresh_sent=sent)
    return owner


def not_at_all(seconds: float) -> None:
    pytest.fail("it waited")
