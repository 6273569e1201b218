"""Several command lines in one process, each as manage.py runs it: `python -m tests.commands.in_turn`.

Reads a JSON list of command lines and writes, as JSON, exit code, output and errors of each. Django starts but once.
"""

import io
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from unittest.mock import patch

from django.core.management import execute_from_command_line

from tests.commands.contract import ROOT

type Ended = tuple[int, str, str]


def run_in_turn(lines: Sequence[Sequence[str]], environment: Mapping[str, str]) -> list[Ended]:
    """Exit code, output and errors of each command line, in another process with this environment added."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.commands.in_turn"],
        cwd=ROOT,
        env=os.environ | environment,
        input=json.dumps([list(line) for line in lines]),
        capture_output=True,
        text=True,
        check=True,
    )
    return [(code, out, err) for code, out, err in json.loads(done.stdout)]


def run(line: Sequence[str]) -> Ended:
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with redirect_stdout(out), redirect_stderr(err), patch("sys.stdin", io.StringIO("a secret\n")):
        try:
            execute_from_command_line(["manage.py", *line])
        except SystemExit as end:
            code = 1 if isinstance(end.code, str) else int(end.code or 0)
        except Exception:
            traceback.print_exc()
            code = 1
    return code, out.getvalue(), err.getvalue()


if __name__ == "__main__":
    lines = json.load(sys.stdin)
    print(json.dumps([run(line) for line in lines]))
