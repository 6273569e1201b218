"""The right to refresh one connection: taken by a compare-and-set, unless there is a reason to send nothing now."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from integrations.flows import hold, recover, standing, vanished
from integrations.flows.errors import ConnectionUnusable
from integrations.models import Connection
from integrations.oauth.errors import OAuthError, ProviderUnavailable, Remedy


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """A lease; and whether this caller is the one who tries a provider that was down, or asks it out of turn."""

    lease_owner: str
    tries_provider: bool = False
    out_of_turn: bool = False


def take(connection: Connection, *, now: datetime, force: bool) -> Taken | OAuthError | None:
    """The lease; or why nothing is sent now; or None: somebody else has it."""
    if not force and (waiting := _backing_off(connection, now=now)) is not None:
        return waiting
    hold.require_off()
    if connection.lease_until is not None and connection.lease_until > now:
        return None
    verdict = standing.verdict_for(connection, now=now)
    if (paused := standing.refusal(verdict, now=now, force=force)) is not None:
        return paused
    lease_owner = _claim(connection, now=now)
    taken = Taken(lease_owner=lease_owner or "", tries_provider=verdict.trying, out_of_turn=verdict.until is not None)
    if lease_owner is None:
        give_turn_back(connection, taken)
        return None
    return taken


def give_turn_back(connection: Connection, taken: Taken) -> None:
    """Leave it to others to try the provider, where this caller was to and sent nothing."""
    if taken.tries_provider:
        standing.give_turn_back(standing.endpoint_for(connection))


def _backing_off(connection: Connection, *, now: datetime) -> OAuthError | None:
    due_at = connection.refresh_due_at
    if not connection.failure_count or due_at is None or due_at <= now:
        return None
    registration = connection.registration
    if registration.last_error_code and registration.last_error_code == connection.last_error_code:
        return ConnectionUnusable(
            "The provider refuses our registration.", code=connection.last_error_code, remedy=Remedy.OPERATOR
        )
    seconds = max(1, round((due_at - now).total_seconds()))
    return ProviderUnavailable("The last refresh failed.", code=connection.last_error_code, retry_after=seconds)


def _claim(connection: Connection, *, now: datetime) -> str | None:
    """Take the lease of this very version of the row; None when somebody else has it or the row moved on."""
    lease_owner = secrets.token_hex(16)
    lease_until = now + timedelta(seconds=settings.HUB_LEASE_SECONDS)
    same = Connection.objects.filter(
        pk=connection.pk,
        version=connection.version,
        status=Connection.Status.ACTIVE,
        lease_owner=connection.lease_owner,
    )
    if same.claim(lease_owner=lease_owner, lease_until=lease_until, now=now):
        return lease_owner
    if not vanished.may_send_again(connection, now=now):
        return None
    recover.replay(now=now)
    return lease_owner if vanished.take_over(connection, lease_owner=lease_owner, now=now) else None
