"""Which connections an application may use, feature by feature: a part of any form that asks a person.

A page takes five steps, as the consent page does:

    choice = choice_of(request, client_id)                                       # None: the scope needs none
    {% include "applications/connection_choice.html" with choice=choice only %}  # inside its <form>
    {% include "applications/connection_choice.html#another" with choice=choice only %}  # after its buttons
    if CONNECT in request.POST: return connect_another(request, client_id)       # another button of the form
    allow_chosen(request, application, scope)                                    # in the transaction of its grant

Nothing that a form says is believed: what is not the person's own, not switched on or not a feature is passed over.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q
from django.http import HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from oauth2_provider.models import Application

from hub.applications import kept
from hub.applications.authorizations import shown_name
from hub.applications.scope import concerns_connections
from integrations.flows.allow import UNASKED, allow
from integrations.models import Allowance, Connection
from integrations.providers import PROVIDERS
from integrations.providers.provider import Feature, Provider
from integrations.web.addresses import HttpResponseSeeOther, safe_path, with_next
from integrations.web.presentation import ConnectionCard, connection_card
from integrations.web.visitor import PersonRequest, client_address
from integrations.web.wording import said

#: The name of every tick: its value is `<uuid of the connection>:<slug of the feature>`.
FIELD = "allowed"
#: The button that connects one more account, and comes back to what was ticked.
CONNECT = "connect"
#: With more connections than this, only those that are allowed or pointed at are unfolded.
UNFOLDED_AT_MOST = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """A feature of a connection, to be allowed or not. `note` says what is special about it."""

    value: str
    title: str
    text: str
    is_ticked: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """A connection, and what may be allowed of it."""

    card: ConnectionCard
    ticks: tuple[Tick, ...]
    state: str
    warning: str
    is_open: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """The connections at one service."""

    key: str
    name: str
    shares: tuple[Share, ...]
    is_open: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The whole form part, on the page at `here`; `replaces`: there is a choice already."""

    services: tuple[Service, ...]
    here: str
    replaces: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Pointed:
    """What an application was refused: scope of a connection."""

    connection: UUID | None = None
    scope: frozenset[str] = frozenset()


NOWHERE = Pointed()


def pointed_at(query: QueryDict) -> Pointed:
    """What an address points at by `connection` and `scope`; what cannot be read points nowhere."""
    try:
        connection = UUID(query.get("connection", ""))
    except ValueError:
        return NOWHERE
    return Pointed(connection=connection, scope=frozenset(query.get("scope", "").split()))


def choice_of(request: PersonRequest, client_id: str, *, pointed: Pointed = NOWHERE) -> Choice:
    """What a person can choose from, with what they allowed this application earlier ticked.

    If they left this page in between, once more with what they had ticked then.
    """
    person, ticked = request.user, kept.take(request, client_id)
    rules = {rule.connection_id: rule for rule in _rules(person, client_id)}
    rows = list(_shareable(person, rules))
    is_long = len(rows) > UNFOLDED_AT_MOST
    by_service: dict[str, list[Share]] = {}
    for row in rows:
        share = _share(row, rules.get(row.pk), pointed=pointed, is_long=is_long, ticked=ticked)
        by_service.setdefault(row.registration.provider, []).append(share)
    services = (_service(key, shares, is_long=is_long) for key, shares in by_service.items())
    return Choice(
        services=tuple(sorted(services, key=lambda service: service.name.lower())),
        here=kept.here(request),
        replaces=bool(rules),
    )


def connect_another(request: PersonRequest, client_id: str) -> HttpResponse:
    """Keep what is ticked for the page to come back to, and go and connect an account; nothing is allowed by it."""
    keep_ticks(request, client_id)
    # Longer addresses are not taken along: the session has this one.
    back = safe_path(request.get_full_path()) or reverse("applications:back")
    return HttpResponseSeeOther(with_next(reverse("integrations:catalogue"), next_path=back))


def keep_ticks(request: PersonRequest, client_id: str) -> None:
    """Keep what a posted form has ticked for its page, where the person will be asked once more."""
    kept.keep(request, client_id, request.POST.getlist(FIELD))


def chosen(person: User, client_id: str, ticked: Iterable[str]) -> dict[int, set[str]]:
    """Slugs of features by connection, of what was ticked and could be."""
    wanted: dict[str, set[str]] = {}
    for value in ticked:
        uuid, _colon, slug = value.partition(":")
        wanted.setdefault(uuid, set()).add(slug)
    rules = _rules(person, client_id).values_list("connection_id", flat=True)
    rows = _shareable(person, rules)
    return {
        row.pk: {UNASKED if slug == _unasked_slug(row) else slug for slug in wanted[str(row.uuid)] - {UNASKED}}
        for row in rows
        if str(row.uuid) in wanted
    }


