"""Everything that is sealed in the database, shelf by shelf: to count it, to try it, to seal it anew.

Whoever adds a sealed column adds a shelf. The recovery journal is not here: it is a folder, see `flows.journal`.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import models

from integrations.crypto import Keyring, SealError, sealed_under
from integrations.models import AuthorizationRequest, ClientRegistration, PendingRevocation, VaultEntry, WebhookEndpoint
from integrations.models.batch import replace_sealed
from integrations.vault import places

UNREADABLE = ""


class Item(NamedTuple):
    """One sealed value and the place it is bound to; its `repr` is what a log may say of it."""

    table: str
    pk: int
    sealed: bytes
    place: bytes

    def __repr__(self) -> str:
        return f"{self.table} {self.pk}"

    @property
    def key_id(self) -> str:
        """Empty where it is no sealed value at all."""
        try:
            return sealed_under(self.sealed)
        except SealError:
            return UNREADABLE


@dataclass(frozen=True, kw_only=True, slots=True)
class Shelf:
    """A column of sealed values: where it is, what of a row says where the value belongs, and how."""

    table: str
    model: type[models.Model]
    column: str
    columns: tuple[str, ...]
    place: Callable[..., bytes]
    has_key_id: bool

    def batches(self, size: int, *, but_under: str = "") -> Iterator[list[Item]]:
        """All items in order of their row, `size` at a time, each batch read when it is asked for.

        Those that are under one key may be left out, as far as a column tells.
        """
        rows = self._rows()
        if but_under and self.has_key_id:
            rows = rows.exclude(key_id=but_under)
        columns = ("pk", self.column, *self.columns)
        last = 0
        while batch := list(rows.filter(pk__gt=last).order_by("pk").values_list(*columns)[:size]):
            yield [Item(self.table, pk, bytes(sealed), self.place(pk, *more)) for pk, sealed, *more in batch]
            last = batch[-1][0]

    def count(self) -> int:
        return self._rows().count()

    def by_key(self) -> Counter[str]:
        """How many values lie under each key."""
        rows = self._rows().order_by()
        if self.has_key_id:
            return Counter(dict(rows.values_list("key_id").annotate(models.Count("pk"))))
        sealed = rows.values_list("pk", self.column).iterator(chunk_size=1000)
        return Counter(Item(self.table, pk, bytes(value), b"").key_id for pk, value in sealed)

    def keys_in_use(self) -> Iterator[str]:
        """The keys that values lie under, each once; by the index, however many values there are."""
        if not self.has_key_id:
            yield from self.by_key()
            return
        keys = self._rows().order_by("key_id").values_list("key_id", flat=True)
        last = keys.first()
        while last is not None:
            yield last
            last = keys.filter(key_id__gt=last).first()

    def replace(self, changes: Sequence[tuple[int, bytes, bytes]], *, key_id: str) -> int:
        """Put values, by row, in the place of the very ones that were read; how many were still there."""
        return replace_sealed(self._rows(), self.column, changes, key_id=key_id if self.has_key_id else None)

    def _rows(self) -> "models.QuerySet[Any]":
        rows = self.model._default_manager.all()
        # Where nothing can be null, saying so would only keep the database from counting by its index alone.
        nullable = self.model._meta.get_field(self.column).null
        return rows.filter(**{f"{self.column}__isnull": False}) if nullable else rows


def _of_entry(pk: int, *more: Any) -> bytes:
    return places.of_tokens(pk, *more)


def _of_attempt(pk: int, *more: Any) -> bytes:
    return places.of_attempt(*more)


def _of_revocation(pk: int, nonce: Any, connection: int, registration: int) -> bytes:
    return places.of_revocation(nonce.hex, connection, registration)


def _of_webhook(column: str) -> Callable[..., bytes]:
    def place(pk: int, uuid: Any, *more: Any) -> bytes:
        return places.of_webhook_secret(column, uuid.hex, *more)

    return place


_OF_WEBHOOK = ("uuid", "owner_id", "issuer", "client_id", "secret_version")

SHELVES = (
    Shelf(
        table="client_registration",
        model=ClientRegistration,
        column="sealed_client_secret",
        columns=("secret_version",),
        place=places.of_client_secret,
        has_key_id=False,
    ),
    Shelf(
        table="vault_entry",
        model=VaultEntry,
        column="sealed",
        columns=(
            "connection__owner_id",
            "connection__registration_id",
            "connection__version",
            "connection__variables",
        ),
        place=_of_entry,
        has_key_id=True,
    ),
    Shelf(
        table="pending_revocation",
        model=PendingRevocation,
        column="sealed",
        columns=("nonce", "connection_id", "registration_id"),
        place=_of_revocation,
        has_key_id=True,
    ),
    Shelf(
        table="authorization_request",
        model=AuthorizationRequest,
        column="sealed",
        columns=("state_hash", "user_id", "registration_id", "variables"),
        place=_of_attempt,
        has_key_id=False,
    ),
    Shelf(
        table="webhook_endpoint",
        model=WebhookEndpoint,
        column="sealed_secret",
        columns=_OF_WEBHOOK,
        place=_of_webhook("sealed_secret"),
        has_key_id=False,
    ),
    Shelf(
        table="webhook_endpoint_previous",
        model=WebhookEndpoint,
        column="sealed_previous_secret",
        columns=_OF_WEBHOOK,
        place=_of_webhook("sealed_previous_secret"),
        has_key_id=False,
    ),
)


class Anew(NamedTuple):
    """What became of a batch: sealed anew, replaced by others meanwhile, and those that do not open, with a code."""

    done: int
    missed: int
    unopened: list[tuple[Item, str]]


def seal_anew(shelf: Shelf, items: Sequence[Item], *, ring: Keyring) -> Anew:
    """Seal a batch anew under the primary key: one statement, which waits for nobody.

    What does not open is left as it is. What somebody else has stored over, or is about to, is not touched.
    """
    changes: list[tuple[int, bytes, bytes]] = []
    unopened: list[tuple[Item, str]] = []
    for item in items:
        if not shelf.has_key_id and item.key_id == ring.primary:
            continue
        try:
            plaintext = ring.open(item.sealed, associated_data=item.place)
        except SealError as error:
            unopened.append((item, error.code))
        else:
            changes.append((item.pk, item.sealed, ring.seal(plaintext, associated_data=item.place)))
    done = shelf.replace(changes, key_id=ring.primary) if changes else 0
    return Anew(done, len(changes) - done, unopened)


def unopened(items: Sequence[Item], *, ring: Keyring) -> list[tuple[Item, str]]:
    """Those of a batch that a ring does not open, each with a code."""
    found = []
    for item in items:
        try:
            ring.open(item.sealed, associated_data=item.place)
        except SealError as error:
            found.append((item, error.code))
    return found
