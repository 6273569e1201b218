"""Change the sealing key while everything runs: see which there are, make one, seal anew, prove that one can go."""

import os
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management import CommandError
from django.utils import timezone

from integrations.flows import keys, lost_key
from integrations.flows.keys import KeyRefused, KeyStatus, KeysUnusable, Verified
from integrations.flows.reseal import Pace, Resealed, Unopened, reseal
from integrations.management.operator_command import OperatorCommand, Outcome, UsageError
from integrations.management.options import positive
from integrations.management.progress import progress
from integrations.management.stopping import stopping

SHOWN = 20
AFTER_MAKE = """Put it as the second of HUB_SEALING_KEYS on every host and restart all of them; then as the first, and
restart again. Keep a copy where the database's backups are not."""
AFTER_RETIRE = """Nothing in the database, nor in the recovery journal of this host, needs {key!r}. When every other
host that refreshes says so too, take it out of HUB_SEALING_KEYS everywhere and restart. Keep the key as long as
backups from before."""

type Handler = Callable[[Mapping[str, Any]], Outcome]


class Command(OperatorCommand):
    help = "See, make, change and retire the keys that tokens and secrets are sealed under, while everything runs."
    example = """
manage.py rotate_keys status
manage.py rotate_keys make k2 --to /run/secrets/k2    # then as the second of HUB_SEALING_KEYS on every host; restart
                                                      # then as the first, on every host; restart
manage.py rotate_keys reseal --at-most 5000
manage.py rotate_keys retire k1                       # on every host that refreshes; then take it out; restart
"""
    exit_codes = {1: "a key is wrong or missing, or something still needs the key in question"}
    notes = """
In this order; docs/keys.md says why. SIGINT and SIGTERM finish the batch in hand; what is done stays done.
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
        add = _Adder(steps)
        add.step("status", self._status, "which keys there are, since when, and how much lies under each", as_json=True)
        make = add.step("make", self._make, "make a key and print it as HUB_SEALING_KEYS wants it")
        make.add_argument("key", nargs="?", default="", metavar="ID", help="a name that was never used (kYYYYMMDD)")
        make.add_argument("--aws-kms", action="store_true", help="wrapped by the AWS KMS key of HUB_KMS_KEY_ID")
        make.add_argument("--to", type=Path, metavar="FILE", help="into a new file that only you can read")
        anew = add.step("reseal", self._reseal, "seal everything anew under the first key", as_json=True)
        anew.add_argument("--at-most", type=positive, metavar="PER_SECOND", help="values per second; default: no limit")
        anew.add_argument("--dry-run", action="store_true", help="count what there is to do; change nothing")
        verify = add.step("verify", self._verify, "open everything without a key, to see what needs it", as_json=True)
        verify.add_argument("key", nargs="?", default="", metavar="ID", help="default: all but the first")
        retire = add.step("retire", self._retire, "say whether a key can go, and how")
        retire.add_argument("key", metavar="ID")
        lost = add.step("lost", self._lost, "drop what a lost key sealed; its owners reconnect", as_json=True)
        lost.add_argument("key", metavar="ID")
        lost.add_argument("--yes", action="store_true", help="do it; without this it only says what would go")

    def carry_out(self, options: Mapping[str, Any]) -> Outcome:
        handler: Handler = options["handler"]
        try:
            return handler(options)
        except KeyRefused as refusal:
            raise UsageError(str(refusal)) from None
        except KeysUnusable as error:
            raise CommandError(f"HUB_SEALING_KEYS: {error}.", returncode=1) from None

    def _status(self, options: Mapping[str, Any]) -> Outcome:
        found = keys.status()
        wrong = any(key.needs_operator for key in found)
        problem = "A key is wrong, or something lies under a key that is not in HUB_SEALING_KEYS." if wrong else ""
        return Outcome(report={"keys": [_as_json(key) for key in found]}, lines=[_table(found)], problem=problem)

    def _make(self, options: Mapping[str, Any]) -> Outcome:
        key_id = options["key"] or timezone.now().strftime("k%Y%m%d")
        line = keys.new_key(key_id, service="aws-kms" if options["aws_kms"] else "")
        if options["to"] is not None:
            _write_new(options["to"], line)
        self.stderr.write(AFTER_MAKE)
        return Outcome(report={}, lines=[line] if options["to"] is None else [])

    def _reseal(self, options: Mapping[str, Any]) -> Outcome:
        if options["dry_run"]:
            found = {key.key_id: key.counts for key in keys.status() if not key.primary and key.counts}
            count = sum(sum(counts.values()) for counts in found.values())
            return Outcome(report={"to_do": found}, lines=[f"{count} to seal anew."])
        shown = self.shows_progress(options)
        with stopping() as stop, progress(unit="value", shown=shown) as advance:
            pace = Pace(at_most=options["at_most"], stop=stop)
            # Where nobody watches there is nothing to count first.
            done = reseal(now=timezone.now(), pace=pace, progress=advance if shown else None)
        problem = f"{len(done.unopened)} cannot be opened:{_named(done.unopened)}" if done.unopened else ""
        return Outcome(report=asdict(done), lines=[_as_line(done)], problem=problem)

    def _verify(self, options: Mapping[str, Any]) -> Outcome:
        verified = self._verified(options)
        return Outcome(
            report=asdict(verified),
            lines=[f"{verified.tried} tried, {len(verified.unopened)} do not open."],
            problem=_why_needed(verified, options["key"] or "Another key than the first"),
        )

    def _retire(self, options: Mapping[str, Any]) -> Outcome:
        problem = _why_needed(self._verified(options), options["key"])
        if problem:
            raise CommandError(problem, returncode=1)
        return Outcome(report={}, lines=[AFTER_RETIRE.format(key=options["key"])])

    def _lost(self, options: Mapping[str, Any]) -> Outcome:
        if options["yes"]:
            going = lost_key.give_up(options["key"], now=timezone.now())
        else:
            going = lost_key.lost_with(options["key"])
        lines = [
            f"{'Dropped' if options['yes'] else 'Would go'}: the tokens of {going.connections} connections, whose "
            f"owners must reconnect; {going.revocations} revocations; {going.attempts} attempts to connect; "
            f"the secrets of {going.webhooks} webhooks, which are switched off."
        ]
        if going.registrations:
            lines.append(f"Enter the client_secret again: {', '.join(going.registrations)}")
        if not options["yes"]:
            lines.append("Say --yes to do so.")
        return Outcome(report=asdict(going) | {"dropped": options["yes"]}, lines=lines)

    def _verified(self, options: Mapping[str, Any]) -> Verified:
        shown = self.shows_progress(options)
        with stopping() as stop, progress(unit="value", shown=shown) as advance:
            return keys.verify(options["key"], progress=advance if shown else None, stop=stop)


class _Adder:
    """Adds steps that look alike."""

    def __init__(self, steps: Any) -> None:
        self._steps = steps

    def step(self, name: str, handler: Handler, text: str, *, as_json: bool = False) -> ArgumentParser:
        parser: ArgumentParser = self._steps.add_parser(name, help=text, description=text, allow_abbrev=False)
        parser.set_defaults(handler=handler, json=False)
        if as_json:
            parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
        return parser


def _why_needed(verified: Verified, key: str) -> str:
    """Why a key must stay, or nothing."""
    if not verified.finished:
        return "Stopped: not everything was tried."
    if not verified.still_needed:
        return ""
    journal = f" {verified.in_journal} in this host's recovery journal." if verified.in_journal else ""
    return (
        f"{key} is still needed: {len(verified.unopened)} do not open without it.{journal} Run 'rotate_keys "
        f"reseal' and try again.{_named(verified.unopened)}"
    )


def _as_json(key: KeyStatus) -> dict[str, object]:
    return asdict(key) | {"known_since": key.known_since.isoformat() if key.known_since else None}


def _write_new(path: Path, line: str) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{line}\n")
    except OSError as error:
        raise UsageError(f"{path} cannot be made: {error.strerror}") from None


def _table(found: list[KeyStatus]) -> str:
    rows = [("key", "", "kept by", "known since", "under it")]
    for key in found:
        known = key.known_since.strftime("%Y-%m-%d %H:%M") if key.known_since else "not yet"
        counts = ", ".join(f"{count} {table}" for table, count in sorted(key.counts.items())) or "nothing"
        rows.append((key.key_id or "(unreadable)", _standing(key), key.kept_by, known, counts))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]) for row in rows
    )


def _standing(key: KeyStatus) -> str:
    if not key.is_right:
        return "WRONG"
    if key.primary:
        return "seals"
    if key.in_ring:
        return "opens"
    return "MISSING" if key.counts else "retired"


def _as_line(done: Resealed) -> str:
    return f"{done.done} sealed anew.{'' if done.finished else ' Not finished: run it again.'}"


def _named(unopened: tuple[Unopened, ...]) -> str:
    named = [f"\n  {found.table} {found.id} ({found.code})" for found in unopened[:SHOWN]]
    more = len(unopened) - len(named)
    return "".join(named) + (f"\n  and {more} more; --json names all" if more else "")
