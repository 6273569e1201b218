"""An application has a person connect an account: it makes a link, and the person decides what comes of it.

The link opens nothing by itself. Whoever it is for signs in, sees who asks for what, and says on that page whether the
application may use what they connect.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.db import models

from integrations.flows.lend import Borrower
from integrations.models import ClientRegistration, ConnectLink

LIFETIME = timedelta(minutes=10)


def make(
    borrower: Borrower, registration: ClientRegistration, features: Collection[str], *, return_to: str, now: datetime
) -> ConnectLink:
    """A new link for the person a borrower acts for; features by slug, `return_to` an address that was checked.

    Raises:
        ValueError: the borrower acts for itself.
    """
    if borrower.person_id is None:
        raise ValueError("nobody to send there")
    return ConnectLink.objects.create(
        user_id=borrower.person_id,
        client_id=borrower.client_id,
        client_name=borrower.client_name,
        registration=registration,
        features=sorted(features),
        return_to=return_to,
        expires_at=now + LIFETIME,
    )


def find(user_id: int, uuid: UUID | str) -> ConnectLink | None:
    """A person's link, with registration and what came of it; another's is as unknown as none."""
    rows = ConnectLink.objects.select_related("registration", "connection__registration", "connection__owner")
    return rows.fetch_mode(models.FETCH_RAISE).filter(user_id=user_id, uuid=uuid).first()


def find_open(borrower: Borrower, pk: int, *, now: datetime) -> ConnectLink | None:
    """A link that a borrower made for its person, while it can still be started."""
    if borrower.person_id is None:
        return None
    link = ConnectLink.objects.filter(pk=pk, user_id=borrower.person_id, client_id=borrower.client_id).first()
    return link if link is not None and link.is_open(now=now) else None


def start(link: ConnectLink, *, shares: bool, now: datetime) -> bool:
    """Use a link up; `shares`: the application may use what comes of it. False: it was used, or its time is over."""
    return ConnectLink.objects.start(link.pk, shares=shares, now=now)


def reopen(link: ConnectLink) -> None:
    """Give a link back that led nowhere, because its attempt could not begin."""
    ConnectLink.objects.filter(pk=link.pk, connection=None).update(started_at=None, shares=False)
