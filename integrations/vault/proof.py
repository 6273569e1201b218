"""Whether the keys of the ring are the ones that this database knows under their ids.

A key of the right name with other bytes opens nothing, and what it seals nobody else can open. So the database keeps,
for each key that a process ever had, a known value sealed under it. They are looked at when a server starts, before a
process first opens or seals anything, and before a value that does not open is called forged, which would cost a
person their connection. Of a key that is not known yet, what is stored under it is tried.
"""

from collections.abc import Collection, Iterator

from django.db import transaction

from integrations.crypto import Keyring, SealError, sealed_under
from integrations.models import ClientRegistration, SealingKey, VaultEntry
from integrations.vault import places

KNOWN = b"a value that everybody knows"
SAMPLES = 5

# Rings that this process has seen to be right and whose primary key the database knows.
_known: dict[int, Keyring] = {}
RINGS_KEPT = 8


def require_right(ring: Keyring) -> None:
    """Stop where the ring, not a value, is at fault.

    Raises:
        SealError: a key of the ring is not the one that this database knows under its id.
    """
    if wrong := wrong_keys(ring):
        raise SealError("key_wrong", f"key {wrong[0]!r} is not the key that this database knows under that id")


def require_known(ring: Keyring) -> None:
    """Stop before a wrong key is used; the first use of a key is written down. Two queries a process.

    A refresh has come by here, opening, before it sends: what the provider answers is sealed without the database.

    Raises:
        SealError: as `require_right`.
    """
    if _known.get(id(ring)) is ring:
        return
    require_right(ring)
    if SealingKey.objects.filter(key_id=ring.primary).exists():
        _keep(ring)
    else:
        note(ring, [ring.primary])
        transaction.on_commit(lambda: _keep(ring))


def note(ring: Keyring, key_ids: Collection[str]) -> None:
    """Write down keys that the database does not know yet.

    Raises:
        SealError: another process was faster, with another key of the same id.
    """
    SealingKey.objects.bulk_create([_proof(ring, key_id) for key_id in key_ids], ignore_conflicts=True)
    require_right(ring)


def wrong_keys(ring: Keyring) -> list[str]:
    """Ids of those keys that do not open what is known, or stored, under their id."""
    rows = SealingKey.objects.filter(key_id__in=ring.key_ids)
    proofs = {key_id: bytes(proof) for key_id, proof in rows.values_list("key_id", "proof")}
    return [key_id for key_id in ring.key_ids if not _fits(ring, key_id, proofs.get(key_id))]


def _fits(ring: Keyring, key_id: str, proof: bytes | None) -> bool:
    """Whether a key opens its proof or, where there is none yet, any of a few values stored under it."""
    if proof is not None:
        return _is_under(proof, key_id) and _opens(ring, proof, places.of_proof(key_id))
    tried = [_opens(ring, sealed, place) for sealed, place in _samples(key_id)]
    return any(tried) or not tried


def _samples(key_id: str) -> Iterator[tuple[bytes, bytes]]:
    of_connection = ("connection__owner_id", "connection__registration_id", "connection__version")
    entries = VaultEntry.objects.filter(key_id=key_id)
    columns = ("pk", "sealed", *of_connection, "connection__variables")
    for pk, sealed, *place in entries.values_list(*columns)[:SAMPLES]:
        yield bytes(sealed), places.of_tokens(pk, *place)
    for pk, version, sealed in ClientRegistration.objects.values_list("pk", "secret_version", "sealed_client_secret"):
        if sealed is not None and _is_under(bytes(sealed), key_id):
            yield bytes(sealed), places.of_client_secret(pk, version)


def _is_under(sealed: bytes, key_id: str) -> bool:
    try:
        return sealed_under(sealed) == key_id
    except SealError:
        return False


def _opens(ring: Keyring, sealed: bytes, place: bytes) -> bool:
    try:
        ring.open(sealed, associated_data=place)
    except SealError:
        return False
    return True


def _proof(ring: Keyring, key_id: str) -> SealingKey:
    cipher = ring.only(key_id)
    return SealingKey(key_id=key_id, proof=cipher.seal(KNOWN, associated_data=places.of_proof(key_id)))


def _keep(ring: Keyring) -> None:
    if len(_known) >= RINGS_KEPT:
        _known.clear()
    _known[id(ring)] = ring
