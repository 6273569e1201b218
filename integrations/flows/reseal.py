"""Seal everything that is stored anew under the primary key, so that the older keys can leave the ring.

Row by row, while everything runs: what was replaced meanwhile is left alone. It may stop anywhere and be begun again;
what is done already is not done twice.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from integrations import vault
from integrations.flows import recover
from integrations.models import AuthorizationRequest, ClientRegistration, PendingRevocation, VaultEntry
from integrations.vault import Sealed, SealError

logger = logging.getLogger(__name__)

BATCH = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Resealed:
    """How many values went under the primary key, and how many could not be opened and stay as they are."""

    done: int
    unopened: int


def reseal(*, now: datetime) -> Resealed:
    """Seal anew whatever is under another key than the primary one. The recovery journal is replayed first.

    Raises:
        SealError: the key ring is missing or malformed. Nothing was changed.
    """
    primary = vault.keyring().primary
    recover.replay(now=now)
    done = unopened = 0
    for row in _rows(primary):
        try:
            done += vault.reseal(row)
        except SealError as error:
            logger.warning("cannot be sealed anew", extra={"row": str(row), "code": error.code})
            unopened += 1
    return Resealed(done=done, unopened=unopened)


def _rows(primary: str) -> Iterator[Sealed]:
    """Every sealed row that may be under another key."""
    yield from _in_batches(ClientRegistration.objects.filter(sealed_client_secret__isnull=False))
    yield from _in_batches(VaultEntry.objects.exclude(key_id=primary).select_related("connection"))
    yield from _in_batches(PendingRevocation.objects.exclude(key_id=primary))
    yield from _in_batches(AuthorizationRequest.objects.all())


def _in_batches[Row: Sealed](rows: QuerySet[Row]) -> Iterator[Row]:
    last = 0
    while batch := list(rows.filter(pk__gt=last).order_by("pk")[:BATCH]):
        yield from batch
        last = batch[-1].pk
