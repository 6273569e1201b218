"""Run benches, each on SQLite and on a throw-away PostgreSQL: `python -m bench [name ...]`.

Exit code 1 when a bench failed, 130 when interrupted; a database that is not here is said so on stderr.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BENCHES = (
    "access_token",
    "borrow",
    "connections_page",
    "due_query",
    "proxy",
    "refresh_stampede",
    "reseal",
    "sweep_0ms",
    "sweep_50ms",
    "sweep_workers",
)
NO_POSTGRESQL = 75
INTERRUPTED = 130


def on_sqlite(name: str) -> int:
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as folder:
        return run(name, folder, DATABASE_URL=f"sqlite:///{folder}/hub.sqlite3")


def on_postgresql(name: str) -> int:
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as folder:
        status = run(name, folder, "scripts/with_postgresql")
    if status == NO_POSTGRESQL:
        print(f"{name}: no PostgreSQL here", file=sys.stderr)
        return 0
    return status


def run(name: str, folder: str, *prefix: str, **variables: str) -> int:
    environment = os.environ | variables | {"HUB_VAR_DIRECTORY": folder}
    process = subprocess.Popen([*prefix, sys.executable, "-m", f"bench.{name}"], cwd=ROOT, env=environment)
    try:
        return process.wait()
    except KeyboardInterrupt:
        # It was interrupted too; a database server takes a moment to stop, and its files go after that.
        process.wait()
        raise


def main(names: list[str]) -> int:
    if not {"-h", "--help"}.isdisjoint(names):
        print(f"{__doc__}\nBenches: {', '.join(BENCHES)}; all of them when none is named.")
        return 0
    unknown = set(names) - set(BENCHES)
    if unknown:
        print(f"There is {', '.join(BENCHES)}; not {', '.join(sorted(unknown))}.", file=sys.stderr)
        return 2
    try:
        statuses = [bench(name) for name in names or BENCHES for bench in (on_sqlite, on_postgresql)]
    except KeyboardInterrupt:
        return INTERRUPTED
    return 1 if any(statuses) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
