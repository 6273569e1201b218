"""Fixtures for every test."""

import gc
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection, connections
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker, Settings
from pytest_django.live_server_helper import LiveServer

from integrations.flows import keys, tally, uses
from tests.fresh_rows import FreshRows
from tests.settings import SCRATCH

pytest_plugins = ["tests.fixtures"]


def pytest_configure() -> None:
    SCRATCH.mkdir(mode=0o700)


def pytest_unconfigure() -> None:
    # Threads may outlive the tests, as those of the live server do, and pytest closes what they write their lines to.
    logging.disable()
    shutil.rmtree(SCRATCH, ignore_errors=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL only what uses the database is run: the rest is the same again, and SQLite's turn has shown it.
    So is the language in which pages say what they say."""
    if on_sqlite():
        return
    left_out = [item for item in items if not uses_database(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if uses_database(item)]


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: the collector of garbage does not look through it each time."""
    gc.collect()
    gc.freeze()


def on_sqlite() -> bool:
    return str(settings.DATABASES["default"]["ENGINE"]).endswith("sqlite3")


def uses_database(item: pytest.Item) -> bool:
    if Path(__file__).with_name("words") in item.path.parents:
        return False
    fixtures: list[str] = getattr(item, "fixturenames", [])
    is_marked = item.get_closest_marker("django_db") is not None
    return is_marked or not {"db", "transactional_db", "live_server"}.isdisjoint(fixtures)


@pytest.fixture(scope="session")
def no_pool() -> None:
    """Whoever asks for a cursor makes a pool, also where pytest then refuses the connection. One that was made before
    the tests' database has its name would lead all tests to the real one, until somebody closed it."""
    for each in connections.all():
        getattr(each, "close_pool", lambda: None)()


@pytest.fixture(scope="session")
def django_db_setup(no_pool: None, django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The database is the tests' own, and knows the key of the tests, as it does once a server has started."""
    with django_db_blocker.unblock():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT current_database()")
                assert cursor.fetchone() == (connection.settings_dict["NAME"],)
        keys.admit()
        fresh_rows = FreshRows()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda test_case: fresh_rows.restore())
        yield


@pytest.fixture(scope="session")
def live_server(django_db_setup: None, live_server: LiveServer) -> LiveServer:
    """A server with connections of its own. Started before the database is a file, as pytest-django may, it would take
    it for one in memory and let all its threads share the tests' connection, transactions included."""
    return live_server


@pytest.fixture(autouse=True)
def recovery_journal(settings: Settings, tmp_path: Path) -> Path:
    """A journal of its own for each test."""
    journal = tmp_path / "recovery"
    journal.mkdir(mode=0o700)
    settings.HUB_RECOVERY_JOURNAL = journal
    return journal


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    """Rate limits and caches do not reach the next test."""
    cache.clear()
    tally.forget()


@pytest.fixture(autouse=True)
def no_uses_counted() -> None:
    """What one test has used is no second use in the next."""
    uses.forget()
