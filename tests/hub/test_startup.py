"""A server with wrong settings does not start, and says why."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def imported(module: str, tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HUB_MODE": "test",
        "DJANGO_SETTINGS_MODULE": "hub.settings",
        "SECRET_KEY": "x7" * 40,
        "HUB_SEALING_KEYS": "k1:" + base64.b64encode(b"k" * 32).decode(),
        "DATABASE_URL": "sqlite://:memory:",
        "HUB_VAR_DIRECTORY": str(tmp_path),
    }
    command = [sys.executable, "-c", f"import {module}"]
    return subprocess.run(command, cwd=ROOT, env=environment | variables, capture_output=True, text=True)


@pytest.mark.requirement(94)
@pytest.mark.parametrize("module", ["hub.wsgi", "hub.asgi"])
def test_a_server_with_a_wrong_key_ring_does_not_start(module: str, tmp_path: Path) -> None:
    assert imported(module, tmp_path).returncode == 0

    refused = imported(module, tmp_path, HUB_SEALING_KEYS="k1:AAAA")

    assert refused.returncode != 0
    assert "hub.E001" in refused.stderr
    assert "AAAA" not in refused.stderr
