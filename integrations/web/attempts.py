"""What a person was about to connect, kept in their session, so that they can start the very same again."""

import hashlib
from dataclasses import asdict, dataclass
from urllib.parse import parse_qsl, urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext

from integrations.flows import clients
from integrations.models import ClientRegistration, Connection
from integrations.oauth.errors import OAuthError
from integrations.web.visitor import PersonRequest

KEY = "connect_attempts"


@dataclass(frozen=True, kw_only=True, slots=True)
class Again:
    """A form to send once more, or with `is_link` a page to open; no `label` is "Start again".

    `connection` is the uuid of the one it changes; `answers` are names and values to send along.
    """

    url: str
    label: str = ""
    features: tuple[str, ...] = ()
    next: str = ""
    connection: str = ""
    answers: tuple[tuple[str, str], ...] = ()
    is_link: bool = False


def beginning(
    registration: ClientRegistration,
    *,
    features: tuple[str, ...],
    next_path: str,
    answers: tuple[tuple[str, str], ...] = (),
) -> Again:
    url = reverse("integrations:begin", args=[registration.slug])
    return Again(url=url, features=features, next=next_path, answers=answers)


def changing(
    connection: Connection,
    page: str,
    *,
    features: tuple[str, ...] = (),
    next_path: str = "",
    label: str = "",
) -> Again:
    """`page`: enable or reconnect."""
    url = reverse(f"integrations:{page}", kwargs={"uuid": connection.uuid})
    return Again(url=url, label=label, features=features, next=next_path, connection=str(connection.uuid))


def opening(path: str, *, label: str = "") -> Again:
    return Again(url=path, label=label or gettext("Try again"), is_link=True)


def remember(request: HttpRequest, registration: ClientRegistration, *, authorization_url: str, again: Again) -> None:
    """Keep an attempt under its state; the oldest beyond the limit of pending attempts goes."""
    state = dict(parse_qsl(urlsplit(authorization_url).query)).get(_state_name(registration), "")
    kept = [*request.session.get(KEY, []), [_name(state), asdict(again)]]
    request.session[KEY] = kept[-settings.HUB_PENDING_LIMIT :]


def recall(request: PersonRequest, registration: ClientRegistration) -> Again | None:
    """The attempt that this authorization response answers, once; None: not begun here, or its connection is gone."""
    name = _name(request.GET.get(_state_name(registration), ""))
    kept = request.session.get(KEY, [])
    found = [Again(**again) for known, again in kept if known == name]
    if not found:
        return None
    request.session[KEY] = [attempt for attempt in kept if attempt[0] != name]
    again = found[-1]
    held = request.user.connections.filter(
        status__in=(Connection.Status.ACTIVE, Connection.Status.NEEDS_REAUTHORIZATION)
    )
    return again if not again.connection or held.filter(uuid=again.connection).exists() else None


def _state_name(registration: ClientRegistration) -> str:
    try:
        return clients.state_parameter(registration)
    except OAuthError:
        return "state"


def _name(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
