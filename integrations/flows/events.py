"""Facts, written in the transaction of the change they tell of, with the messages that tell applications of them.

All events are written here, so that none can be without its messages: a test holds that.
"""

import logging
from collections.abc import Collection, Iterable, Mapping

from django.db import IntegrityError, transaction

from integrations.flows import webhook_outbox
from integrations.flows.webhook_outbox import Fact
from integrations.models import ClientRegistration, Connection, Event

logger = logging.getLogger(__name__)


def event(
    kind: Event.Kind,
    *,
    connection: Connection | None = None,
    registration: ClientRegistration | None = None,
    owner_id: int | None = None,
    actor: str = "",
    ip: str = "",
    details: Mapping[str, object] | None = None,
) -> Event:
    """An unsaved event; details must hold no secret. Whose it is, the connection says, or `owner_id` without one."""
    return Event(
        kind=kind,
        connection=connection,
        registration_id=connection.registration_id if connection else registration.pk if registration else None,
        owner_id=connection.owner_id if connection else owner_id,
        actor=actor[:150],
        ip=ip or None,
        details=dict(details or {}),
    )


def record(
    kind: Event.Kind,
    *,
    connection: Connection | None = None,
    registration: ClientRegistration | None = None,
    owner_id: int | None = None,
    actor: str = "",
    ip: str = "",
    details: Mapping[str, object] | None = None,
) -> None:
    """Save an event in the caller's transaction."""
    told = event(
        kind,
        connection=connection,
        registration=registration,
        owner_id=owner_id,
        actor=actor,
        ip=ip,
        details=details,
    )
    with transaction.atomic(savepoint=False):
        told.save()
        webhook_outbox.enqueue([Fact.of(told)])


def record_all(events: Iterable[Event]) -> None:
    """Save events in the caller's transaction."""
    with transaction.atomic(savepoint=False):
        webhook_outbox.enqueue([Fact.of(told) for told in Event.objects.bulk_create(events)])


def record_many(
    kind: Event.Kind, connection_ids: Collection[int], *, details: Mapping[str, object], actor: str = ""
) -> None:
    """Save the same fact about many connections in the caller's transaction, in one statement."""
    with transaction.atomic(savepoint=False):
        told = Event.objects.tell_many(kind, connection_ids, details=details, actor=actor)
        webhook_outbox.enqueue([Fact(pk, kind, connection_id, details) for pk, connection_id in told])


def record_unless_gone(
    kind: Event.Kind,
    *,
    connection: Connection | None,
    registration: ClientRegistration,
    owner_id: int,
    actor: str,
    ip: str,
    details: Mapping[str, object],
) -> None:
    """Save an event in a transaction of its own; none of a person whose account was deleted meanwhile."""
    told = event(
        kind,
        connection=connection,
        registration=registration,
        owner_id=owner_id,
        actor=actor,
        ip=ip,
        details=details,
    )
    try:
        with transaction.atomic():
            told.save()
            webhook_outbox.enqueue([Fact.of(told)])
    except IntegrityError:
        logger.info("not told: the account is gone", extra={"kind": kind.value})
