"""Delete what has served its time: attempts, events and uses by retention, expired sessions and tokens of the hub."""

import io
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management import call_command
from django.utils import timezone

from integrations.flows.prune import prune
from integrations.management.operator_command import OperatorCommand, Outcome
from integrations.management.progress import progress
from integrations.management.stopping import stopping

#: The commands of the hub's authorization server for rows of its own, which know of no stopping.
TOKENS = ("cleartokens", "prune_grants")


class Command(OperatorCommand):
    help = (
        "Delete what has served its time: connect attempts that never came back, events and uses by retention, old "
        "sweep runs, notices that were given up, expired sessions and expired tokens of the hub itself."
    )
    example = """
17 4 * * *  manage.py prune
manage.py prune --dry-run --json
"""
    exit_codes = {0: "done, or stopped and to be gone on with"}
    notes = "SIGINT and SIGTERM finish the batch in hand. Two at once do no harm."

    def add_options(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count what would go; delete nothing")

    def carry_out(self, options: Mapping[str, Any]) -> Outcome:
        dry_run: bool = options["dry_run"]
        with stopping() as stop, progress(unit="row", shown=self.shows_progress(options)) as advance:
            pruned = prune(now=timezone.now(), dry_run=dry_run, progress=advance, stop=stop)
            if not dry_run and pruned.complete:
                for name in TOKENS:
                    call_command(name, verbosity=0, stdout=io.StringIO())
        counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in pruned.deleted.items())
        verb = "would go" if dry_run else "deleted" if pruned.complete else "deleted; stopped before the end"
        return Outcome(
            report={"dry_run": dry_run, "deleted": pruned.deleted, "complete": pruned.complete},
            lines=[f"{counts}: {verb}"],
        )
