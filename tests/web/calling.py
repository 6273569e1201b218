"""What a person does in the console."""

from django.http import HttpResponse

from integrations.models import Connection
from tests.factories import PASSWORD
from tests.web.person import Person

BODY = '{"text": "hé <b>"}'


def call(person: Person, connection: Connection, **form: object) -> HttpResponse:
    """Fill in the form and send it."""
    given = {"method": "GET", "path": "/notes", "feature": "notes.read", "body": ""} | form
    return person.client.post(person.page(connection, "console"), given)  # type: ignore[return-value]


def prove(person: Person) -> None:
    """Confirm who it is."""
    person.post("/accounts/reauthenticate/", password=PASSWORD)


def asked(person: Person) -> list[str]:
    """What arrived at the API."""
    return [f"{request.method} {request.path}" for request in person.server.requests("api")]
