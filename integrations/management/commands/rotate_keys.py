"""Change the sealing key while everything runs: see which there are, make one, seal anew, prove that one can go."""

import json
import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from integrations.flows import keys, lost_key
from integrations.flows.keys import KeyRefused, KeyStatus, KeysUnusable, Verified
from integrations.flows.reseal import Pace, Resealed, Unopened, reseal
from integrations.management.database import needed_database
from integrations.management.stopping import stopping

EXAMPLE = """
example, in this order:
  manage.py rotate_keys status
  manage.py rotate_keys make k2 --to /run/secrets/k2    # then as the second of HUB_SEALING_KEYS on every host; restart
                                                        # then as the first, on every host; restart
  manage.py rotate_keys reseal --at-most 5000
  manage.py rotate_keys retire k1                       # on every host that refreshes; then take it out; restart

exit code: 0 all is well; 1 an operator must act: a key is wrong or missing, or something still needs the key in
question; 2 wrong usage; 3 no usable database. SIGINT and SIGTERM finish the batch in hand; what is done stays done.
docs/keys.md says why in this order.
"""
USAGE = 2
SHOWN = 20
AFTER_MAKE = """Put it as the second of HUB_SEALING_KEYS on every host and restart all of them; then as the first, and
restart again. Keep a copy where the database's backups are not."""
AFTER_RETIRE = """Nothing in the database, nor in the recovery journal of this host, needs {key!r}. When every other
host that refreshes says so too, take it out of HUB_SEALING_KEYS everywhere and restart. Keep the key as long as
backups from before."""

type Handler = Callable[[dict[str, Any]], None]


