"""Delete what the authorization server remembers for a while, in `manage.py prune`'s way, which calls it."""

from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Model
from django.utils import timezone

from hub.authorization_server.models import DeviceAuthorization, SpentCode, Tally
from integrations.flows.prune import Expiring, Rule, prune
from integrations.management.operator_command import OperatorCommand, Outcome


def _by_expiry(model: type[Model]) -> Rule:
    def rule(now: datetime) -> Iterator[Expiring]:
        yield Expiring(model._default_manager.order_by("expires_at"), "expires_at", now)

    return rule


RULES: tuple[tuple[str, Rule], ...] = (
    ("device_authorizations", _by_expiry(DeviceAuthorization)),
    ("spent_codes", _by_expiry(SpentCode)),
    ("tallies", _by_expiry(Tally)),
)


class Command(OperatorCommand):
    help = "Delete devices that nobody let in, codes that were spent, and counts of what is limited. `prune` does it."
    example = "manage.py prune_grants --dry-run"
    exit_codes = {0: "done"}
    notes = "It may be killed anywhere and begun again."

    def add_options(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count what would go; delete nothing")

    def carry_out(self, options: Mapping[str, Any]) -> Outcome:
        dry_run: bool = options["dry_run"]
        pruned = prune(now=timezone.now(), rules=RULES, dry_run=dry_run)
        counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in pruned.deleted.items())
        return Outcome(
            report={"dry_run": dry_run, "deleted": pruned.deleted, "complete": pruned.complete},
            lines=[f"{counts}: {'would go' if dry_run else 'deleted'}"],
        )
