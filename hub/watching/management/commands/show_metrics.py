"""Tell all metrics of this machine: where no server runs that could be scraped, or to look at them by hand."""

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError
from prometheus_client.parser import text_string_to_metric_families

from hub.watching.exposition import exposition
from integrations.management.operator_command import OPERATOR, OperatorCommand, Outcome, UsageError


class Command(OperatorCommand):
    help = "Tell all metrics of this machine, in Prometheus's text format."
    requires_system_checks = ()
    example = """
manage.py show_metrics
* * * * *  manage.py show_metrics --to /var/lib/node_exporter/hub.prom
"""
    exit_codes = {
        0: "told",
        1: "the counts cannot be read, or the file not be written",
        2: "wrong usage, or nothing is counted here",
    }
    notes = "With --to the file is replaced in one step, as node_exporter's textfile collector wants it."

    def add_options(self, parser: ArgumentParser) -> None:
        parser.add_argument("--to", type=Path, metavar="FILE", help="write them there")

    def carry_out(self, options: Mapping[str, Any]) -> Outcome:
        if not settings.HUB_METRICS:
            raise UsageError(
                "Nothing is counted here: set HUB_METRICS_DIRECTORY, HUB_METRICS_TOKEN or "
                "HUB_METRICS_ALLOWED_ADDRESSES, for the servers too."
            )
        text = _told()
        to: Path | None = options["to"]
        if to is not None:
            _replace(to, text)
        return Outcome(report={"samples": _samples(text)}, lines=[text.rstrip("\n")] if to is None else [])


def _told() -> str:
    try:
        return exposition().decode()
    except OSError as error:
        raise CommandError(
            f"{error.filename or settings.HUB_METRICS_DIRECTORY} cannot be used: {error.strerror}. "
            "Run it as the user that the hub's processes run as.",
            returncode=OPERATOR,
        ) from None


def _replace(path: Path, text: str) -> None:
    try:
        draft = path.with_name(f"{path.name}.new")
        draft.write_text(text)
        draft.rename(path)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}", returncode=OPERATOR) from None


def _samples(text: str) -> list[dict[str, object]]:
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return [{"name": sample.name, "labels": sample.labels, "value": sample.value} for sample in samples]
