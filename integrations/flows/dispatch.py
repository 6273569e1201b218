"""How much help is worth asking for: from rows alone, so that whoever asks, and however often, asks for the same."""

from dataclasses import dataclass
from datetime import datetime

from integrations.models import Connection, PendingRevocation

CONNECTIONS_EACH = 500
REVOCATIONS_EACH = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Shares:
    """How many workers can be busy with each kind of work at once."""

    sweeps: int
    revocations: int


def shares(*, now: datetime, at_most: int) -> Shares:
    """Look at what is due, no further than the most that may be asked for.

    One sweep is always worth it: it finds leases that ran out, and what is left in the recovery journal.
    """
    due = Connection.objects.due(now=now).order_by()[: at_most * CONNECTIONS_EACH].count()
    waiting = PendingRevocation.objects.filter(next_attempt_at__lte=now)[: at_most * REVOCATIONS_EACH].count()
    return Shares(sweeps=max(1, -(-due // CONNECTIONS_EACH)), revocations=-(-waiting // REVOCATIONS_EACH))
