"""The only place where tokens and other secrets are sealed and opened.

Every sealed value is bound to where it belongs: table, row, owner, registration, version, and the instance of the
provider where the person chose one. A value moved to another row, owner or instance, or put back after a newer one was
stored, does not open (`crypto.SealError`), and nothing is ever returned in its stead. Nothing that was opened is kept.

    sealing   each kind of secret                    stock    all that is sealed, to go through it
    places    what a value is bound to               proof    whether the keys are the right ones
    ring      the keys, from settings or a service
"""

from integrations.crypto import Keyring, SealError, new_key, read_keys, sealed_under
from integrations.vault.proof import note, require_right, wrong_keys
from integrations.vault.ring import SERVICES, keyring
from integrations.vault.sealing import (
    Pending,
    TokenSet,
    erase,
    fingerprint,
    move_to_revocation,
    new_state,
    open_client_secret,
    open_for_revocation,
    open_pending,
    open_tokens,
    read,
    seal_client_secret,
    seal_for_revocation,
    seal_pending,
    seal_tokens,
    store,
)
from integrations.vault.stock import SHELVES, Item, Shelf, seal_anew, unopened
from integrations.vault.webhook_secrets import new_webhook_secret, open_webhook_secrets, replace_webhook_secret

__all__ = (
    "SERVICES",
    "SHELVES",
    "Item",
    "Keyring",
    "Pending",
    "SealError",
    "Shelf",
    "TokenSet",
    "erase",
    "fingerprint",
    "keyring",
    "move_to_revocation",
    "new_key",
    "new_state",
    "new_webhook_secret",
    "note",
    "open_client_secret",
    "open_for_revocation",
    "open_pending",
    "open_tokens",
    "open_webhook_secrets",
    "read",
    "read_keys",
    "replace_webhook_secret",
    "require_right",
    "seal_anew",
    "seal_client_secret",
    "seal_for_revocation",
    "seal_pending",
    "seal_tokens",
    "sealed_under",
    "store",
    "unopened",
    "wrong_keys",
)
