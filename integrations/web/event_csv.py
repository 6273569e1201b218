"""Events as a spreadsheet reads them: CSV (RFC 4180), a few at a time, with nothing that a spreadsheet would run."""

from collections.abc import Iterator

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import override

from integrations.flows.event_export import csv_text, in_chunks, moment
from integrations.models import Event
from integrations.oauth.errors import printable
from integrations.web.event_words import sentence, who
from integrations.web.presentation import NAME_LIMIT, provider_name


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
        text = csv_text([head])
    yield text
    for chunk in in_chunks(events):
        with override(language):
            text = csv_text([_cells(event, owner=owner) for event in chunk])
        yield text


def _cells(event: Event, *, owner: str) -> list[str]:
    connection = event.connection
    return [
        moment(event.created_at),
        event.kind,
        sentence(event),
        who(event, owner=owner),
        provider_name(event.registration) if event.registration else "",
        printable(connection.title, limit=NAME_LIMIT) if connection else "",
        str(connection.uuid) if connection else "",
        event.ip or "",
    ]