class Command(BaseCommand):
    help = "See, make, change and retire the keys that tokens and secrets are sealed under, while everything runs."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        kwargs.setdefault("formatter_class", RawDescriptionHelpFormatter)
        return super().create_parser(prog_name, subcommand, epilog=EXAMPLE, allow_abbrev=False, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
        add = _Adder(steps)
        add.step("status", self._status, "which keys there are, since when, and how much lies under each", as_json=True)
        make = add.step("make", self._make, "make a key and print it as HUB_SEALING_KEYS wants it")
        make.add_argument("key", nargs="?", default="", metavar="ID", help="a name that was never used (kYYYYMMDD)")
        make.add_argument("--aws-kms", action="store_true", help="wrapped by the AWS KMS key of HUB_KMS_KEY_ID")
        make.add_argument("--to", type=Path, metavar="FILE", help="into a new file that only you can read")
        anew = add.step("reseal", self._reseal, "seal everything anew under the first key", as_json=True)
        anew.add_argument(
            "--at-most", type=_positive, metavar="PER_SECOND", help="values per second; default: no limit"
        )
        anew.add_argument("--dry-run", action="store_true", help="count what there is to do; change nothing")
        verify = add.step("verify", self._verify, "open everything without a key, to see what needs it", as_json=True)
        verify.add_argument("key", nargs="?", default="", metavar="ID", help="default: all but the first")
        retire = add.step("retire", self._retire, "say whether a key can go, and how")
        retire.add_argument("key", metavar="ID")
        lost = add.step("lost", self._lost, "drop what a lost key sealed; its owners reconnect", as_json=True)
        lost.add_argument("key", metavar="ID")
        lost.add_argument("--yes", action="store_true", help="do it; without this it only says what would go")

    def handle(self, *args: Any, handler: Handler, **options: Any) -> None:
        try:
            with needed_database():
                handler(options)
        except KeyRefused as refusal:
            raise CommandError(str(refusal), returncode=USAGE) from None
        except KeysUnusable as error:
            raise CommandError(f"HUB_SEALING_KEYS: {error}.", returncode=1) from None

    def _status(self, options: dict[str, Any]) -> None:
        found = keys.status()
        if options["json"]:
            self._json({"keys": [asdict(key) for key in found]})
        else:
            self.stdout.write(_table(found))
        if any(key.needs_operator for key in found):
            raise CommandError("A key is wrong, or something lies under a key that is not in HUB_SEALING_KEYS.")

    def _make(self, options: dict[str, Any]) -> None:
        key_id = options["key"] or timezone.now().strftime("k%Y%m%d")
        line = keys.new_key(key_id, service="aws-kms" if options["aws_kms"] else "")
        if options["to"] is None:
            self.stdout.write(line)
        else:
            _write_new(options["to"], line)
        self.stderr.write(AFTER_MAKE)

    def _reseal(self, options: dict[str, Any]) -> None:
        if options["dry_run"]:
            found = {key.key_id: key.counts for key in keys.status() if not key.primary and key.counts}
            count = sum(sum(counts.values()) for counts in found.values())
            self.stdout.write(json.dumps({"to_do": found}) if options["json"] else f"{count} to seal anew.")
            return
        with stopping() as stop, _progress(options) as progress:
            done = reseal(now=timezone.now(), pace=Pace(at_most=options["at_most"], stop=stop), progress=progress)
        if options["json"]:
            self._json(asdict(done))
        else:
            self.stdout.write(_as_line(done))
        if done.unopened:
            raise CommandError(f"{len(done.unopened)} cannot be opened:{_named(done.unopened)}")

    def _verify(self, options: dict[str, Any]) -> None:
        verified = self._verified(options)
        if options["json"]:
            self._json(asdict(verified))
        else:
            self.stdout.write(f"{verified.tried} tried, {len(verified.unopened)} do not open.")
        self._refuse_if_needed(verified, options["key"] or "Another key than the first")

    def _retire(self, options: dict[str, Any]) -> None:
        self._refuse_if_needed(self._verified(options), options["key"])
        self.stdout.write(AFTER_RETIRE.format(key=options["key"]))

    def _lost(self, options: dict[str, Any]) -> None:
        going = lost_key.give_up(options["key"]) if options["yes"] else lost_key.lost_with(options["key"])
        if options["json"]:
            self._json(asdict(going) | {"dropped": options["yes"]})
            return
        self.stdout.write(
            f"{'Dropped' if options['yes'] else 'Would go'}: the tokens of {going.connections} connections, whose "
            f"owners must reconnect; {going.revocations} revocations; {going.attempts} attempts to connect."
        )
        if going.registrations:
            self.stdout.write(f"Enter the client_secret again: {', '.join(going.registrations)}")
        if not options["yes"]:
            self.stdout.write("Say --yes to do so.")

    def _verified(self, options: dict[str, Any]) -> Verified:
        with stopping() as stop, _progress(options) as progress:
            return keys.verify(options["key"], progress=progress, stop=stop)

    def _refuse_if_needed(self, verified: Verified, key: str) -> None:
        if not verified.finished:
            raise CommandError("Stopped: not everything was tried.")
        if verified.still_needed:
            journal = f" {verified.in_journal} in this host's recovery journal." if verified.in_journal else ""
            raise CommandError(
                f"{key} is still needed: {len(verified.unopened)} do not open without it.{journal} Run 'rotate_keys "
                f"reseal' and try again.{_named(verified.unopened)}"
            )

    def _json(self, value: object) -> None:
        self.stdout.write(json.dumps(value, sort_keys=True, default=str))


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


@contextmanager
def _progress(options: dict[str, Any]) -> Iterator[Callable[[int, int], None] | None]:
    """Calls for a bar on a terminal; None where nobody would see one, for then there is nothing to count first."""
    if options["json"] or not sys.stderr.isatty():
        yield None
        return
    with tqdm(unit="value", leave=False) as bar:

        def advance(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield advance


def _write_new(path: Path, line: str) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{line}\n")
    except OSError as error:
        raise CommandError(f"{path} cannot be made: {error.strerror}", returncode=USAGE) from None


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


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)
