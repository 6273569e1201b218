"""Look at a database that was restored from a backup: whether the keys open it, and who will have to reconnect."""

from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.utils import timezone

from integrations.flows.assess_restore import Assessment, Exposure, assess
from integrations.management.operator_command import OperatorCommand, Outcome, UsageError
from integrations.management.options import moment
from integrations.management.progress import progress


class Command(OperatorCommand):
    help = (
        "Look at a database that was restored from a backup, before it is put to work: whether HUB_SEALING_KEYS open "
        "it, and whose refresh tokens were probably used since. It changes nothing and asks no provider."
    )
    example = """
HUB_HOLD_REFRESHES=true manage.py assess_restore --stopped-at 2026-01-31T04:07Z
manage.py assess_restore --stopped-at 2026-01-31T04:07Z --journal /mnt/dead-host/var/lib/hub/recovery --json
"""
    exit_codes = {0: "everything opens", 1: "something does not open: a key is missing or wrong"}

    def add_options(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--stopped-at", type=moment, metavar="MOMENT", help="when the lost hub refreshed for the last time (now)"
        )
        parser.add_argument("--journal", type=Path, metavar="FOLDER", help="the lost hub's recovery journal (ours)")

    def carry_out(self, options: Mapping[str, Any]) -> Outcome:
        journal: Path | None = options["journal"]
        if journal is not None and not journal.is_dir():
            raise UsageError(f"--journal {journal}: there is no such folder.")
        now = timezone.now()
        stopped_at = options["stopped_at"] or now
        with progress(unit="secret", shown=self.shows_progress(options)) as advance:
            found = assess(stopped_at=stopped_at, now=now, journal=journal, progress=advance)
        return Outcome(
            report={
                "stopped_at": stopped_at.isoformat(),
                "opened": found.opened,
                "unopened": found.unopened,
                "missing_keys": found.missing_keys,
                "at_risk": found.at_risk,
                "registrations": [asdict(exposure) for exposure in found.exposures],
            },
            lines=[
                f"{found.opened} stored secrets open, {sum(found.unopened.values())} do not.",
                f"{found.at_risk} connections are at risk: their owners may have to reconnect.",
                *(_line(exposure) for exposure in found.exposures),
            ],
            problem=_problem(found),
        )


def _line(exposure: Exposure) -> str:
    rotation = {True: "rotates", False: "does not rotate", None: "not in the catalogue"}[exposure.rotates]
    return (
        f"  {exposure.slug} ({exposure.provider}, {rotation}): {exposure.connections} connections, "
        f"{exposure.in_journal} newer in the journal, {exposure.at_risk} at risk"
    )


def _problem(found: Assessment) -> str:
    if found.missing_keys:
        keys = ", ".join(f"{key_id} ({count})" for key_id, count in sorted(found.missing_keys.items()))
        return f"HUB_SEALING_KEYS lacks keys that the backup needs: {keys}. Add them behind the first one."
    if found.unopened:
        codes = ", ".join(f"{code} ({count})" for code, count in sorted(found.unopened.items()))
        return f"Some stored secrets do not open: {codes}. A key under the same id is another one than it was."
    return ""
