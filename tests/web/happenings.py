"""Events by the hundred, and the file of them."""

import csv
import io

from integrations.models import Connection, Event
from tests.web.person import Person

PAGE = "/activity/"
FILE = "/activity/export.csv"


def happened(person: Person, connection: Connection, count: int, kind: Event.Kind = Event.Kind.REFRESHED) -> None:
    Event.objects.bulk_create(
        Event(kind=kind, owner=person.user, connection=connection, registration=connection.registration)
        for _ in range(count)
    )


def lines(response: object) -> list[dict[str, str]]:
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text)))
