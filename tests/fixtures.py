"""Providers for the tests that want one."""

from collections.abc import Iterator

import pytest

from tests.fakes.authorization_server import FakeAuthorizationServer


@pytest.fixture
def provider_server() -> Iterator[FakeAuthorizationServer]:
    """A fake provider at which nobody is registered yet."""
    with FakeAuthorizationServer() as server:
        yield server


@pytest.fixture
def second_provider_server() -> Iterator[FakeAuthorizationServer]:
    """Another provider, with accounts of its own."""
    with FakeAuthorizationServer() as server:
        yield server
