"""The only place where tokens and other secrets are sealed and opened.

Every sealed value is bound to where it belongs: table, row, owner, registration, version, and the instance of the
provider where the person chose one. A value moved to another row, owner or instance, or put back after a newer one was
stored, does not open (`crypto.SealError`), and nothing is ever returned in its stead.
"""

import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

from django.conf import settings
from django.utils.crypto import salted_hmac

from integrations.crypto import Keyring, SealError, sealed_under
from integrations.models import (
    AuthorizationRequest,
    ClientRegistration,
    Connection,
    PendingRevocation,
    VaultEntry,
)
from integrations.oauth.token import TokenResponse

__all__ = (
    "Pending",
    "SealError",
    "TokenSet",
    "erase",
    "fingerprint",
    "keyring",
    "new_state",
    "open_client_secret",
    "open_for_revocation",
    "open_pending",
    "open_tokens",
    "read",
    "reseal",
    "seal_client_secret",
    "seal_for_revocation",
    "seal_pending",
    "seal_tokens",
    "sealed_under",
    "store",
)

type Sealed = VaultEntry | ClientRegistration | PendingRevocation | AuthorizationRequest

PADDED_TO_BYTES = 256
_COMPACT = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenSet:
    """What the vault keeps of one connection."""

    access_token: str = field(repr=False)
    token_type: str = "bearer"
    refresh_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, response: TokenResponse, *, previous: "TokenSet | None" = None) -> "TokenSet":
        """Keep the old refresh token and id_token when none came back (RFC 6749 §6)."""
        return cls(
            access_token=response.access_token,
            token_type=response.token_type,
            refresh_token=response.refresh_token or (previous.refresh_token if previous else None),
            id_token=response.id_token or (previous.id_token if previous else None),
        )

    def as_dict(self) -> dict[str, str | None]:
        """What is sealed; `TokenSet(**…)` brings it back."""
        return {
            "access_token": self.access_token,
            "token_type": self.token_type,
            "refresh_token": self.refresh_token,
            "id_token": self.id_token,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Pending:
    """The secrets of an authorization request."""

    code_verifier: str = field(repr=False)
    nonce: str | None = field(default=None, repr=False)


@lru_cache(maxsize=8)
def _keyring(text: str) -> Keyring:
    return Keyring.parse(text)


def keyring() -> Keyring:
    """The key ring of the settings.

    Raises:
        SealError: the setting is missing or malformed.
    """
    return _keyring(settings.HUB_SEALING_KEYS)


def fingerprint(value: str, *, purpose: str) -> str:
    """A keyed hash to look a secret up by, 64 hex digits."""
    return salted_hmac(f"integrations.{purpose}", value, algorithm="sha256").hexdigest()


def seal_tokens(connection: Connection, tokens: TokenSet, *, version: int) -> bytes:
    """Seal for this connection at this version; the caller stores both in one transaction."""
    return keyring().seal(_dump(tokens.as_dict()), associated_data=_tokens_place(connection, version))


def open_tokens(connection: Connection, sealed: bytes | memoryview, *, version: int) -> TokenSet:
    """Open what was sealed for this connection at a version.

    Raises:
        SealError: nothing, or not the value that belongs there.
    """
    if not sealed:
        raise SealError("value_missing", "no tokens are stored for this connection")
    return _token_set(keyring().open(bytes(sealed), associated_data=_tokens_place(connection, version)))


def store(connection: Connection, tokens: TokenSet) -> None:
    """Write the vault entry of a connection saved with its new version, in the caller's transaction."""
    sealed = seal_tokens(connection, tokens, version=connection.version)
    VaultEntry.objects.update_or_create(
        connection=connection, defaults={"sealed": sealed, "key_id": sealed_under(sealed)}
    )


def read(connection: Connection) -> TokenSet:
    """The tokens of a connection loaded with its vault entry.

    Raises:
        SealError: there are none, or they are not the ones that belong here.
    """
    try:
        sealed = connection.vault_entry.sealed
    except VaultEntry.DoesNotExist:
        sealed = b""
    return open_tokens(connection, sealed, version=connection.version)


def erase(connection: Connection) -> None:
    VaultEntry.objects.filter(connection=connection).delete()


def seal_client_secret(registration: ClientRegistration, client_secret: str | None) -> None:
    """Put the sealed secret and its version on a saved registration; the caller saves it again."""
    registration.secret_version += 1
    registration.sealed_client_secret = (
        None
        if client_secret is None
        else keyring().seal(_dump({"client_secret": client_secret}), associated_data=_client_secret_place(registration))
    )


def open_client_secret(registration: ClientRegistration) -> str | None:
    """The client_secret; None for a public client.

    Raises:
        SealError: not the secret that belongs here.
    """
    if registration.sealed_client_secret is None:
        return None
    place = _client_secret_place(registration)
    opened = json.loads(keyring().open(bytes(registration.sealed_client_secret), associated_data=place))
    return str(opened["client_secret"])


def seal_pending(request: AuthorizationRequest, pending: Pending) -> None:
    request.sealed = keyring().seal(
        _dump({"code_verifier": pending.code_verifier, "nonce": pending.nonce}), associated_data=_pending_place(request)
    )


def open_pending(request: AuthorizationRequest) -> Pending:
    """The code_verifier and nonce of an authorization request.

    Raises:
        SealError: not the value that belongs here.
    """
    return Pending(**json.loads(keyring().open(bytes(request.sealed), associated_data=_pending_place(request))))


def seal_for_revocation(
    connection: Connection, tokens: TokenSet, *, nonce: uuid.UUID | None = None
) -> PendingRevocation:
    """An unsaved row which holds the tokens only to revoke them; the caller sets when and saves."""
    row = PendingRevocation(
        connection=connection, registration_id=connection.registration_id, nonce=nonce or uuid.uuid4()
    )
    row.sealed = keyring().seal(_dump(tokens.as_dict()), associated_data=_revocation_place(row))
    row.key_id = sealed_under(row.sealed)
    return row


def open_for_revocation(row: PendingRevocation) -> TokenSet:
    """The tokens to revoke.

    Raises:
        SealError: not the value that belongs here.
    """
    return _token_set(keyring().open(bytes(row.sealed), associated_data=_revocation_place(row)))


def reseal(row: Sealed) -> bool:
    """Seal what a row holds anew under the primary key; False if it is already, or was replaced meanwhile.

    Raises:
        SealError: what is there does not belong there; it is left as it is.
    """
    column, place = _where(row)
    before = getattr(row, column)
    if before is None or sealed_under(bytes(before)) == keyring().primary:
        return False
    after = keyring().seal(keyring().open(bytes(before), associated_data=place), associated_data=place)
    has_key_id = isinstance(row, VaultEntry | PendingRevocation)
    changes = {column: after, **({"key_id": sealed_under(after)} if has_key_id else {})}
    # Only over the very bytes that were read: a refresh may have stored newer ones since.
    return bool(type(row)._default_manager.filter(pk=row.pk, **{column: before}).update(**changes))


def new_state() -> str:
    """An unguessable `state` (256 bit)."""
    return secrets.token_urlsafe(32)


def _where(row: Sealed) -> tuple[str, bytes]:
    match row:
        case VaultEntry():
            return "sealed", _tokens_place(row.connection, row.connection.version)
        case ClientRegistration():
            return "sealed_client_secret", _client_secret_place(row)
        case PendingRevocation():
            return "sealed", _revocation_place(row)
        case AuthorizationRequest():
            return "sealed", _pending_place(row)


def _tokens_place(connection: Connection, version: int) -> bytes:
    place = ("vault_entry", connection.pk, connection.owner_id, connection.registration_id, version)
    return _place(*place, variables=connection.variables)


def _client_secret_place(registration: ClientRegistration) -> bytes:
    return _place("client_registration", registration.pk, None, registration.pk, registration.secret_version)


def _pending_place(request: AuthorizationRequest) -> bytes:
    place = ("authorization_request", request.state_hash, request.user_id, request.registration_id, 0)
    return _place(*place, variables=request.variables)


def _revocation_place(row: PendingRevocation) -> bytes:
    return _place("pending_revocation", row.nonce.hex, row.connection_id, row.registration_id, 0)


def _place(
    table: str,
    row: int | str,
    owner: int | None,
    registration: int,
    version: int,
    *,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    instance = [dict(sorted(variables.items()))] if variables else []
    return json.dumps([table, row, owner, registration, version, *instance]).encode()


def _dump(value: dict[str, str | None]) -> bytes:
    """JSON, padded with spaces to a multiple of 256 bytes, so that the stored length tells little of the token's."""
    plaintext = _COMPACT.encode(value).encode()
    return plaintext.ljust(-(-len(plaintext) // PADDED_TO_BYTES) * PADDED_TO_BYTES)


def _token_set(plaintext: bytes) -> TokenSet:
    return TokenSet(**json.loads(plaintext))
