"""A clock that stands still, and providers that go by it."""

from collections.abc import Iterator

import pytest

from tests.clock import Clock
from tests.fakes.authorization_server import FakeAuthorizationServer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def provider_server(clock: Clock) -> Iterator[FakeAuthorizationServer]:
    """A fake provider at which nobody is registered yet."""
    with FakeAuthorizationServer(clock=clock) as server:
        yield server


@pytest.fixture
def second_provider_server(clock: Clock) -> Iterator[FakeAuthorizationServer]:
    """Another provider, with accounts of its own."""
    with FakeAuthorizationServer(clock=clock) as server:
        yield server
