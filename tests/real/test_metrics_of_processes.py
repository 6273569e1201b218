"""One scrape tells what all processes of a real server, and a command that has ended, have counted."""

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from tests.clock import Clock
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.registration import register_sandbox
from tests.flows.sweeping import connect_many
from tests.flows.worker import database_url
from tests.real.demo import children_of, free_port, read

pytestmark = [
    pytest.mark.real,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("DATABASE_URL" in os.environ, reason="files and processes are the same there"),
]

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE_SECONDS = 120
TOKEN = "a-token-of-the-scraper-0123456789"
REQUESTS = 30


class Server:
    """granian as `docs/operations.md` starts it, with two workers, at the test's database."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        port = self.url.rpartition(":")[2]
        command = [str(Path(sys.executable).parent / "granian"), "--interface", "wsgi", "--host", "127.0.0.1"]
        command += ["--port", port, "--workers", "2", "--blocking-threads", "4", "--respawn-failed-workers"]
        self.process = subprocess.Popen(
            [*command, "hub.wsgi:application"], cwd=ROOT, env=environment, start_new_session=True
        )

    def get(self, path: str) -> str:
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return str(answer.read().decode())

    def workers(self) -> list[int]:
        children = children_of(self.process.pid)
        return [pid for pid in children if "tracker" not in read(Path(f"/proc/{pid}/cmdline"))]

    def counts(self) -> dict[str, float]:
        """What one scrape tells of: sign-in pages, refreshes, processes."""
        wanted = {
            "hub_http_requests_total": ("route", "/accounts/login/"),
            "hub_refreshes_total": ("outcome", "refreshed"),
        }
        found = dict.fromkeys([*wanted, "hub_processes"], 0.0)
        for family in text_string_to_metric_families(self.get("/metrics")):
            for sample in family.samples:
                label, value = wanted.get(sample.name, ("", ""))
                if sample.name in found and sample.labels.get(label, "") == value:
                    found[sample.name] += sample.value
        return found


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass
        threading.Event().wait(0.1)
    raise AssertionError("it did not come to be")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": database_url(),
        "PYTHONPATH": str(ROOT),
        "HUB_METRICS_TOKEN": TOKEN,
        "HUB_METRICS_DIRECTORY": str(tmp_path / "metrics"),
        "HUB_RECOVERY_JOURNAL": str(settings.HUB_RECOVERY_JOURNAL),
    }


@pytest.fixture
def server(environment: dict[str, str]) -> Iterator[Server]:
    server = Server(environment)
    try:
        eventually(lambda: bool(server.get("/readyz")))
        yield server
    finally:
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait(PATIENCE_SECONDS)


@pytest.mark.requirement(157)
def test_one_scrape_tells_of_workers_of_a_killed_one_and_of_a_sweep(
    server: Server, environment: dict[str, str]
) -> None:
    with FakeAuthorizationServer() as provider:
        connect_many(register_sandbox(provider), provider, 3, clock=Clock(timezone.now()))
        swept = subprocess.run(
            [sys.executable, "manage.py", "sweep_tokens"], cwd=ROOT, env=environment, timeout=PATIENCE_SECONDS
        )
    for _ in range(REQUESTS):
        server.get("/accounts/login/")
    before = server.counts()

    killed = server.workers()[0]
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: killed not in server.workers() and len(server.workers()) == 2)
    eventually(lambda: bool(server.get("/healthz")))

    assert swept.returncode == 0
    assert before["hub_refreshes_total"] == 3
    assert before["hub_http_requests_total"] == REQUESTS
    assert before["hub_processes"] >= 1
    after = server.counts()
    assert (after["hub_refreshes_total"], after["hub_http_requests_total"]) == (3, REQUESTS)
    server.get("/accounts/login/")
    assert server.counts()["hub_http_requests_total"] == REQUESTS + 1
