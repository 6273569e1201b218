"""What the console shows around a form: examples, what goes wrong and how to mend it, the same call in Python."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from integrations.flows import access, clients
from integrations.flows.access import Call
from integrations.flows.errors import ScopeMissing
from integrations.models import Connection
from integrations.oauth.errors import OAuthError, Remedy, printable
from integrations.providers import CatalogueError
from integrations.providers.provider import Feature, Provider
from integrations.web.addresses import with_next
from integrations.web.attempts import Again, changing, opening
from integrations.web.console_form import CHANGING, PATH_LIMIT, SAFE, ConsoleForm
from integrations.web.errors import RETRY_AFTER_SECONDS, explain
from integrations.web.turns import NotNow
from integrations.web.wording import said

KEY = "console"
KEPT_FOR = timedelta(minutes=15)
FIELDS = ("method", "path", "feature", "body")


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A feature with something to try: where the form is filled in for it, or where to allow it while it is off."""

    title: str
    path: str
    address: str
    scope: tuple[str, ...]
    is_on: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """Why no answer is shown: in words, the page's status, and what mends it."""

    title: str
    happened: str
    todo: str
    status: int
    again: Again | None = None
    retry_after: int | None = None
    maybe_done: bool = False
    code: str = ""


def api_base(connection: Connection, provider: Provider) -> str:
    """The address that paths stand on, without a slash at its end; empty where the hub knows of no API."""
    try:
        variables = clients.variables_of(connection.registration, connection.variables)
        url = provider.api_url("/", variables, connection.provider_data)
    except CatalogueError:
        return ""
    return url.rstrip("/")


def examples(connection: Connection, provider: Provider) -> tuple[Example, ...]:
    """What the features of a provider suggest to ask."""
    on, _off = provider.features_of(connection.scope)
    return tuple(
        Example(
            title=said(feature.title),
            path=feature.test_path,
            address=filled_in(connection, feature) if feature in on else consent_to(connection, feature),
            scope=tuple(sorted(feature.scope)),
            is_on=feature in on,
        )
        for feature in provider.features
        if feature.test_path
    )


def missing_features(connection: Connection, provider: Provider) -> tuple[tuple[str, str], ...]:
    """Title and page of consent of each feature that is off."""
    _on, off = provider.features_of(connection.scope)
    return tuple((said(feature.title), consent_to(connection, feature)) for feature in off)


def console_page(connection: Connection) -> str:
    return reverse("integrations:console", kwargs={"uuid": connection.uuid})


def filled_in(connection: Connection, feature: Feature) -> str:
    """The console with a feature's example in the form. Nothing is run by opening it."""
    return f"{console_page(connection)}?{urlencode({'feature': feature.slug, 'path': feature.test_path})}"


def consent_to(connection: Connection, feature: Feature) -> str:
    """Where the person allows a feature to this connection, and comes back from."""
    path = access.consent_path(connection.registration.provider, feature.slug)
    return with_next(f"{path}&connection={connection.uuid}", next_path=console_page(connection))


def from_address(query: Mapping[str, str]) -> dict[str, str]:
    """What a link may fill in: no body and no method that changes something, for anybody can make a link."""
    given = {name: printable(query[name], limit=PATH_LIMIT) for name in ("path", "feature", "method") if name in query}
    if given.get("method") not in SAFE:
        given.pop("method", None)
    return given


def keep(request: HttpRequest, connection: Connection, data: Mapping[str, str], *, now: datetime) -> None:
    """Keep what was typed while the person proves who they are, allows a feature or reconnects."""
    typed = {name: data.get(name, "") for name in FIELDS}
    request.session[KEY] = {"of": str(connection.uuid), "at": now.timestamp(), "typed": typed}


def kept(request: HttpRequest, connection: Connection, *, now: datetime) -> dict[str, str] | None:
    """What was typed for this connection a moment ago, and not sent."""
    found = request.session.get(KEY)
    if not found or found["of"] != str(connection.uuid):
        return None
    age = now.timestamp() - found["at"]
    return dict(found["typed"]) if 0 <= age < KEPT_FOR.total_seconds() else None


def forget(request: HttpRequest) -> None:
    request.session.pop(KEY, None)


def trouble(error: OAuthError, connection: Connection, form: ConsoleForm, *, provider: str) -> Trouble:
    """What stopped a call, and the way on, which leads back to the console."""
    explained = explain(error, provider=provider)
    todo, again = explained.todo, None
    if isinstance(error, ScopeMissing):
        todo = _("Allow “%(feature)s”, then send again.") % {"feature": said(form.chosen.title)}
        again = Again(url=consent_to(connection, form.chosen), label=_("Allow it"), is_link=True)
    elif error.remedy is Remedy.REAUTHORIZE:
        again = reconnecting(connection)
    elif error.remedy is Remedy.OPERATOR:
        again = opening(reverse("integrations:connection", kwargs={"uuid": connection.uuid}), label=_("The connection"))
    return Trouble(
        title=explained.title,
        happened=explained.happened,
        todo=todo,
        status=explained.status,
        again=again,
        retry_after=(error.retry_after or RETRY_AFTER_SECONDS) if error.remedy is Remedy.RETRY else None,
        maybe_done=error.remedy is Remedy.RETRY and form.call.method in CHANGING,
        code=error.code,
    )


def reconnecting(connection: Connection) -> Again:
    return changing(connection, "reconnect", next_path=console_page(connection), label=_("Reconnect"))


def not_now(refused: NotNow) -> Trouble:
    """One call at a time, and so many a minute."""
    if refused.is_running:
        title, happened = _("One call at a time"), _("Another call of yours has not ended. This one was not sent.")
        todo = _("Wait for its answer, then send again.")
    else:
        title, happened = _("That was a lot in one minute"), _("The hub made no more calls. This one was not sent.")
        seconds = refused.retry_after
        todo = ngettext("Wait %(count)s second, then send again.", "Wait %(count)s seconds, then send again.", seconds)
        todo = todo % {"count": seconds}
    return Trouble(title=title, happened=happened, todo=todo, status=429, retry_after=refused.retry_after)


def in_python(call: Call, *, provider: Provider, feature: Feature) -> str:
    """The program that makes this call; literals are Python's own, so nothing typed becomes code."""
    given = "" if call.body is None else f", json={call.body!r}"
    return "\n".join(
        (
            "from integrations.flows import access",
            "",
            f"connection = access.require_feature(user.pk, {provider.slug!r}, {feature.slug!r})",
            "with access.session(connection, actor='my program') as session:",
            f"    answer = session.{call.method.lower()}({call.path!r}{given})",
        )
    )
