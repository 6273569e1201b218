"""Check the hub's registrations at their providers, and say what is wrong and what to do about it."""

import textwrap
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from django.utils import timezone
from tqdm import tqdm

from integrations.flows.check_finding import Finding, Level
from integrations.flows.check_registration import Checked, Options, check_answers, check_machine, check_many
from integrations.management.operator_command import OperatorCommand, Outcome, UsageError
from integrations.management.stopping import stopping
from integrations.models import ClientRegistration
from integrations.providers import PROVIDERS, VariableRefused

FORMAT = 1
WIDTH = 100
CODE_WIDTH = 26


class Command(OperatorCommand):
    help = "Check the hub's registrations at their providers, and say what is wrong."
    example = """
manage.py check_providers
manage.py check_providers --slug shop --variable shop=my-test-shop
manage.py check_providers --provider github --all --json
"""
    exit_codes = {0: "no failure", 1: "a failure, which an operator must mend"}
    notes = """
Each registration that is switched on is checked: metadata and issuer, certificates, endpoints, whether the provider
accepts the client (by a made-up code, which it has to refuse), PKCE, scope and clocks. Nothing is stored.
SIGINT and SIGTERM finish the requests under way and print what was found; a second one stops at once.
"""

    def add_options(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--slug", action="append", default=[], metavar="SLUG", help="only this registration; repeat"
        )
        parser.add_argument("--provider", default="", metavar="KEY", help="only this provider of the catalogue")
        parser.add_argument("--all", action="store_true", help="also registrations that are switched off")
        parser.add_argument(
            "--variable",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="what a person would answer, where the provider asks each person; repeat",
        )
        parser.add_argument("--only-problems", action="store_true", help="leave out what is right")

    def carry_out(self, options: Mapping[str, Any]) -> Outcome:
        variables = _variables(options["variable"])
        rows = _chosen(options["slug"], options["provider"], everything=options["all"])
        _refuse_answers(rows, variables)
        hidden = not self.shows_progress(options)
        with stopping() as stop, tqdm(total=len(rows), unit="registration", disable=hidden, leave=False) as bar:
            machine = check_machine()
            checked = check_many(
                rows,
                clock=timezone.now,
                options=Options(variables=variables, stop=stop),
                progress=partial(_advance, bar),
            )
        failed = [each.slug for each in checked if each.level is Level.FAILURE]
        return Outcome(
            report=_report(machine, checked),
            lines=list(_as_table(machine, checked, only_problems=options["only_problems"])),
            problem=f"An operator must act: {', '.join(failed)}." if failed else "",
        )


def _advance(bar: "tqdm[Any]") -> None:
    bar.update()


def _variables(pairs: Sequence[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"--variable {pair}: write NAME=VALUE.")
        found[name.strip()] = value.strip()
    return found


def _chosen(slugs: Sequence[str], provider: str, *, everything: bool) -> list[ClientRegistration]:
    """The registrations that were asked for; one that is named is checked even when it is switched off."""
    if provider and provider not in PROVIDERS:
        raise UsageError(f"The catalogue has no provider {provider!r}.")
    rows = ClientRegistration.objects.order_by("slug")
    if provider:
        rows = rows.filter(provider=provider)
    if slugs:
        found = list(rows.filter(slug__in=slugs))
        missing = sorted({*slugs} - {row.slug for row in found})
        if missing:
            raise UsageError(f"There is no registration {', '.join(missing)}.")
        return found
    return list(rows if everything else rows.filter(enabled=True))


def _refuse_answers(rows: Sequence[ClientRegistration], variables: dict[str, str]) -> None:
    try:
        check_answers(rows, variables)
    except VariableRefused as refusal:
        raise UsageError(f"--variable {refusal.field}: {refusal.help}") from None
    except LookupError as error:
        text = f"--variable {error.args[0]}: none of these registrations asks persons for it."
        raise UsageError(text) from None


def _report(machine: Finding, checked: Sequence[Checked]) -> dict[str, object]:
    counts = Counter(finding.level for each in checked for finding in each.findings)
    return {
        "format": FORMAT,
        "machine": [asdict(machine)],
        "registrations": [{**asdict(each), "level": each.level} for each in checked],
        "counts": {level: counts[level] for level in Level},
    }


def _as_table(machine: Finding, checked: Sequence[Checked], *, only_problems: bool) -> Iterator[str]:
    yield "this machine"
    yield from _lines(machine)
    for each in checked:
        yield ""
        yield f"{each.slug} ({each.provider}): {_summed_up(each.findings)}"
        for finding in each.findings:
            if finding.level is not Level.OK or not only_problems:
                yield from _lines(finding)
    if not checked:
        yield "\nThere is no registration to check."


def _summed_up(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.level for finding in findings)
    many = {Level.FAILURE: "failures", Level.WARNING: "warnings"}
    found = [level for level in reversed(Level) if counts[level]]
    return ", ".join(f"{counts[level]} {many.get(level, level) if counts[level] > 1 else level}" for level in found)


def _lines(finding: Finding) -> Iterator[str]:
    """A finding as lines of a table; what to do about it stands below it."""
    head = f"  {finding.level.upper() if finding.level is Level.FAILURE else finding.level:<8} "
    head += f"{finding.code:<{CODE_WIDTH}} "
    yield from _wrapped(head, finding.sentence)
    if finding.remedy:
        yield from _wrapped(" " * (len(head) - 2) + "> ", finding.remedy)


def _wrapped(head: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        width=WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_on_hyphens=False,
    )
