"""Facts, written in the transaction of the change they tell of."""

import logging
from collections.abc import Mapping

from django.db import IntegrityError, transaction

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
    event(
        kind,
        connection=connection,
        registration=registration,
        owner_id=owner_id,
        actor=actor,
        ip=ip,
        details=details,
    ).save()


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
    except IntegrityError:
        logger.info("not told: the account is gone", extra={"kind": kind.value})
