"""Tell all metrics of this machine: where no server runs that could be scraped, or to look at them by hand."""

import json
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from prometheus_client.parser import text_string_to_metric_families

from hub.watching.exposition import exposition

EXAMPLE = """
example:
  manage.py show_metrics
  * * * * *  manage.py show_metrics --to /var/lib/node_exporter/hub.prom

With --to the file is replaced in one step, as node_exporter's textfile collector wants it.
exit code: 0 told; 1 the file cannot be written; 2 wrong usage, or nothing is counted here.
"""


class Command(BaseCommand):
    help = "Tell all metrics of this machine, in Prometheus's text format."
    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        kwargs.setdefault("formatter_class", RawDescriptionHelpFormatter)
        return super().create_parser(prog_name, subcommand, epilog=EXAMPLE, allow_abbrev=False, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--to", type=Path, metavar="FILE", help="write them there")
        parser.add_argument("--json", action="store_true", help="print the samples as one JSON object")

    def handle(self, *args: Any, to: Path | None, **options: Any) -> None:
        if not settings.HUB_METRICS:
            raise CommandError(
                "Nothing is counted here: set HUB_METRICS_DIRECTORY, HUB_METRICS_TOKEN or "
                "HUB_METRICS_ALLOWED_ADDRESSES, for the servers too.",
                returncode=2,
            )
        text = exposition().decode()
        if options["json"]:
            text = _as_json(text) + "\n"
        if to is None:
            self.stdout.write(text, ending="")
            return
        try:
            draft = to.with_name(f"{to.name}.new")
            draft.write_text(text)
            draft.rename(to)
        except OSError as error:
            raise CommandError(f"{to} cannot be written: {error.strerror}", returncode=1) from None
        if sys.stderr.isatty():
            self.stderr.write(f"Written to {to}.")


def _as_json(text: str) -> str:
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    told = [{"name": sample.name, "labels": sample.labels, "value": sample.value} for sample in samples]
    return json.dumps({"samples": told})
