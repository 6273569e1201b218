"""Counts of several processes, killed ones too, add up in one place."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integrations import measures
from integrations.measures.gather import ARCHIVE, gather

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE_SECONDS = 60
BEGIN = """
import os, pathlib, sys
from integrations import measures
folder = pathlib.Path(sys.argv[1])
measures.open_in(folder, providers=["github"])
"""
COUNT = (
    BEGIN
    + """
for _ in range(int(sys.argv[2])):
    measures.count(measures.REFRESHES, "github", "refreshed")
measures.observe(measures.TOKEN_ENDPOINT, 0.03, "github", "refresh_token")
print("counted", flush=True)
sys.stdin.read()
"""
)
FORK = (
    BEGIN
    + """
measures.count(measures.BORROWS, "github")
child = os.fork()
measures.count(measures.BORROWS, "github", by=10)
if child:
    os.waitpid(child, 0)
else:
    os._exit(0)
"""
)
# Ends as if by SIGKILL when it would take away the first file that it has added to the archive.
GATHER_AND_DIE = """
import os, pathlib, sys
from integrations.measures.gather import gather
pathlib.Path.unlink = lambda *rest, **more: os._exit(9)
gather(pathlib.Path(sys.argv[1]))
"""
FILL_THE_DISK = (
    BEGIN
    + """
import resource
measures.count(measures.BORROWS, "github")
resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, 64 * 1024))
for number in range(5000):
    measures.count(measures.REQUESTS, "GET", f"/{number}/" + "x" * 60, "200")
measures.count(measures.BORROWS, "github")
print("alive")
"""
)

REFRESHED = ("hub_refreshes", "github", "refreshed")

type Start = Callable[[int], subprocess.Popen[str]]


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script, str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a process that counts, and wait until it has; it lives until it is ended."""
    started: list[subprocess.Popen[str]] = []

    def begin(amount: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", COUNT, str(tmp_path), str(amount)]
        process = subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "counted\n"
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate(timeout=PATIENCE_SECONDS)


def files(folder: Path) -> int:
    return len(list(folder.glob("*.counts")))


@pytest.mark.requirement(157)
def test_counts_of_living_and_of_killed_processes_are_told_together(start: Start, tmp_path: Path) -> None:
    start(1000)
    killed = start(500)
    before = gather(tmp_path)

    killed.send_signal(signal.SIGKILL)
    killed.wait(PATIENCE_SECONDS)
    after, once_more = gather(tmp_path), gather(tmp_path)

    assert before.counts[REFRESHED] == after.counts[REFRESHED] == once_more.counts[REFRESHED] == 1500
    assert (before.processes, after.processes, once_more.processes) == (2, 1, 1)
    assert before.counts[("hub_token_endpoint_seconds", "github", "refresh_token", "0.05")] == 2
    assert files(tmp_path) == 1


def test_a_process_that_ended_leaves_its_counts_and_no_file(start: Start, tmp_path: Path) -> None:
    for _ in range(3):
        start(7).communicate("", timeout=PATIENCE_SECONDS)

    counts = gather(tmp_path).counts

    assert counts[REFRESHED] == 21
    assert files(tmp_path) == 0


def test_a_child_counts_for_itself(tmp_path: Path) -> None:
    assert run(FORK, tmp_path).returncode == 0

    assert gather(tmp_path).counts[("hub_borrows", "github")] == 21


def test_who_gathers_and_is_killed_counts_nobody_twice(start: Start, tmp_path: Path) -> None:
    start(3).communicate("", timeout=PATIENCE_SECONDS)
    start(4).communicate("", timeout=PATIENCE_SECONDS)

    assert run(GATHER_AND_DIE, tmp_path).returncode == 9
    assert files(tmp_path) == 2
    assert gather(tmp_path).counts[REFRESHED] == 7
    assert files(tmp_path) == 0
    assert gather(tmp_path).counts[REFRESHED] == 7


def test_a_full_disk_drops_counts_and_ends_nobody(tmp_path: Path) -> None:
    ended = run(FILL_THE_DISK, tmp_path)

    counts = gather(tmp_path).counts
    assert (ended.returncode, ended.stdout) == (0, "alive\n")
    assert counts[("hub_borrows", "github")] == 2
    assert 100 < len(counts) < 5000


def test_an_archive_that_cannot_be_read_begins_anew(start: Start, tmp_path: Path) -> None:
    (tmp_path / ARCHIVE).write_text('{"merged": [], "counts": [[')
    start(5)

    assert gather(tmp_path).counts[REFRESHED] == 5


def test_a_torn_file_tells_what_is_whole(start: Start, tmp_path: Path) -> None:
    start(5).communicate("", timeout=PATIENCE_SECONDS)
    (path,) = tmp_path.glob("*.counts")
    path.write_bytes(path.read_bytes()[:70])

    assert gather(tmp_path).counts == {REFRESHED: 5}


def test_threads_lose_no_count(counting: Path) -> None:
    def work() -> None:
        for _ in range(2000):
            measures.count(measures.BORROWS, "github")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert gather(counting).counts[("hub_borrows", "github")] == 8000


def test_a_folder_that_cannot_be_made_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    measures.open_in(tmp_path / "file" / "metrics", providers=["github"])

    measures.count(measures.BORROWS, "github")
    measures.count(measures.BORROWS, "github")

    assert [record.getMessage() for record in caplog.records] == ["counts cannot be kept"]


@pytest.mark.requirement(157)
def test_labels_are_of_a_list(counting: Path) -> None:
    measures.count(measures.REFRESHES, "acme.myshopify.com", "refreshed")
    measures.count(measures.REFRESH_FAILURES, "github", "error-of-alice@example.com")
    measures.count(measures.REQUESTS, "BREW", "/connections/", "200")
    measures.count(measures.API_CALLS, "github", "program", "9xx")

    assert set(gather(counting).counts) == {
        ("hub_refreshes", "other", "refreshed"),
        ("hub_refresh_failures", "github", "other"),
        ("hub_http_requests", "other", "/connections/", "200"),
        ("hub_api_calls", "github", "program", "other"),
    }


def test_nothing_is_counted_where_nobody_reads(tmp_path: Path) -> None:
    measures.count(measures.BORROWS, "github")
    measures.observe(measures.SWEEP_SECONDS, 3.0)

    assert gather(tmp_path).counts == {}
