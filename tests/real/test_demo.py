"""`make demo`: what the command itself does."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.migrated import copy_migrated
from tests.real.demo import ROOT, RunningDemo, demo_marks, free_port, start

pytestmark = demo_marks


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "data"


@pytest.fixture(scope="module")
def demo(data: Path) -> Iterator[RunningDemo]:
    with RunningDemo(data) as running:
        yield running


def test_the_data_folder_is_for_us_alone(demo: RunningDemo, data: Path) -> None:
    assert data.stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in data.glob("*_password"))


def test_it_goes_by_one_name(demo: RunningDemo) -> None:
    with urllib.request.urlopen(f"http://localhost:{demo.port}/accounts/login/?x=1") as page:
        assert page.url == f"{demo.url}/accounts/login/?x=1"


def test_it_listens_on_one_loopback_address_alone(demo: RunningDemo) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", demo.port), timeout=5)


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        process = start(tmp_path, port)
        output, _ = process.communicate(timeout=60)

    assert process.returncode == 1
    assert f"Port {port} is taken" in output
    assert "make demo PORT=" in output
    assert "Traceback" not in output


def test_ctrl_c_stops_all_of_it_and_the_next_run_finds_everything(tmp_path: Path, django_db_setup: None) -> None:
    copy_migrated(tmp_path / "hub.sqlite3")
    port, printed = free_port(), set()

    for sent in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with RunningDemo(tmp_path, port=port) as running:
            printed.add((running.password("demo"), running.password("admin")))
            assert running.workers
            assert running.stop(sent) == 0
        assert not [pid for pid in running.workers if Path(f"/proc/{pid}").exists()]

    assert len(printed) == 1


def test_it_refuses_to_run_in_another_mode() -> None:
    environment = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "tests.settings"}

    done = subprocess.run(
        [sys.executable, "manage.py", "demo"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "HUB_MODE=demo" in done.stderr
