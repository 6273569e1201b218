"""Where each sealed value belongs, as the associated data it is bound to."""

import json
from collections.abc import Mapping
from types import MappingProxyType


def of_tokens(
    connection: int, owner: int | None, registration: int, version: int, variables: Mapping[str, str]
) -> bytes:
    return _place("vault_entry", connection, owner, registration, version, variables=variables)


def of_client_secret(registration: int, secret_version: int) -> bytes:
    return _place("client_registration", registration, None, registration, secret_version)


def of_attempt(state_hash: str, user: int, registration: int, variables: Mapping[str, str]) -> bytes:
    return _place("authorization_request", state_hash, user, registration, 0, variables=variables)


def of_revocation(nonce: str, connection: int, registration: int) -> bytes:
    return _place("pending_revocation", nonce, connection, registration, 0)


def of_webhook_secret(column: str, endpoint: str, owner: int, issuer: str, client_id: str, version: int) -> bytes:
    """Of `webhook_endpoint`: which of its two columns, of whose endpoint, for which application."""
    return json.dumps(["webhook_endpoint", column, endpoint, owner, issuer, client_id, version]).encode()


def of_proof(key_id: str) -> bytes:
    return json.dumps(["sealing_key", key_id]).encode()


def _place(
    table: str,
    row: int | str,
    owner: int | None,
    registration: int,
    version: int,
    *,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    instance = f", {json.dumps(dict(sorted(variables.items())))}" if variables else ""
    # JSON, by hand: this is done twice for each refresh of a sweep.
    of_row = row if isinstance(row, int) else json.dumps(row)
    of_owner = "null" if owner is None else owner
    return f'["{table}", {of_row}, {of_owner}, {registration}, {version}{instance}]'.encode()
