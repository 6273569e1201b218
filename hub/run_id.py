"""One code per run of a command: on every line that it logs, from whichever of its threads."""

import secrets

_run: dict[str, str] = {}


def begin(command: str) -> None:
    """Name this process's run."""
    _run.update(run_id=secrets.token_hex(5), command=command)


def of_this_process() -> dict[str, str]:
    """What to add to a line; empty in a server."""
    return _run
