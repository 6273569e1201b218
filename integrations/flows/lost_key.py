"""Go on without a key that is lost: what it sealed is dropped, and its owners are asked to reconnect."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from integrations import vault
from integrations.flows import disconnect, notices, webhook_queue
from integrations.flows.events import record_many
from integrations.flows.keys import KeyRefused
from integrations.models import (
    AuthorizationRequest,
    ClientRegistration,
    Connection,
    Event,
    PendingRevocation,
    VaultEntry,
    WebhookEndpoint,
)
from integrations.models.connection import LEASE_RELEASED
from integrations.vault import SealError

CODE = "key_lost"
AT_ONCE = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class GivenUp:
    """What goes with a lost key: tokens of connections, revocations, attempts, secrets of webhooks; and the
    registrations by slug whose client_secret must be entered again."""

    connections: int
    revocations: int
    attempts: int
    webhooks: int
    registrations: tuple[str, ...]


def lost_with(key_id: str) -> GivenUp:
    """What would go with a lost key; nothing is changed.

    Raises:
        KeyRefused: the key is in the ring, so it is not lost.
    """
    if key_id in vault.keyring().key_ids:
        raise KeyRefused(f"{key_id!r} is in the ring, so it is not lost.")
    return GivenUp(
        connections=VaultEntry.objects.filter(key_id=key_id).count(),
        revocations=PendingRevocation.objects.filter(key_id=key_id).count(),
        attempts=len(_attempts(key_id)),
        webhooks=len(_webhooks(key_id)),
        registrations=tuple(_registrations(key_id)),
    )


def give_up(key_id: str, *, now: datetime) -> GivenUp:
    """Drop what nobody can open again, in small steps; it may be stopped and begun again. Registrations stay as they
    are: a client_secret is replaced by entering it. Webhooks are switched off until their owners make a new secret.

    Raises:
        KeyRefused: the key is in the ring, so it is not lost.
    """
    going = lost_with(key_id)
    while ids := list(VaultEntry.objects.filter(key_id=key_id).values_list("pk", flat=True)[:AT_ONCE]):
        with transaction.atomic():
            _end(ids, key_id)
    for row in PendingRevocation.objects.filter(key_id=key_id):
        disconnect.give_up(row, code=CODE)
    AuthorizationRequest.objects.filter(pk__in=_attempts(key_id)).delete()
    for endpoint in WebhookEndpoint.objects.filter(pk__in=_webhooks(key_id)):
        _forget_secret(endpoint, key_id, now=now)
    return going


def _forget_secret(endpoint: WebhookEndpoint, key_id: str, *, now: datetime) -> None:
    """A secret that only signed beside a newer one goes alone."""
    with transaction.atomic():
        row = WebhookEndpoint.objects.filter(pk=endpoint.pk, secret_version=endpoint.secret_version)
        if _is_under(endpoint.sealed_previous_secret, key_id):
            row.update(sealed_previous_secret=None, previous_secret_ends_at=None)
        if _is_under(endpoint.sealed_secret, key_id) and row.update(sealed_secret=None):
            webhook_queue.disable(endpoint, WebhookEndpoint.Why.SECRET_UNREADABLE, now=now, code=CODE)


def _end(ids: list[int], key_id: str) -> None:
    """Ask the owners of active connections to reconnect; a token stored meanwhile, under another key, stays."""
    locked = Connection.objects.filter(pk__in=ids).order_by("pk").select_for_update()
    active = [pk for pk, status in locked.values_list("pk", "status") if status == Connection.Status.ACTIVE]
    entries = VaultEntry.objects.filter(pk__in=ids, key_id=key_id)
    ended = list(entries.filter(pk__in=active).values_list("pk", flat=True))
    Connection.objects.filter(pk__in=ended).update(
        status=Connection.Status.NEEDS_REAUTHORIZATION, refresh_due_at=None, last_error_code=CODE, **LEASE_RELEASED
    )
    record_many(Event.Kind.SEAL_BROKEN, ended, details={"code": CODE})
    notices.tell_needs_you(ended)
    entries.delete()


def _registrations(key_id: str) -> list[str]:
    rows = ClientRegistration.objects.filter(sealed_client_secret__isnull=False)
    return [slug for slug, sealed in rows.values_list("slug", "sealed_client_secret") if _is_under(sealed, key_id)]


def _attempts(key_id: str) -> list[int]:
    return [pk for pk, sealed in AuthorizationRequest.objects.values_list("pk", "sealed") if _is_under(sealed, key_id)]


def _webhooks(key_id: str) -> list[int]:
    rows = WebhookEndpoint.objects.values_list("pk", "sealed_secret", "sealed_previous_secret")
    return [pk for pk, *sealed in rows if any(_is_under(value, key_id) for value in sealed)]


def _is_under(sealed: bytes | memoryview | None, key_id: str) -> bool:
    try:
        return vault.sealed_under(bytes(sealed or b"")) == key_id
    except SealError:
        return False
