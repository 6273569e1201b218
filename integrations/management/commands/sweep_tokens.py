"""Refresh every connection that is due. For cron or a worker; two at once do no harm, nor does Ctrl-C."""

from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.utils import timezone

from integrations.flows import bulk_revoke
from integrations.flows.close_account import finish_closures
from integrations.flows.sweep import SweepOptions, SweepReport, sweep
from integrations.flows.webhook_send import send_webhooks
from integrations.mail.outbox import send_notices
from integrations.management.operator_command import OperatorCommand, Outcome, UsageError
from integrations.management.options import duration, positive
from integrations.management.progress import progress
from integrations.management.stopping import over, stopping
from integrations.providers import PROVIDERS

DEFAULTS = SweepOptions()
BULK_BUDGET = timedelta(minutes=1)
WEBHOOK_BUDGET = timedelta(minutes=1)


class Command(OperatorCommand):
    help = "Refresh every connection whose access token is due."
    example = """
*/5 * * * *  manage.py sweep_tokens --due-within 10m
manage.py sweep_tokens --provider github --limit 100 --dry-run --json
"""
    exit_codes = {1: "an operator must act: a provider refuses a registration"}
    notes = "SIGINT and SIGTERM finish what is under way and print the summary; a second one stops at once."

    def add_options(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--due-within",
            type=duration,
            default=timedelta(),
            metavar="DURATION",
            help="also what falls due within this time: 90s, 10m, 2h or 1d; a bare number is seconds",
        )
        parser.add_argument("--provider", default="", metavar="KEY", help="only this provider of the catalogue")
        parser.add_argument("--limit", type=positive, metavar="CONNECTIONS", help="at most so many")
        parser.add_argument(
            "--concurrency",
            type=positive,
            default=DEFAULTS.concurrency,
            metavar="REQUESTS",
            help=f"requests in flight at once ({DEFAULTS.concurrency})",
        )
        parser.add_argument(
            "--per-provider",
            type=positive,
            metavar="REQUESTS",
            help="requests in flight at one provider (all but an eighth of --concurrency)",
        )
        parser.add_argument("--dry-run", action="store_true", help="count what is due; ask nobody, change nothing")

    def carry_out(self, options: Mapping[str, Any]) -> Outcome:
        if options["provider"] and options["provider"] not in PROVIDERS:
            raise UsageError(f"The catalogue has no provider {options['provider']!r}.")
        chosen = SweepOptions(
            provider=options["provider"],
            due_within=options["due_within"],
            limit=options["limit"],
            concurrency=options["concurrency"],
            dry_run=options["dry_run"],
            per_provider=options["per_provider"],
        )
        with stopping() as stop:
            with progress(unit="connection", shown=self.shows_progress(options)) as advance:
                report = sweep(chosen, clock=timezone.now, progress=advance, stop=stop)
            if not chosen.dry_run:
                bulk_revoke.go_on_all(clock=timezone.now, budget=BULK_BUDGET, stop=stop)
                finish_closures(clock=timezone.now, stop=stop)
                # What became of it is told by their own commands; a mail server that is down, or a receiver, is not the
                # sweep's failure.
                send_notices(clock=timezone.now, stop=stop)
                send_webhooks(clock=timezone.now, stop=over(stop, after=WEBHOOK_BUDGET))
        problem = "An operator must act: see the client registrations in admin." if report.needs_operator else ""
        return Outcome(report=asdict(report), lines=[_line(report, dry_run=chosen.dry_run)], problem=problem)


def _line(report: SweepReport, *, dry_run: bool) -> str:
    if dry_run:
        return f"{report.due}{' or more' if report.due_is_capped else ''} due; nothing was sent."
    outcomes = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in sorted(report.counts.items()))
    return f"{report.due} due: {outcomes or 'nothing to do'} in {report.seconds:.1f} s"
