"""Commands on a database that nobody has migrated."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize(
    "arguments",
    [
        ("sweep_tokens",),
        ("sweep_tokens", "--dry-run"),
        ("register_client", "github", "--client-id", "x"),
        ("rotate_keys", "status"),
        ("rotate_keys", "reseal"),
        ("send_notices",),
    ],
)
def test_a_missing_table_is_told_in_a_sentence(arguments: tuple[str, ...], tmp_path: Path) -> None:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'empty.sqlite3'}",
    }
    command = [sys.executable, "manage.py", *arguments]

    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, input="a secret\n")

    assert ended.returncode == 3
    assert "manage.py migrate" in ended.stderr
    assert "Traceback" not in ended.stderr
