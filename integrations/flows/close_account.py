"""Delete a person's account: nothing of it works from the first step on, and its rows go when all providers were told.

    begin     the person cannot sign in, and nothing new is connected or refreshed: this is what cannot be undone
    end       sessions and what the hub's authorization server issued are gone; connections are wiped
    forget    no revocation waits (or all were given up): every row goes, and one event without a name stays

Each step may be repeated. What `close_account` does not reach is done by `finish_closures`, which the sweep calls.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.db import DatabaseError, transaction
from django.db.models import Q

from integrations.flows.allow import end_applications_of
from integrations.flows.disconnect_all import BUDGET, tell_providers, wipe_all
from integrations.flows.events import record
from integrations.flows.rows import Clock
from integrations.models import AccountClosure, Connection, Event, PendingRevocation
from integrations.models.connection import ENDED
from integrations.models.person import end_authorizations, end_sessions, erase_from_history, people
from integrations.oauth.errors import OAuthError

logger = logging.getLogger(__name__)

EVENTS_AT_ONCE = 1000


class Person(Protocol):
    """Whose account it is."""

    pk: int

    def get_username(self) -> str: ...


class LastSuperuser(Exception):
    """Nobody could look after the hub any more. Make somebody else a superuser first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Closed:
    """`is_gone`: every row was deleted; else some provider must be told, or some answer be waited for, first."""

    is_gone: bool


def close_account(
    person: Person, *, operator: str = "", clock: Clock, ip: str = "", budget: timedelta = BUDGET
) -> Closed:
    """Delete the account, now as far as providers answer within the budget, the rest in the background.

    `operator` is who does it, if it is not the person.

    Raises:
        LastSuperuser: nothing was changed.
    """
    closure = _begin(person.pk, operator=operator, now=clock())
    if closure is None:
        return Closed(is_gone=True)
    try:
        _end(closure, actor=operator or person.get_username(), clock=clock, ip=ip)
    except OAuthError as error:
        # Nobody signs in to it any more; the rest is done when the keys are there again.
        logger.warning("account cannot be wiped yet", extra={"user": person.pk, "code": error.code})
        return Closed(is_gone=False)
    tell_providers(person.pk, clock=clock, budget=budget)
    return Closed(is_gone=_forget(closure, now=clock()))


def finish_closures(*, clock: Clock, stop: Callable[[], bool] = lambda: False) -> int:
    """Go on with accounts whose deletion is under way; how many are gone now. One that fails does not stop others."""
    gone = 0
    for closure in AccountClosure.objects.select_related("user"):
        if stop():
            break
        try:
            _end(closure, actor=closure.operator or closure.user.get_username(), clock=clock)
            tell_providers(closure.pk, clock=clock)
            gone += _forget(closure, now=clock())
        except (DatabaseError, OAuthError):
            logger.exception("account could not be deleted", extra={"user": closure.pk})
    return gone


def is_last_superuser(user_id: int) -> bool:
    """Whether nobody else is an active superuser."""
    superusers = people().filter(is_superuser=True, is_active=True)
    return superusers.filter(pk=user_id).exists() and not superusers.exclude(pk=user_id).exists()


def _begin(user_id: int, *, operator: str, now: datetime) -> AccountClosure | None:
    """Mark the account; None where it is gone already, as when somebody presses twice."""
    with transaction.atomic():
        # All superusers in one order: of two who delete themselves at the same moment, one stays.
        concerned = people().filter(Q(pk=user_id) | Q(is_superuser=True, is_active=True)).order_by("pk")
        list(concerned.select_for_update(no_key=True).values_list("pk"))
        if is_last_superuser(user_id):
            raise LastSuperuser
        if not people().filter(pk=user_id).exists():
            return None
        closure, _ = AccountClosure.objects.get_or_create(
            user_id=user_id, defaults={"started_at": now, "operator": operator[:150]}
        )
        people().filter(pk=user_id).update(is_active=False)
    return closure


def _end(closure: AccountClosure, *, actor: str, clock: Clock, ip: str = "") -> None:
    # Somebody may have switched the account on again meanwhile.
    people().filter(pk=closure.pk).update(is_active=False)
    end_sessions(closure.pk)
    with transaction.atomic():
        end_applications_of(closure.pk)
        end_authorizations(closure.pk)
    wipe_all(closure.pk, actor=actor, clock=clock, ip=ip)


def _forget(closure: AccountClosure, *, now: datetime) -> bool:
    """Delete every row of a person whose providers were all told; False, and nothing changed, before that."""
    if not _is_settled(closure.pk, now=now):
        return False
    events = Event.objects.filter(owner_id=closure.pk)
    while pks := list(events.values_list("pk", flat=True)[:EVENTS_AT_ONCE]):
        Event.objects.filter(pk__in=pks).delete()
    with transaction.atomic():
        list(people().filter(pk=closure.pk).select_for_update().values_list("pk"))
        if not _is_settled(closure.pk, now=now):
            return False
        connections = Connection.objects.filter(owner_id=closure.pk)
        count = connections.count()
        connections.delete()
        events.delete()
        erase_from_history(closure.pk)
        if people().filter(pk=closure.pk).delete()[0]:
            record(Event.Kind.ACCOUNT_DELETED, actor=closure.operator, details={"connections": count})
    return True


def _is_settled(user_id: int, *, now: datetime) -> bool:
    """Whether no token of this person lives on without the hub knowing it: not stored, waiting, or on its way."""
    theirs = Connection.objects.filter(owner_id=user_id)
    alive = theirs.exclude(status__in=ENDED) | theirs.filter(lease_until__gt=now)
    return not alive.exists() and not PendingRevocation.objects.filter(connection__owner_id=user_id).exists()
