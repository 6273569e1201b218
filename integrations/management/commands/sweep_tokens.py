"""Refresh every connection that is due. For cron or a worker; two at once do no harm, nor does Ctrl-C."""

import json
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from integrations.flows import bulk_revoke
from integrations.flows.close_account import finish_closures
from integrations.flows.sweep import SweepOptions, SweepReport, sweep
from integrations.mail.outbox import send_notices
from integrations.management.database import needed_database
from integrations.management.stopping import stopping
from integrations.providers import PROVIDERS

EXAMPLE = """
example:
  */5 * * * *  manage.py sweep_tokens --due-within 10m
  manage.py sweep_tokens --provider github --limit 100 --dry-run --json

exit code: 0 all is well, or will be with time; 1 an operator must act; 2 wrong usage; 3 no usable database.
SIGINT and SIGTERM finish what is under way and print the summary; a second one stops at once.
"""
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
DEFAULTS = SweepOptions()
BULK_BUDGET = timedelta(minutes=1)


class Command(BaseCommand):
    help = "Refresh every connection whose access token is due."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        kwargs.setdefault("formatter_class", RawDescriptionHelpFormatter)
        return super().create_parser(prog_name, subcommand, epilog=EXAMPLE, allow_abbrev=False, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--due-within",
            type=_duration,
            default=timedelta(),
            metavar="DURATION",
            help="also what falls due within this time: 90s, 10m, 2h or 1d; a bare number is seconds",
        )
        parser.add_argument("--provider", default="", metavar="KEY", help="only this provider of the catalogue")
        parser.add_argument("--limit", type=_positive, metavar="CONNECTIONS", help="at most so many")
        parser.add_argument(
            "--concurrency",
            type=_positive,
            default=DEFAULTS.concurrency,
            metavar="REQUESTS",
            help=f"requests in flight at once ({DEFAULTS.concurrency})",
        )
        parser.add_argument("--dry-run", action="store_true", help="count what is due; ask nobody, change nothing")
        parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")

    def handle(self, *args: Any, provider: str, **options: Any) -> None:
        as_json: bool = options["json"]
        if provider and provider not in PROVIDERS:
            raise CommandError(f"The catalogue has no provider {provider!r}.", returncode=2)
        chosen = SweepOptions(
            provider=provider,
            due_within=options["due_within"],
            limit=options["limit"],
            concurrency=options["concurrency"],
            dry_run=options["dry_run"],
        )
        shown = sys.stderr.isatty() and not as_json
        with needed_database(), stopping() as stop:
            with _progress(shown=shown) as progress:
                report = sweep(chosen, clock=timezone.now, progress=progress, stop=stop)
            self.stdout.write(_as_json(report) if as_json else _as_line(report, dry_run=chosen.dry_run))
            if not chosen.dry_run:
                bulk_revoke.go_on_all(clock=timezone.now, budget=BULK_BUDGET, stop=stop)
                finish_closures(clock=timezone.now, stop=stop)
                # What became of it is told by send_notices; a mail server that is down is not the sweep's failure.
                send_notices(clock=timezone.now, stop=stop)
        if report.needs_operator:
            raise CommandError("An operator must act: see the client registrations in admin.", returncode=1)


@contextmanager
def _progress(*, shown: bool) -> Iterator[Callable[[int, int], None]]:
    with tqdm(unit="connection", disable=not shown, leave=False) as bar:

        def advance(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield advance


def _as_json(report: SweepReport) -> str:
    return json.dumps(asdict(report), sort_keys=True)


def _as_line(report: SweepReport, *, dry_run: bool) -> str:
    if dry_run:
        return f"{report.due} due; nothing was sent."
    outcomes = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in sorted(report.counts.items()))
    return f"{report.due} due: {outcomes or 'nothing to do'} in {report.seconds:.1f} s"


def _duration(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,6})([smhd]?)", text)
    if found is None:
        raise ArgumentTypeError(f"{text!r} is not a duration such as 90s, 10m, 2h or 1d")
    return timedelta(**{UNITS[found[2] or "s"]: int(found[1])})


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)