def allow_chosen(request: PersonRequest, application: Application, scope: Collection[str]) -> None:
    """Make what the posted form chose the whole of what an application may use; in the caller's transaction.

    Without scope that concerns connections nothing was asked, and nothing changes.
    """
    if not concerns_connections(scope):
        return
    person = request.user
    ticks = chosen(person, application.client_id, request.POST.getlist(FIELD))
    allow(
        person.pk,
        application.client_id,
        ticks,
        client_name=shown_name(application),
        actor=person.get_username(),
        ip=client_address(request),
    )


def _rules(person: User, client_id: str) -> models.QuerySet[Allowance]:
    return Allowance.objects.filter(issuer="", client_id=client_id, person=person, connection__isnull=False)


def _shareable(person: User, allowed: Mapping[int | None, Allowance] | Iterable[int | None]) -> Iterator[Connection]:
    """What can be used, and what was allowed already although it waits for something; of services that we know."""
    rows = Connection.objects.visible().filter(owner=person).select_related("registration", "owner")
    usable = Q(pk__in=Connection.objects.usable().filter(owner=person).values("pk"))
    found = rows.filter(usable | Q(pk__in=[pk for pk in allowed if pk])).fetch_mode(models.FETCH_RAISE)
    return (row for row in found if row.registration.provider in PROVIDERS)


def _share(
    row: Connection, rule: Allowance | None, *, pointed: Pointed, is_long: bool, ticked: frozenset[str] | None
) -> Share:
    provider = PROVIDERS[row.registration.provider]
    on, _off = provider.features_of(row.scope)
    is_pointed = pointed.connection == row.uuid
    missing = pointed.scope if is_pointed else frozenset()
    earlier = frozenset(rule.features) if rule else frozenset()
    ticks = [_tick(row, provider, feature, earlier=earlier if rule else None, missing=missing) for feature in on]
    if row.unexpected:
        ticks.append(_unasked(row, provider, rule=rule, is_missing=bool(missing & row.unexpected)))
    state = _state(sum(tick.is_ticked for tick in ticks), len(ticks)) if rule else _("Not allowed")
    if ticked is not None:
        ticks = [replace(tick, is_ticked=tick.value in ticked) for tick in ticks]
    return Share(
        card=connection_card(row),
        ticks=tuple(ticks),
        state=state,
        warning="" if row.is_usable else _("It cannot be used at the moment; see its own page."),
        is_open=bool(rule) or is_pointed or not is_long or any(tick.is_ticked for tick in ticks),
    )


def _tick(
    row: Connection, provider: Provider, feature: Feature, *, earlier: frozenset[str] | None, missing: frozenset[str]
) -> Tick:
    parts = [said(feature.description)]
    if feature.minimum:
        parts.append(_("Part of every choice."))
    if missing & provider.covered_by(feature.scope):
        parts.append(_("The application asked for this."))
    elif earlier is not None and feature.slug not in earlier:
        parts.append(_("Not allowed so far."))
    return Tick(
        value=f"{row.uuid}:{feature.slug}",
        title=said(feature.title),
        text=" ".join(filter(None, parts)),
        is_ticked=earlier is not None and feature.slug in earlier,
    )


def _unasked(row: Connection, provider: Provider, *, rule: Allowance | None, is_missing: bool) -> Tick:
    """What a token can do besides all features: whoever is handed one can, too."""
    scope = {said(provider.scope_title(token)) for token in row.unexpected}
    parts = [_("Nobody asked for it: %(scope)s.") % {"scope": ", ".join(sorted(scope))}]
    is_ticked = rule is not None and UNASKED in rule.features and row.unexpected <= rule.allowed_scope
    if is_missing:
        parts.append(_("The application asked for this."))
    elif rule and not is_ticked:
        parts.append(_("Not allowed so far."))
    return Tick(
        value=f"{row.uuid}:{_unasked_slug(row)}",
        title=_("What else %(service)s gave") % {"service": provider.name},
        text=" ".join(parts),
        is_ticked=is_ticked,
    )


def _unasked_slug(row: Connection) -> str:
    """Names what it stands for: a tick of what was granted then is none of what is granted now."""
    return f"{UNASKED}.{hashlib.sha256(row.unexpected_scope.encode()).hexdigest()[:12]}"


def _state(allowed: int, total: int) -> str:
    if allowed == total:
        return _("Everything allowed")
    return _("%(allowed)d of %(total)d allowed") % {"allowed": allowed, "total": total}


def _service(key: str, shares: list[Share], *, is_long: bool) -> Service:
    ordered = sorted(shares, key=lambda share: (share.card.title.lower(), share.card.created_at))
    return Service(
        key=key,
        name=PROVIDERS[key].name,
        shares=tuple(ordered),
        is_open=not is_long or any(share.is_open for share in ordered),
    )
