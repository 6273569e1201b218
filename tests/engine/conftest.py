"""Tasks, called inline as without a broker, and over a real Redis with a worker in a thread of this process."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from bench.fleet import Redis
from tests.engine.running import Engine, Inline, Worker
from tests.fakes.authorization_server import FakeAuthorizationServer


@pytest.fixture
def provider_server() -> Iterator[FakeAuthorizationServer]:
    """A fake provider that goes by the time of day, as tasks do."""
    with FakeAuthorizationServer() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    folder: Path = tmp_path_factory.mktemp("redis")
    with Redis(folder) as server:
        yield server


@pytest.fixture(params=["inline", "over a broker"])
def engine(request: pytest.FixtureRequest, settings: Settings, transactional_db: None) -> Iterator[Engine]:
    if request.param == "inline":
        yield Inline()
        return
    redis_server: Redis = request.getfixturevalue("redis_server")
    settings.HUB_BROKER_URL = redis_server.url
    with Worker(redis_server.url) as worker:
        yield worker
