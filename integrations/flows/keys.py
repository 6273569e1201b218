"""The life of a sealing key: made, known, counted, done without. To seal anew is `reseal`, to lose one `lost_key`."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from integrations import vault
from integrations.flows import left_behind
from integrations.flows.reseal import Progress, Unopened
from integrations.models import SealingKey
from integrations.vault import SHELVES, SealError

#: What is raised where the ring itself cannot be used.
KeysUnusable = SealError

JOURNAL = "recovery_journal"
BATCH = 1000


class KeyRefused(Exception):
    """What was asked of a key cannot be done to this one; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyStatus:
    """One key: whether it is in the ring, who keeps it, since when the database knows it, and what lies under it.

    `is_right` is False where the ring has another key under this id than the database knows.
    """

    key_id: str
    in_ring: bool
    primary: bool
    kept_by: str
    is_right: bool
    known_since: datetime | None
    counts: dict[str, int]

    @property
    def needs_operator(self) -> bool:
        return not self.is_right or (bool(self.counts) and not self.in_ring)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """Whether everything opens without some keys: how many values were tried, which did not open, and what waits in
    this host's recovery journal under such a key. `finished` is False when it was stopped."""

    tried: int
    unopened: tuple[Unopened, ...]
    in_journal: int
    finished: bool = True

    @property
    def still_needed(self) -> bool:
        return bool(self.unopened or self.in_journal or not self.finished)


def admit() -> None:
    """Write down the keys of the ring, so that from now on another one of the same id is told. For the start.

    Raises:
        KeysUnusable: the ring is missing, malformed or wrong, or its service does not unwrap it.
    """
    ring = vault.keyring()
    vault.require_right(ring)
    vault.note(ring, ring.key_ids)


def new_key(key_id: str, *, service: str = "") -> str:
    """A fresh key as the settings want it; its id was never used here.

    Raises:
        KeyRefused: the id was, or the key service is not set up.
        KeysUnusable: the id is malformed, or the key service gives no key.
    """
    known = {*vault.keyring().key_ids, *SealingKey.objects.values_list("key_id", flat=True)}
    if key_id in known:
        raise KeyRefused(f"There was a key {key_id!r} already; take another id.")
    if service and service not in vault.SERVICES:
        raise KeyRefused(f"The key service {service} is not set up: HUB_KMS_KEY_ID is empty.")
    return vault.new_key(key_id, service=vault.SERVICES[service] if service else None)


def status() -> list[KeyStatus]:
    """All keys that are in the ring, known to the database, or needed by something; in the ring's order first.

    Raises:
        KeysUnusable: the ring is missing or malformed, or its service does not unwrap it.
    """
    ring = vault.keyring()
    wrong = vault.wrong_keys(ring)
    known = dict(SealingKey.objects.values_list("key_id", "known_since"))
    counts = _counts()
    order = dict.fromkeys([*ring.key_ids, *known, *sorted(counts)])
    kept_by = _kept_by()
    return [
        KeyStatus(
            key_id=key_id,
            in_ring=key_id in ring.key_ids,
            primary=key_id == ring.primary,
            kept_by=kept_by.get(key_id, ""),
            is_right=key_id not in wrong,
            known_since=known.get(key_id),
            counts=dict(counts.get(key_id, {})),
        )
        for key_id in order
    ]


def _is_known(key_id: str) -> bool:
    return SealingKey.objects.filter(key_id=key_id).exists() or key_id in _counts()


def _kept_by() -> dict[str, str]:
    return {key.key_id: key.service or "settings" for key in vault.read_keys(settings.HUB_SEALING_KEYS)}


def _counts() -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for shelf in SHELVES:
        for key_id, count in shelf.by_key().items():
            found.setdefault(key_id, Counter())[shelf.table] = count
    for key_id in left_behind.waiting():
        found.setdefault(key_id, Counter())[JOURNAL] += 1
    return found


def verify(key_id: str = "", *, progress: Progress | None = None, stop: Callable[[], bool] = lambda: False) -> Verified:
    """Open everything without one key (or, without an id, by the primary key alone); nothing is changed.

    Raises:
        KeyRefused: it is the primary key, or none that this hub knows: mistyped, it would look as if nothing needed it.
        KeysUnusable: the ring is missing or malformed, or its service does not unwrap it.
    """
    ring = vault.keyring()
    if key_id == ring.primary:
        raise KeyRefused(f"{key_id!r} is the primary key: it seals. Put another one first, then seal anew.")
    if key_id and key_id not in ring.key_ids and not _is_known(key_id):
        raise KeyRefused(f"There is no key {key_id!r}, and there was none.")
    leaving = [key_id] if key_id else ring.key_ids[1:]
    rest = ring.without(*leaving)
    waiting = [under for under in left_behind.waiting() if under not in rest.key_ids]
    total = sum(shelf.count() for shelf in SHELVES) if progress else 0
    tried, found = 0, list[Unopened]()
    for shelf in SHELVES:
        for items in shelf.batches(BATCH):
            if stop():
                return Verified(tried=tried, unopened=tuple(found), in_journal=len(waiting), finished=False)
            closed = vault.unopened(items, ring=rest)
            found += [Unopened(table=item.table, id=item.pk, code=code) for item, code in closed]
            tried += len(items)
            if progress:
                progress(tried, max(total, tried))
    return Verified(tried=tried, unopened=tuple(found), in_journal=len(waiting))
