"""Events as files, a few at a time: CSV (RFC 4180) with nothing that a spreadsheet would run, and JSON lines."""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from django.db.models import FETCH_RAISE, QuerySet

from integrations.flows.events import record
from integrations.models import Event

CHUNK = 1000
#: What makes a spreadsheet take a cell for a formula, or hides what does; the wide forms count in some of them.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
#: Where a spreadsheet of another country cuts a line, quoted or not, and a formula would begin.
_CUT = re.compile(r"([;,|])(?=[\s\"]*[=+\-@＝＋－＠])")


def harmless(cell: str) -> str:
    """The text of a cell; an apostrophe before what a spreadsheet would take for a formula."""
    cell = _CUT.sub(r"\1'", cell)
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell


def csv_text(rows: Sequence[Sequence[str]]) -> str:
    """Lines of a CSV file, every cell quoted and harmless."""
    lines = io.StringIO()
    csv.writer(lines, quoting=csv.QUOTE_ALL).writerows([harmless(cell) for cell in row] for row in rows)
    return lines.getvalue()


def in_chunks(events: QuerySet[Event], *, size: int = CHUNK) -> Iterator[list[Event]]:
    """All of them, the newest first, a few at a time: no cursor stays open while somebody downloads slowly."""
    rows = list(events[:size])
    while rows:
        yield rows
        rows = list(events.filter(pk__lt=rows[-1].pk)[:size]) if len(rows) == size else []


def moment(at: datetime) -> str:
    """A time as files have it."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def begin(*, actor: str, kind: str, filters: Mapping[str, object]) -> None:
    """Write down who takes events along, and which, before the first of them leaves."""
    details = {"action": "events_exported", "format": kind, "filters": dict(filters)}
    record(Event.Kind.ADMIN_ACTION, actor=actor, details=details)


def for_auditors(events: QuerySet[Event]) -> QuerySet[Event]:
    """The newest first, with what their lines name."""
    rows = events.select_related("connection", "registration", "owner").order_by("-pk")
    return rows.fetch_mode(FETCH_RAISE)


def json_lines(events: QuerySet[Event]) -> Iterator[str]:
    """An object a line."""
    for chunk in in_chunks(for_auditors(events)):
        yield "".join(f"{json.dumps(_members(event), ensure_ascii=False)}\n" for event in chunk)


def csv_lines(events: QuerySet[Event]) -> Iterator[str]:
    """The header, and a line for each event; details as JSON in one cell."""
    header = True
    for chunk in in_chunks(for_auditors(events)):
        rows = [_members(event) for event in chunk]
        yield csv_text([[*rows[0]], *map(_cells, rows)] if header else [*map(_cells, rows)])
        header = False
    if header:
        yield csv_text([list(COLUMNS)])


COLUMNS = ("id", "at", "kind", "actor", "owner", "provider", "registration", "connection", "address", "details")


def _members(event: Event) -> dict[str, object]:
    """What is taken along of an event, by name; the account's name at the provider is not."""
    owner, registration = event.owner, event.registration
    values = (
        event.pk,
        moment(event.created_at),
        event.kind,
        event.actor,
        owner.get_username() if owner else None,
        registration.provider if registration else None,
        registration.slug if registration else None,
        str(event.connection.uuid) if event.connection else None,
        event.ip,
        event.details,
    )
    return dict(zip(COLUMNS, values, strict=True))


def _cells(members: Mapping[str, object]) -> list[str]:
    return ["" if value is None else _cell(value) for value in members.values()]


def _cell(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
