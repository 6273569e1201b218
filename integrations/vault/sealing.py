"""Seal and open each kind of secret, where it belongs."""

import json
import secrets
import uuid
from dataclasses import dataclass, field

from django.utils.crypto import salted_hmac

from integrations.crypto import SealError, sealed_under
from integrations.models import (
    AuthorizationRequest,
    ClientRegistration,
    Connection,
    PendingRevocation,
    VaultEntry,
)
from integrations.oauth.token import TokenResponse
from integrations.vault import places
from integrations.vault.proof import require_known, require_right
from integrations.vault.ring import keyring

PADDED_TO_BYTES = 256
_COMPACT = json.JSONEncoder(separators=(",", ":"), check_circular=False)


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


def open_at(sealed: bytes | memoryview, place: bytes, *, noting: bool = True, to_seal: bool = False) -> bytes:
    """Without `noting`, nothing is written down; a wrong key opens nothing and is told all the same.

    `to_seal`: what is opened is sealed again at once, and nobody else gets it.
    """
    ring = keyring(to_seal=to_seal)
    if noting:
        require_known(ring)
    try:
        return ring.open(bytes(sealed), associated_data=place)
    except SealError as error:
        if error.code == "value_forged":
            require_right(ring)
        raise


def seal_at(value: dict[str, str | None], place: bytes) -> bytes:
    ring = keyring(to_seal=True)
    require_known(ring)
    return ring.seal(_dump(value), associated_data=place)


def fingerprint(value: str, *, purpose: str) -> str:
    """A keyed hash to look a secret up by, 64 hex digits."""
    return salted_hmac(f"integrations.{purpose}", value, algorithm="sha256").hexdigest()


def seal_tokens(connection: Connection, tokens: TokenSet, *, version: int) -> bytes:
    """Seal for this connection at this version; the caller stores both in one transaction."""
    return seal_at(tokens.as_dict(), _tokens_place(connection, version))


def open_tokens(connection: Connection, sealed: bytes | memoryview, *, version: int, noting: bool = True) -> TokenSet:
    """Open what was sealed for this connection at a version. The first use of a key is written down if `noting`.

    Raises:
        SealError: nothing, or not the value that belongs there.
    """
    if not sealed:
        raise SealError("value_missing", "no tokens are stored for this connection")
    return _token_set(open_at(sealed, _tokens_place(connection, version), noting=noting))


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
        None if client_secret is None else seal_at({"client_secret": client_secret}, _client_secret_place(registration))
    )


def open_client_secret(registration: ClientRegistration, *, noting: bool = True) -> str | None:
    """The client_secret; None for a public client. `noting` is as in `open_tokens`.

    Raises:
        SealError: not the secret that belongs here.
    """
    if registration.sealed_client_secret is None:
        return None
    place = _client_secret_place(registration)
    opened = json.loads(open_at(registration.sealed_client_secret, place, noting=noting))
    return str(opened["client_secret"])


def seal_pending(request: AuthorizationRequest, pending: Pending) -> None:
    request.sealed = seal_at({"code_verifier": pending.code_verifier, "nonce": pending.nonce}, _pending_place(request))


def open_pending(request: AuthorizationRequest) -> Pending:
    """The code_verifier and nonce of an authorization request.

    Raises:
        SealError: not the value that belongs here.
    """
    return Pending(**json.loads(open_at(request.sealed, _pending_place(request))))


def seal_for_revocation(
    connection: Connection, tokens: TokenSet, *, nonce: uuid.UUID | None = None
) -> PendingRevocation:
    """An unsaved row which holds the tokens only to revoke them; the caller sets when and saves."""
    row = PendingRevocation(
        connection=connection, registration_id=connection.registration_id, nonce=nonce or uuid.uuid4()
    )
    row.sealed = seal_at(tokens.as_dict(), _revocation_place(row))
    row.key_id = sealed_under(row.sealed)
    return row


def move_to_revocation(connection: Connection, sealed: bytes, *, version: int, nonce: uuid.UUID) -> PendingRevocation:
    """As `seal_for_revocation`, for tokens that were sealed for a connection and are not stored there.

    Raises:
        SealError: not the value that belongs there, or no key is to be had now.
    """
    tokens = _token_set(open_at(sealed, _tokens_place(connection, version), to_seal=True))
    return seal_for_revocation(connection, tokens, nonce=nonce)


def open_for_revocation(row: PendingRevocation) -> TokenSet:
    """The tokens to revoke.

    Raises:
        SealError: not the value that belongs here.
    """
    return _token_set(open_at(row.sealed, _revocation_place(row)))


def new_state() -> str:
    """An unguessable `state` (256 bit)."""
    return secrets.token_urlsafe(32)


def _tokens_place(connection: Connection, version: int) -> bytes:
    row = connection
    return places.of_tokens(row.pk, row.owner_id, row.registration_id, version, row.variables)


def _client_secret_place(registration: ClientRegistration) -> bytes:
    return places.of_client_secret(registration.pk, registration.secret_version)


def _pending_place(request: AuthorizationRequest) -> bytes:
    return places.of_attempt(request.state_hash, request.user_id, request.registration_id, request.variables)


def _revocation_place(row: PendingRevocation) -> bytes:
    return places.of_revocation(row.nonce.hex, row.connection_id, row.registration_id)


def _dump(value: dict[str, str | None]) -> bytes:
    """JSON, padded with spaces to a multiple of 256 bytes, so that the stored length tells little of the token's."""
    plaintext = _COMPACT.encode(value).encode()
    return plaintext.ljust(-(-len(plaintext) // PADDED_TO_BYTES) * PADDED_TO_BYTES)


def _token_set(plaintext: bytes) -> TokenSet:
    return TokenSet(**json.loads(plaintext.decode()))
