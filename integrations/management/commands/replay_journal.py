"""Show what lies in the recovery journal, and store it. Safe while everything runs; never shows a token."""

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from integrations.flows.recover import Fate, Recovery, recover
from integrations.management.operator_command import OperatorCommand, Outcome, UsageError

SAID = {
    Fate.STORED: "stored",
    Fate.TO_REVOKE: "disconnected meanwhile, to be revoked",
    Fate.SUPERSEDED: "a newer token is stored",
    Fate.UNWANTED: "the connection needs its owner for another reason",
    Fate.BEING_REFRESHED: "left: being refreshed now, try again later",
    Fate.UNKNOWN_KEY: "left: sealed under a key that is not in HUB_SEALING_KEYS",
    Fate.NO_KEYS: "left: the key service does not serve the sealing keys now, try again later",
    Fate.GONE: "kept aside: the connection is not in this database",
    Fate.FOREIGN: "kept aside: does not belong to its connection",
    Fate.UNFIT: "kept aside: the database refuses it",
}
FORESEEN = {
    Fate.STORED: "would be stored",
    Fate.GONE: "would be kept aside: the connection is not in this database",
    Fate.FOREIGN: "would be kept aside: does not belong to its connection",
}
PROBLEM = (
    "Something lies there that time does not mend; see the lines above. Restore the missing key or database and run it "
    "again, or remove what was kept aside once you know that nobody needs it."
)


class Command(OperatorCommand):
    help = "Show what lies in the recovery journal, and store it. Sweeps and refreshes do the same by themselves."
    example = """
manage.py replay_journal --dry-run
manage.py replay_journal --directory /mnt/dead-host/var/lib/hub/recovery
"""
    exit_codes = {
        0: "nothing is left but what time will mend",
        1: "something is kept aside, or sealed under a key that is missing, or cannot be read",
    }

    def add_options(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--directory", type=Path, metavar="FOLDER", help="a journal brought from another host (this host's)"
        )
        parser.add_argument("--dry-run", action="store_true", help="show what would be done; change nothing")

    def carry_out(self, options: Mapping[str, Any]) -> Outcome:
        directory: Path | None = options["directory"]
        if directory is not None and not directory.is_dir():
            raise UsageError(f"--directory {directory}: there is no such folder.")
        now = timezone.now()
        recovery = recover(now=now, directory=directory, dry_run=options["dry_run"])
        where = directory or Path(settings.HUB_RECOVERY_JOURNAL)
        return Outcome(
            report=_report(recovery, where, dry_run=options["dry_run"]),
            lines=list(_lines(recovery, where, dry_run=options["dry_run"])),
            problem=PROBLEM if recovery.needs_operator else "",
        )


def _report(recovery: Recovery, where: Path, *, dry_run: bool) -> dict[str, object]:
    return {
        "directory": str(where),
        "dry_run": dry_run,
        "files": recovery.files,
        "files_in_use": recovery.in_use,
        "files_not_opened": list(recovery.unopened),
        "unreadable_lines": recovery.unreadable,
        "counts": recovery.counts,
        "answers": [
            {
                "connection": one.connection,
                "version": one.version,
                "answered_at": one.answered_at and one.answered_at.isoformat(),
                "key_id": one.key_id,
                "file": one.file,
                "outcome": one.fate.value,
            }
            for one in recovery.found
        ],
        "kept_aside": [
            {"file": kept.name, "why": kept.why.value, "at": kept.written_at.isoformat(), "lines": kept.lines}
            for kept in recovery.aside
        ],
        "needs_operator": recovery.needs_operator,
    }


def _lines(recovery: Recovery, where: Path, *, dry_run: bool) -> list[str]:
    said = SAID | FORESEEN if dry_run else SAID
    lines = [f"{where}: {recovery.files} files, {recovery.in_use} of them in use, {len(recovery.found)} answers"]
    for one in recovery.found:
        at = "" if one.answered_at is None else f"{one.answered_at:%Y-%m-%d %H:%M:%S} UTC  "
        lines.append(f"  {one.connection or 'unknown connection'}  {at}{said[one.fate]}")
    if recovery.unreadable:
        lines.append(f"  {recovery.unreadable} lines cannot be read: {'would be ' if dry_run else ''}kept aside")
    lines += [f"  {name}: cannot be opened by this user" for name in recovery.unopened]
    lines += [f"  {kept.name}: kept aside, {kept.lines} lines" for kept in recovery.aside]
    return lines
