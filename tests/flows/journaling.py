"""Answers of a provider that are in the recovery journal and not in the database."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.db import connection as database

from integrations.flows import refresh
from integrations.models import Connection, VaultEntry
from integrations.oauth.errors import OAuthError
from tests.flows.journey import Journey, fresh


def left_in_journal(journey: Journey, connection: Connection) -> None:
    """Refresh a connection while the database fails to store what comes back."""

    def fail(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if sql.startswith('INSERT INTO "integrations_vaultentry"'):
            raise OperationalError("disk is full")
        return execute(sql, *rest)

    with database.execute_wrapper(fail), pytest.raises(OAuthError):
        refresh.refresh(connection.pk, clock=journey.clock, force=True)


class Backup:
    """A connection as it was, to be put back as a restored database would have it."""

    def __init__(self, connection: Connection) -> None:
        self._pk = connection.pk
        self._row = Connection.objects.filter(pk=connection.pk).values().get()
        self._entry = VaultEntry.objects.filter(pk=connection.pk).values("sealed", "key_id").get()

    def restore(self) -> None:
        Connection.objects.filter(pk=self._pk).update(**{k: v for k, v in self._row.items() if k != "id"})
        VaultEntry.objects.filter(pk=self._pk).update(**self._entry)


def files(journal: Path) -> dict[str, int]:
    """What lies in a journal: how many lines, by the ends of the files' names."""
    found: dict[str, int] = {}
    for path in journal.iterdir():
        found[path.suffix] = found.get(path.suffix, 0) + path.read_bytes().count(b"\n")
    return found


def version(connection: Connection) -> int:
    return fresh(connection).version
