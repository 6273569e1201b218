"""What the journeys stand on: a server whose threads have connections of their own."""

import pytest
from pytest_django.live_server_helper import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_no_connection_is_shared_with_the_server(live_server: LiveServer) -> None:
    """One SQLite connection in two threads mixes their transactions, and has crashed the interpreter."""
    assert live_server.thread.connections_override == {}
