"""The key ring of the settings, as this process has it.

Keys that are written in the open are read once. Those that a key service wrapped are unwrapped when they are first
needed, by a call outside of any transaction, and then by a thread every quarter of `HUB_KMS_CACHE_SECONDS`. When the
service has not answered for that long nothing is opened any more; for a while longer what was opened before may be
sealed, for a provider's answer would be lost otherwise.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from functools import lru_cache, partial

from django.conf import settings
from django.db import connection

from integrations.crypto import Keyring, KeyService, SealError, read_keys

if settings.HUB_KMS_KEY_ID:
    # Only then: boto3 is not there in every installation, and takes its time to import.
    from integrations.key_service import AwsKms

    _kms = AwsKms(settings.HUB_KMS_KEY_ID, endpoint_url=settings.HUB_KMS_ENDPOINT_URL)
    SERVICES: dict[str, KeyService] = {_kms.name: _kms}
else:
    SERVICES = {}

logger = logging.getLogger(__name__)

#: How long after its time a ring still seals: longer than any call whose answer waits to be stored.
SEALS_LONGER_SECONDS = 600
#: A service that did not answer just now is not asked by every caller.
ASKED_AGAIN_SECONDS = 5


class LentRing:
    """A ring that a key service unwrapped, good for some seconds; `keep` unwraps it anew before they are over."""

    def __init__(
        self, unwrap: Callable[[], Keyring], *, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._unwrap = unwrap
        self._seconds = seconds
        self._clock = clock
        self._held: tuple[Keyring, float] | None = None
        self._failed: tuple[SealError, float] | None = None

    def ring(self, *, to_seal: bool, may_wait: bool) -> Keyring:
        """The ring; where there is none in time the service is asked, if the caller may wait for that.

        Raises:
            SealError: there is none now.
        """
        limit = self._seconds + (SEALS_LONGER_SECONDS if to_seal else 0)
        if self._held is not None and self._since(self._held[1]) < limit:
            return self._held[0]
        if self._failed is not None and self._since(self._failed[1]) < ASKED_AGAIN_SECONDS:
            raise SealError(self._failed[0].code, str(self._failed[0]))
        if not may_wait:
            raise SealError("key_service_unavailable", "the sealing keys are not unwrapped yet; try again")
        return self.renew()

    def renew(self) -> Keyring:
        """Ask the service.

        Raises:
            SealError: it refuses or cannot be reached; what is held is good until its time is over.
        """
        asked_at = self._clock()
        try:
            ring = self._unwrap()
        except SealError as error:
            self._failed = (error, self._clock())
            raise
        if self._held is not None:
            # The same keys: who has seen that they are the right ones need not look again.
            ring = self._held[0]
        self._held, self._failed = (ring, asked_at), None
        return ring

    def look_after(self) -> float:
        """Renew in good time, drop what nobody may use any more; how many seconds to wait until the next look."""
        if self._held is not None and (early := self._seconds / 4 - self._since(self._held[1])) > 0:
            return early
        try:
            self.renew()
        except SealError as error:
            logger.warning("sealing keys are not unwrapped anew", extra={"code": error.code, "reason": str(error)})
            if self._held is not None and self._since(self._held[1]) >= self._seconds + SEALS_LONGER_SECONDS:
                self._held = None
            return self._seconds / 40
        return self._seconds / 4

    def _since(self, moment: float) -> float:
        return self._clock() - moment


class Keeper:
    """The thread that looks after a lent ring for as long as the process lives; begun anew in a forked child."""

    def __init__(self, lent: LentRing) -> None:
        self.lent = lent
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        os.register_at_fork(after_in_child=self._forget)

    def ensure(self) -> None:
        thread = self._thread
        if thread is not None and thread.is_alive():
            return
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._keep, name="sealing-keys", daemon=True)
                self._thread.start()

    def _forget(self) -> None:
        self._thread = None
        self._starting = threading.Lock()

    def _keep(self) -> None:
        while True:
            time.sleep(self.lent.look_after())


def keyring(*, to_seal: bool = False) -> Keyring:
    """The key ring of the settings.

    Raises:
        SealError: the setting is missing or malformed, or a key service does not unwrap a key of it.
    """
    text = settings.HUB_SEALING_KEYS
    if not _is_lent(text):
        return _plain(text)
    keeper = _keeper(text)
    try:
        return keeper.lent.ring(to_seal=to_seal, may_wait=not connection.in_atomic_block)
    finally:
        keeper.ensure()


@lru_cache(maxsize=8)
def _is_lent(text: str) -> bool:
    return any(key.service for key in read_keys(text))


@lru_cache(maxsize=8)
def _plain(text: str) -> Keyring:
    return Keyring.parse(text)


@lru_cache(maxsize=8)
def _keeper(text: str) -> Keeper:
    unwrap = partial(Keyring.parse, text, services=SERVICES)
    return Keeper(LentRing(unwrap, seconds=settings.HUB_KMS_CACHE_SECONDS))
