"""Load a connection with all that a decision about it needs, and say why one cannot be used."""

from collections.abc import Callable, Collection
from datetime import datetime

from django.db import models, transaction

from integrations import vault
from integrations.flows import notices
from integrations.flows.errors import ConnectionUnusable
from integrations.flows.events import record
from integrations.models import Connection, Event
from integrations.models.connection import LEASE_RELEASED
from integrations.oauth.errors import Remedy
from integrations.vault import SealError, TokenSet

type Clock = Callable[[], datetime]

OPERATORS_FAULT = frozenset({"key_unknown", "key_missing", "key_malformed", "key_wrong", "key_service_refused"})
NO_KEYS_NOW = "key_service_unavailable"
#: Time, or an operator, brings the keys back: nothing is given up for want of them.
NO_KEYS_YET = frozenset({NO_KEYS_NOW, "key_service_refused"})


def load(connection_id: int) -> Connection:
    """The row as it is now, with registration, owner and vault entry, in one query.

    Raises:
        ConnectionUnusable: it went with its owner's account. Programs may hold on to one for as long as they run.
    """
    row = _whole().filter(pk=connection_id).first()
    if row is None:
        raise ConnectionUnusable("It was disconnected, and its owner's account deleted.", code="disconnected")
    return row


def load_many(connection_ids: Collection[int]) -> list[Connection]:
    """Those of the rows that are still there, as `load` does for one, in one query."""
    return list(_whole().filter(pk__in=connection_ids).order_by("refresh_due_at", "pk"))


def _whole() -> models.QuerySet[Connection]:
    rows = Connection.objects.select_related("registration", "owner", "vault_entry")
    return rows.fetch_mode(models.FETCH_RAISE)


def require_usable(connection: Connection) -> None:
    """Stop unless the connection is active, its owner too, and its registration enabled.

    Raises:
        ConnectionUnusable
    """
    if not connection.registration.enabled:
        raise ConnectionUnusable("This provider is switched off.", code="registration_disabled", remedy=Remedy.OPERATOR)
    if connection.owner is not None and not connection.owner.is_active:
        raise ConnectionUnusable("Its owner's account is not active.", code="owner_inactive")
    if connection.status == Connection.Status.NEEDS_REAUTHORIZATION:
        raise ConnectionUnusable("Reconnect the account.", code="needs_reauthorization")
    if connection.status != Connection.Status.ACTIVE:
        raise ConnectionUnusable("It was disconnected.", code="disconnected")


def require_keys() -> None:
    """Have the keys at hand before a transaction that needs them: a key service is never asked with one open.

    Raises:
        ConnectionUnusable: the key service does not serve them now.
    """
    try:
        vault.keyring()
    except SealError as error:
        if error.code in NO_KEYS_YET:
            raise no_keys_yet(error) from None


def no_keys_yet(error: SealError) -> ConnectionUnusable:
    """What to tell where a key service keeps the keys back: it passes, or an operator must act."""
    remedy = Remedy.RETRY if error.code == NO_KEYS_NOW else Remedy.OPERATOR
    return ConnectionUnusable(str(error), code=error.code, remedy=remedy)


def open_tokens(connection: Connection, *, sealed: bytes | memoryview | None = None) -> TokenSet:
    """The tokens of a row loaded with its vault entry, or with what is `sealed` in it given apart.

    What does not open is told in an event, and never replaced by anything.

    Raises:
        ConnectionUnusable: the sealed value does not belong here (the person reconnects), its key is missing or wrong
            (an operator), or the key service does not answer (time).
    """
    try:
        if sealed is None:
            return vault.read(connection)
        return vault.open_tokens(connection, sealed, version=connection.version)
    except SealError as error:
        if error.code in NO_KEYS_YET:
            raise no_keys_yet(error) from None
        if error.code in OPERATORS_FAULT:
            raise ConnectionUnusable(str(error), code=error.code, remedy=Remedy.OPERATOR) from None
        end(connection, code=error.code, kind=Event.Kind.SEAL_BROKEN)
        raise ConnectionUnusable("Its stored tokens cannot be opened. Reconnect the account.") from None


def end(
    connection: Connection,
    *,
    code: str,
    kind: Event.Kind = Event.Kind.NEEDS_REAUTHORIZATION,
    keep_lease: bool = False,
) -> bool:
    """Declare that only its owner can make this connection work again: once, with one event and one notice.

    False, and nothing changed, when the row has moved on since it was loaded. A kept lease lets a holder that comes
    back late still store what it brings.
    """
    changes = {"status": Connection.Status.NEEDS_REAUTHORIZATION, "refresh_due_at": None, "last_error_code": code}
    same = Connection.objects.filter(pk=connection.pk, version=connection.version, status=Connection.Status.ACTIVE)
    with transaction.atomic():
        if not same.update(**changes, **({} if keep_lease else LEASE_RELEASED)):
            return False
        record(kind, connection=connection, details={"code": code})
        notices.tell_needs_you([connection.pk])
    return True
