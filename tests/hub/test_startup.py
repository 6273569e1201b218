"""A server with wrong settings does not start, and says why."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from integrations.crypto import new_key
from tests.factories import make_connection
from tests.flows.worker import database_url

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


@pytest.mark.requirement(94)
@pytest.mark.django_db(transaction=True)
def test_a_server_starts_with_the_keys_that_the_database_knows_and_with_no_others(tmp_path: Path) -> None:
    make_connection()
    right = settings.HUB_SEALING_KEYS
    url = database_url()

    started = imported("hub.wsgi", tmp_path, DATABASE_URL=url, HUB_SEALING_KEYS=f"{right},{new_key('k2')}")
    other_bytes = imported("hub.wsgi", tmp_path, DATABASE_URL=url, HUB_SEALING_KEYS=f"{right},{new_key('k2')}")
    missing = imported("hub.wsgi", tmp_path, DATABASE_URL=url, HUB_SEALING_KEYS=new_key("k3"))

    assert started.returncode == 0, started.stderr
    assert other_bytes.returncode != 0
    assert "hub.E007: Sealing key 'k2' is not the key that this database knows" in other_bytes.stderr
    assert missing.returncode != 0
    assert "hub.E008: Something lies under sealing key 'test'" in missing.stderr
