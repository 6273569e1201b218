"""A clock that stands still, and providers that go by it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from integrations import measures
from integrations.providers import PROVIDERS
from tests.clock import Clock
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.receiver import Receiver, receiving


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


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """An application that receives webhooks."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time stands still, as Django tells it: what is counted by the minute, or by ten, falls into one of them."""
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)


@pytest.fixture
def counting(settings: Settings, tmp_path: Path) -> Iterator[Path]:
    """Metrics are on, with a folder of its own for this test."""
    settings.HUB_METRICS, settings.HUB_METRICS_DIRECTORY = True, tmp_path / "metrics"
    measures.open_in(settings.HUB_METRICS_DIRECTORY, providers=PROVIDERS)
    yield settings.HUB_METRICS_DIRECTORY
    measures.close()
