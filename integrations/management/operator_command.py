"""What all commands for operators have in common: help with an example, exit codes, `--json`, a database that fails.

    0  all is well, or will be with time
    1  an operator must act
    2  wrong usage
    3  no usable database

With `--json`, standard output is one JSON object, whatever happens once the options are understood: the command's
report, else `{"error": {"code": …, "message": …}}`. Sentences about what is wrong go to standard error. The shapes are
in docs/commands.md; a name in them is never taken away and never changes its meaning.
"""

import json
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import indent
from typing import Any, ClassVar

from django.core.management import BaseCommand, CommandError

from integrations.management.database import UNUSABLE, needed_database

OPERATOR = 1
USAGE = 2
ERRORS = {OPERATOR: "operator", USAGE: "usage", UNUSABLE: "database"}
EXIT_CODES = {
    0: "all is well, or will be with time",
    OPERATOR: "an operator must act",
    USAGE: "wrong usage",
    UNUSABLE: "no usable database",
}


class UsageError(CommandError):
    """An option has a value that cannot be used."""

    def __init__(self, message: str) -> None:
        super().__init__(message, returncode=USAGE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a command has to say: as JSON, as lines, and the sentence that asks an operator to act, if one must."""

    report: Mapping[str, object]
    lines: Sequence[str]
    problem: str = ""


class OperatorCommand(BaseCommand):
    """A command of which `carry_out` says what it does; see this module."""

    example: ClassVar[str]
    exit_codes: ClassVar[Mapping[int, str]] = {}
    notes: ClassVar[str] = ""
    _has_reported = False

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        """The parser. Options are never abbreviated: one that is added later must not change what a crontab says."""
        kwargs.setdefault("formatter_class", RawDescriptionHelpFormatter)
        return super().create_parser(prog_name, subcommand, epilog=self._epilog(), allow_abbrev=False, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_options(parser)
        parser.add_argument("--json", action="store_true", help="print the report as one JSON object")

    def add_options(self, parser: ArgumentParser) -> None:
        """The options beside `--json`."""

    def carry_out(self, options: Mapping[str, Any]) -> Outcome:
        """Do it.

        Raises:
            UsageError, CommandError: nothing was done; the message says what to do.
        """
        raise NotImplementedError

    def execute(self, *args: Any, **options: Any) -> Any:
        """Run it with what Django checks before; a failure is an object, too, where one is asked for."""
        self._has_reported = False
        try:
            with needed_database():
                return super().execute(*args, **options)
        except CommandError as error:
            if options.get("json") and not self._has_reported:
                code = ERRORS.get(error.returncode, ERRORS[OPERATOR])
                self.stdout.write(json.dumps({"error": {"code": code, "message": str(error)}}))
            raise

    def handle(self, *args: Any, **options: Any) -> None:
        outcome = self.carry_out(options)
        text = json.dumps(outcome.report, sort_keys=True) if options["json"] else "\n".join(outcome.lines)
        self._has_reported = True
        if text:
            self.stdout.write(text)
        if outcome.problem:
            raise CommandError(outcome.problem, returncode=OPERATOR)

    def shows_progress(self, options: Mapping[str, Any]) -> bool:
        """Whether somebody watches."""
        return sys.stderr.isatty() and not options["json"]

    def _epilog(self) -> str:
        codes = "\n".join(f"{code}  {meaning}" for code, meaning in (EXIT_CODES | dict(self.exit_codes)).items())
        parts = [f"example:\n{indent(self.example.strip(), '  ')}", f"exit code:\n{indent(codes, '  ')}"]
        return "\n\n".join([*parts, self.notes.strip()] if self.notes else parts)
