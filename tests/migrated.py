"""A database that was migrated already, for a process that would take seconds to make it: SQLite's turn alone."""

import sqlite3
from contextlib import closing
from pathlib import Path

from django.db import connection


def copy_migrated(path: Path) -> None:
    """Put a copy of the tests' database at the path, as the migrations left it: no sealing key is known to it."""
    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as database:
        database.execute("VACUUM INTO ?", (str(path),))
    with closing(sqlite3.connect(path)) as copy, copy:
        copy.execute("DELETE FROM integrations_sealingkey")
    path.chmod(0o600)
