"""The page of a connection."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from integrations.models import Connection
from integrations.oauth.errors import printable
from integrations.providers import PROVIDERS
from integrations.web.errors import sentences_of
from integrations.web.forms import RenameForm
from integrations.web.instances import instance_name
from integrations.web.own import own_connection
from integrations.web.presentation import (
    answers_of,
    connection_card,
    event_row,
    feature_rows,
    is_held,
    provider_name,
    scope_rows,
)
from integrations.web.visitor import PersonRequest

EVENTS_SHOWN = 20


@require_safe
@login_required
def connection(request: PersonRequest, uuid: str) -> HttpResponse:
    """Everything about one connection, and what can be done with it."""
    row = own_connection(request, uuid)
    return render(request, "integrations/connection.html", connection_context(row))


def connection_context(row: Connection, *, rename_form: RenameForm | None = None) -> dict[str, object]:
    """What the page of a connection shows."""
    provider = PROVIDERS.get(row.registration.provider)
    events = row.events.select_related("connection")[:EVENTS_SHOWN]
    owner = row.owner.get_username() if row.owner else ""
    return {
        "connection": row,
        "card": connection_card(row),
        "instance": instance_name(row.registration),
        "registration": row.registration,
        "answers": answers_of(row),
        "provider": provider,
        "is_held": is_held(row),
        "can_connect": row.registration.enabled and provider is not None,
        "features": feature_rows(provider, granted=row.scope) if provider else (),
        "scope": scope_rows(provider, row.scope),
        "events": [event_row(event, owner=owner) for event in events],
        "trouble": sentences_of(row.last_error_code, provider=provider_name(row.registration)),
        "rename_form": rename_form or RenameForm(initial={"name": printable(row.name)}),
    }
