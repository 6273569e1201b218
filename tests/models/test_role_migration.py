"""The groups of operators come with `migrate`, go with the way back, and come again: on a copy of the tests' database,
which the migrations made."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

from integrations.models.roles import ROLES
from tests.migrated import copy_migrated

ROOT = Path(__file__).resolve().parents[2]
HELD = """
    SELECT auth_group.name, app_label || '.' || codename FROM auth_group
    LEFT JOIN auth_group_permissions ON group_id = auth_group.id
    LEFT JOIN auth_permission ON permission_id = auth_permission.id
    LEFT JOIN django_content_type ON content_type_id = django_content_type.id
"""


def migrate(path: Path, *target: str) -> None:
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{path}", "DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0", *target]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def groups(path: Path) -> dict[str, set[str]]:
    held: dict[str, set[str]] = {}
    with sqlite3.connect(path) as database:
        for name, permission in database.execute(HELD):
            held.setdefault(name, set()).add(permission)
    return held


def test_groups_come_and_go_with_their_migration(tmp_path: Path, django_db_setup: None) -> None:
    """Also: what the migrations bring, all together, is what the table in the code says."""
    path = tmp_path / "fresh.sqlite3"
    copy_migrated(path)

    fresh = groups(path)
    migrate(path, "integrations", "0005")
    before = groups(path)
    migrate(path)

    assert fresh == {name: set(held) for name, held in ROLES.items()}
    assert before == {}
    assert groups(path) == fresh
