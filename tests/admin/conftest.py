"""Operators of three kinds."""

import pytest
from django.test import Client

from tests.factories import make_user

LOOKING = (
    "view_clientregistration",
    "view_connection",
    "view_event",
    "view_sweeprun",
    "view_pendingrevocation",
)


@pytest.fixture
def operator(db: None) -> Client:
    """May do everything."""
    client = Client()
    client.force_login(make_user("operator", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def onlooker(db: None) -> Client:
    """May look at everything of ours and change nothing."""
    client = Client()
    client.force_login(make_user("onlooker", is_staff=True, permissions=LOOKING))
    return client


@pytest.fixture
def stranger(db: None) -> Client:
    """On the staff, without a permission."""
    client = Client()
    client.force_login(make_user("stranger", is_staff=True))
    return client
