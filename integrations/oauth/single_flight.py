"""Fetch something for many threads at once: one of them goes, and no lock is held while it is on its way."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Lock


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How long a thread waits for what another is fetching, and with how many at most."""

    seconds: float
    with_at_most: int


#: For who has much to lose, and comes once: a sender gives up sooner.
PATIENT = Patience(seconds=60, with_at_most=1_000)
#: For whoever may come as often as they like: somebody who answers slowly must not come to hold every thread there is.
HURRIED = Patience(seconds=3, with_at_most=4)


class SingleFlight:
    """The fetches of one thing. What is decided and counted is guarded; the fetching is not."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._under_way: Event | None = None
        self._waiting = 0

    def renew(self, fetch: Callable[[], None], *, is_due: Callable[[], bool], patience: Patience | None) -> bool:
        """Fetch if it is due; if another thread is at it, wait for that, or, with no patience, do not.

        `is_due` is asked by one thread at a time, and by none while something is being fetched. False: another thread
        is at it still. What `fetch` raises is raised here, in the one thread that fetched.
        """
        with self._lock:
            under_way = self._under_way
            if under_way is None:
                if not is_due():
                    return True
                mine = self._under_way = Event()
            elif patience is None or self._waiting >= patience.with_at_most:
                return False
            else:
                self._waiting += 1
        return self._fetched(fetch, mine) if under_way is None else self._awaited(under_way, patience)

    def _fetched(self, fetch: Callable[[], None], mine: Event) -> bool:
        try:
            fetch()
        finally:
            with self._lock:
                self._under_way = None
            mine.set()
        return True

    def _awaited(self, under_way: Event, patience: Patience | None) -> bool:
        try:
            return under_way.wait(patience.seconds if patience else 0)
        finally:
            with self._lock:
                self._waiting -= 1
