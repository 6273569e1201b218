"""The page of a connection: what stands on it, put together."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib.messages import get_messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from integrations.models import Connection
from integrations.oauth.errors import printable
from integrations.providers import PROVIDERS
from integrations.web.errors import Said, sentences_of
from integrations.web.forms import RenameForm
from integrations.web.instances import instance_name
from integrations.web.own import own_connections
from integrations.web.presentation import (
    ConnectionCard,
    answers_of,
    can_revoke,
    connection_card,
    feature_rows,
    is_held,
    provider_name,
    revocation_page,
    scope_rows,
)
from integrations.web.shared_with import shared_with
from integrations.web.standing import Standing, standing_of, with_standing, words_for
from integrations.web.timeline import Teller
from integrations.web.use_history import use_history
from integrations.web.visitor import PersonRequest

EVENTS_READ = 200
#: Where on the page the person was, for what is said to them to be said there.
PLACES = frozenset({"features"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """What a connection is called, how it stands, and the one thing to do: reconnect, test, connect or nothing."""

    card: ConnectionCard
    standing: Standing
    words: str
    action: str
    trouble: Said | None

    @property
    def is_working(self) -> bool:
        return self.standing in (Standing.ACTIVE, Standing.EXPIRING, Standing.TROUBLE)


def connection_page(
    request: PersonRequest,
    uuid: str,
    *,
    now: datetime,
    rename_form: RenameForm | None = None,
    besides: Mapping[str, object] | None = None,
    status: int = 200,
) -> HttpResponse:
    """Show it, and `besides` what another view has to show; only what changes by itself when htmx asks.

    Raises:
        Http404: the person has no such connection.
    """
    row = get_object_or_404(with_standing(own_connections(request), now=now), uuid=uuid)
    context = _context(request, row, now=now) | {
        "rename_form": rename_form or RenameForm(initial={"name": printable(row.name)}),
        # Said on the page itself, beside what was done, and not once more above it.
        "messages": (),
        "said": list(get_messages(request)),
        "place": place if (place := request.GET.get("at", "")) in PLACES else "",
        **(besides or {}),
    }
    part = "#live" if "HX-Request" in request.headers else ""
    return render(request, f"integrations/connection.html{part}", context, status=status)


def back_to(connection: Connection, place: str) -> str:
    """The page of a connection, at a place on it."""
    page = reverse("integrations:connection", kwargs={"uuid": connection.uuid})
    return f"{page}?at={place}#{place}"


def _context(request: PersonRequest, row: Any, *, now: datetime) -> dict[str, object]:
    provider = PROVIDERS.get(row.registration.provider)
    name, owner = provider_name(row.registration), request.user.get_username()
    today = now.astimezone(UTC).date()
    events = list(row.events.only("kind", "actor", "details", "created_at")[:EVENTS_READ])
    teller = Teller(provider=provider, name=name, owner=owner)
    return {
        "address": reverse("integrations:connection", kwargs={"uuid": row.uuid}),
        "connection": row,
        "head": _head(row, name=name, now=now),
        "instance": instance_name(row.registration),
        "answers": answers_of(row),
        "registration": row.registration,
        "is_held": is_held(row),
        "can_revoke": can_revoke(row),
        "revocation_page": revocation_page(row),
        "features": feature_rows(provider, granted=row.scope) if provider else (),
        "features_place": back_to(row, "features"),
        "scope": scope_rows(provider, row.scope),
        "unexpected": scope_rows(provider, row.unexpected),
        "shared_with": shared_with(row, provider),
        "use": use_history(row, owner=owner, today=today),
        "timeline": teller.timeline(events, today=today, is_cut=len(events) == EVENTS_READ),
    }


def _head(row: Any, *, name: str, now: datetime) -> Head:
    standing = standing_of(row.rank)
    is_known = row.registration.provider in PROVIDERS
    if not is_known and standing is not Standing.DISCONNECTED:
        standing = Standing.OFF
    action = {
        Standing.NEEDS_YOU: "reconnect",
        Standing.EXPIRING: "reconnect",
        Standing.TROUBLE: "test",
        Standing.ACTIVE: "test",
        Standing.OFF: "",
        Standing.DISCONNECTED: "connect" if is_known and row.registration.enabled else "",
    }[standing]
    return Head(
        card=connection_card(row),
        standing=standing,
        words=words_for(row, standing, provider=name, ends_at=row.ends_at, now=now),
        action=action,
        trouble=sentences_of(row.last_error_code, provider=name) if standing is Standing.TROUBLE else None,
    )
