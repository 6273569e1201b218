"""Fixtures for every test."""

from pathlib import Path

import pytest
from django.core.cache import cache
from pytest_django import Settings

pytest_plugins = ["tests.fixtures"]


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
