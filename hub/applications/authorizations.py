"""The applications that a person allowed to act for them, and how that ends."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Max, Min, Q, QuerySet
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application, Grant, IDToken, RefreshToken

from hub.applications.scope import in_words
from hub.device_authorization import DeviceAuthorization
from integrations.flows.allow import remove_application
from integrations.flows.events import record
from integrations.flows.named import APPLICATION, ending, mark_of
from integrations.models import Allowance, Event, Use
from integrations.oauth.errors import printable
from integrations.web.visitor import PersonRequest, client_address

NAME_LIMIT = 120


@dataclass(frozen=True, kw_only=True, slots=True)
class Authorized:
    """An application that may act for a person; `scope` in the hub's words, `connections` are titles."""

    application: Application
    name: str
    scope: frozenset[str]
    since: datetime | None
    last_used_at: datetime | None
    connections: tuple[str, ...]

    @property
    def client_id(self) -> str:
        return str(self.application.client_id)

    @property
    def mark(self) -> str:
        """What tells it from another of the same name."""
        return mark_of(self.client_id)

    @property
    def abilities(self) -> list[str]:
        """What it may do, in words."""
        return in_words(self.scope)


def shown_name(application: Application) -> str:
    """An application's name, harmless to show; what is left of its client_id where it has none."""
    return printable(application.name, limit=NAME_LIMIT) or printable(application.client_id, limit=NAME_LIMIT)


def live_tokens(person_id: int, *, now: datetime) -> QuerySet[AccessToken]:
    """Access tokens in a person's name that are good, or whose refresh token is."""
    refreshed = Q(refresh_token__isnull=False, refresh_token__revoked__isnull=True)
    rows: QuerySet[AccessToken] = AccessToken.objects.filter(user_id=person_id, application__isnull=False)
    return rows.filter(Q(expires__gt=now) | refreshed)


def people_of(application: Application) -> int:
    """How many people an application holds tokens of."""
    held = AccessToken.objects.filter(application=application, user__isnull=False)
    return int(held.values("user_id").distinct().count())


def scope_held(person_id: int, application: Application, *, now: datetime) -> frozenset[str]:
    """The scope that an application already has of a person."""
    live = live_tokens(person_id, now=now).filter(application=application)
    return frozenset(token for scope in live.values_list("scope", flat=True) for token in scope.split())


def authorized(person_id: int, *, now: datetime, client_id: str | None = None) -> list[Authorized]:
    """What a person allowed, by name; only the application of a `client_id` if there is one given.

    One that was allowed and has yet to fetch its tokens is there too, or nobody could stop it until it has.
    """
    live, waiting = live_tokens(person_id, now=now), _let_in(person_id).filter(expires_at__gt=now)
    rules = Allowance.objects.filter(issuer="", person_id=person_id).select_related("connection")
    if client_id is not None:
        live, rules = live.filter(application__client_id=client_id), rules.filter(client_id=client_id)
        waiting = waiting.filter(application__client_id=client_id)
    by_client: dict[str, list[Allowance]] = {}
    for rule in rules:
        by_client.setdefault(rule.client_id, []).append(rule)
    scope: dict[int, set[str]] = {}
    for pk, text in (*live.values_list("application_id", "scope"), *waiting.values_list("application_id", "scope")):
        scope.setdefault(pk, set()).update(text.split())
    found = Application.objects.filter(Q(pk__in=scope) | Q(client_id__in=by_client))
    rows = [_row(person_id, row, scope.get(row.pk, set()), by_client.get(row.client_id, [])) for row in found]
    return sorted(rows, key=lambda row: (row.name.lower(), row.client_id))


def _let_in(person_id: int) -> QuerySet[DeviceAuthorization]:
    """Devices that a person let in and that have not come for their tokens."""
    return DeviceAuthorization.objects.filter(person_id=person_id, status=DeviceAuthorization.Status.APPROVED)


def tell_allowed(request: PersonRequest, application: Application, scope: Iterable[str]) -> None:
    """An event of what a person allowed, if there is anything new; in the transaction of the grant."""
    person = request.user
    new = frozenset(scope) - scope_held(person.pk, application, now=timezone.now())
    if new:
        record(
            Event.Kind.APPLICATION_ALLOWED,
            owner_id=person.pk,
            actor=person.get_username(),
            ip=client_address(request),
            details={
                "application": shown_name(application),
                "client_id": application.client_id,
                "hub_scope": sorted(new),
            },
        )


def find(person_id: int, client_id: str, *, now: datetime) -> Authorized | None:
    """One application that a person allowed; None where they did not, or there is none."""
    return next(iter(authorized(person_id, now=now, client_id=client_id)), None)


def end(person_id: int, application: Application, *, actor: str, ip: str = "") -> None:
    """Take back all that a person allowed an application: its tokens, and its connections."""
    with transaction.atomic():
        end_tokens(application, person_id=person_id)
        remove_application(person_id, application.client_id, client_name=shown_name(application), actor=actor, ip=ip)


def end_tokens(application: Application, *, person_id: int | None = None) -> None:
    """End what an application holds, or is about to fetch, in everybody's name or one person's.

    Whoever is refreshing has the row of the refresh token: they are waited for, and what they were given goes too.
    """
    whose = {} if person_id is None else {"user_id": person_id}
    with transaction.atomic():
        # Those who are let in and have not fetched their tokens yet, first: without its row nobody fetches any.
        devices = DeviceAuthorization.objects.filter(application=application)
        (devices if person_id is None else devices.filter(person_id=person_id)).delete()
        list(RefreshToken.objects.select_for_update().filter(application=application, **whose).values_list("pk"))
        for model in (Grant, RefreshToken, AccessToken, IDToken):
            model.objects.filter(application=application, **whose).delete()


def _row(person_id: int, application: Application, scope: set[str], rules: list[Allowance]) -> Authorized:
    began, used = _moments(person_id, application, rules)
    titles = (printable(rule.connection.title, limit=NAME_LIMIT) for rule in rules if rule.connection)
    return Authorized(
        application=application,
        name=shown_name(application),
        scope=frozenset(scope),
        since=began,
        last_used_at=used,
        connections=tuple(sorted(titles, key=str.lower)),
    )


def _moments(
    person_id: int, application: Application, rules: list[Allowance]
) -> tuple[datetime | None, datetime | None]:
    """Since when, and when last: a token that was fetched is a use, and so is a connection that was borrowed."""
    mine = {"user_id": person_id, "application": application}
    tokens = AccessToken.objects.filter(**mine).aggregate(first=Min("created"), last=Max("created"))
    first = RefreshToken.objects.filter(**mine).aggregate(first=Min("created"))["first"]
    let_in = _let_in(person_id).filter(application=application).aggregate(first=Min("created_at"))["first"]
    # Whatever it was called then: nobody hides a use by giving their application another name.
    named = {"actor__startswith": APPLICATION, "actor__endswith": ending(application.client_id)}
    uses = Use.objects.filter(connection__in=[rule.connection_id for rule in rules], **named)
    used = uses.aggregate(last=Max("last_used_at"))["last"]
    began = _present([tokens["first"], first, let_in, *(rule.created_at for rule in rules)])
    last = _present([tokens["last"], used])
    return (min(began) if began else None), (max(last) if last else None)


def _present(moments: Iterable[datetime | None]) -> list[datetime]:
    return [moment for moment in moments if moment is not None]
