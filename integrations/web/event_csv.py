"""Events as a spreadsheet reads them: CSV (RFC 4180), a few at a time, with nothing that a spreadsheet would run."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from datetime import UTC

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import override

from integrations.models import Event
from integrations.oauth.errors import printable
from integrations.web.activity import in_chunks
from integrations.web.event_words import sentence, who
from integrations.web.presentation import NAME_LIMIT, provider_name

#: What makes a spreadsheet take a cell for a formula, or hides what does; the wide forms count in some of them.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
#: Where a spreadsheet of another country cuts a line, quoted or not, and a formula would begin.
_CUT = re.compile(r"([;,|])(?=[\s\"]*[=+\-@＝＋－＠])")


def csv_lines(events: QuerySet[Event], *, owner: str, language: str) -> Iterator[str]:
    """The header and a line for each event, chunk by chunk; `owner` is the reader's username."""
    # The page's language holds for the view; these lines are made while the answer is sent.
    with override(language):
        head = [
            _("Time (UTC)"),
            _("Kind"),
            _("What happened"),
            _("Who"),
            _("Service"),
            _("Account"),
            _("Connection"),
            _("Address"),
        ]
        text = _text([head])
    yield text
    for chunk in in_chunks(events):
        with override(language):
            text = _text([_cells(event, owner=owner) for event in chunk])
        yield text


def harmless(cell: str) -> str:
    """The text of a cell; an apostrophe before what a spreadsheet would take for a formula."""
    cell = _CUT.sub(r"\1'", cell)
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell


def _cells(event: Event, *, owner: str) -> list[str]:
    connection = event.connection
    return [
        event.created_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        event.kind,
        sentence(event),
        who(event, owner=owner),
        provider_name(event.registration) if event.registration else "",
        printable(connection.title, limit=NAME_LIMIT) if connection else "",
        str(connection.uuid) if connection else "",
        event.ip or "",
    ]


def _text(rows: Sequence[Sequence[str]]) -> str:
    lines = io.StringIO()
    csv.writer(lines, quoting=csv.QUOTE_ALL).writerows([harmless(cell) for cell in row] for row in rows)
    return lines.getvalue()
