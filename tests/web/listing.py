"""Connections by the dozen for tests of the list, and what the list shows of them."""

import re
from datetime import timedelta

from django.http import HttpResponse
from django.utils import timezone

from integrations.models import ClientRegistration, Connection
from tests.factories import make_connection, make_tokens
from tests.web.person import Person

TITLE = re.compile(r'class="connection-row-title" href="[^"]+"><bdi>([^<]*)</bdi>')


def titles(page: HttpResponse) -> list[str]:
    return TITLE.findall(page.content.decode())


def held(person: Person, name: str, **fields: object) -> Connection:
    """A connection; spans of time count from now."""
    now = timezone.now()
    fields = {column: now + value if isinstance(value, timedelta) else value for column, value in fields.items()}
    fields = {"registration": ClientRegistration.objects.get(slug="sandbox"), **fields}
    return make_connection(owner=person.user, name=name, sealed=False, **fields)  # type: ignore[arg-type]


def many(person: Person, count: int, **fields: object) -> None:
    for number in range(count):
        held(person, f"Account {number:03}", **fields)


def in_days(days: float) -> timedelta:
    return timedelta(days=days, minutes=10)


def once_only() -> dict[str, object]:
    """A connection that cannot be renewed."""
    return {"tokens": make_tokens(refresh_token=None), "due_in": None}
