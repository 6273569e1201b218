"""How many calls are passed on at once: in all, for a provider, for a person and with a connection.

Counted in each process by itself, for what is short is its threads: a provider that answers slowly holds one a call,
and must leave some to everybody else. So the hub as a whole passes on as many more as it has processes.
"""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from threading import Lock

from django.conf import settings

from integrations.flows.errors import TooManyCalls
from integrations.models import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class Cap:
    """No more than `at_most` with one `key`."""

    key: Hashable
    at_most: int
    code: str
    words: str

    @property
    def refusal(self) -> TooManyCalls:
        return TooManyCalls(self.words, code=self.code, is_theirs=self.code == TooManyCalls.code)


class Places:
    """The calls under way in this process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._taken: Counter[Hashable] = Counter()

    def take(self, caps: tuple[Cap, ...]) -> "Place":
        """Take a place under each of the caps, or none.

        Raises:
            TooManyCalls: there is none left.
        """
        with self._lock:
            for cap in caps:
                if self._taken[cap.key] >= cap.at_most:
                    raise cap.refusal
            self._taken.update(cap.key for cap in caps)
        return Place(self, tuple(cap.key for cap in caps))

    def free(self, keys: tuple[Hashable, ...]) -> None:
        with self._lock:
            self._taken.subtract(keys)
            for key in keys:
                if self._taken[key] <= 0:
                    del self._taken[key]


class Place:
    """A call's place, for as long as it takes."""

    def __init__(self, places: Places, keys: tuple[Hashable, ...]) -> None:
        self._places, self._keys = places, keys

    def leave(self) -> None:
        """Give it back; once, however often it is said."""
        keys, self._keys = self._keys, ()
        self._places.free(keys)


_places = Places()


def take(connection: Connection, *, borrower: Hashable) -> Place:
    """Take a place for a call with a connection, by whoever borrows it.

    Raises:
        TooManyCalls: there is none left.
    """
    limits, provider = settings.HUB_PROXY, connection.registration.provider
    whose = ("person", connection.owner_id) if connection.owner_id else ("application", borrower)
    return _places.take(
        (
            Cap(
                key=("connection", connection.pk),
                at_most=limits.at_once_per_connection,
                code="too_many_calls",
                words="Too many calls with this connection are under way.",
            ),
            Cap(
                key=whose,
                at_most=limits.at_once_per_person,
                code="too_many_calls",
                words="Too many calls for this person are under way.",
            ),
            Cap(
                key=("provider", provider),
                at_most=limits.at_once_per_provider,
                code="provider_busy",
                words="Too many calls to this provider are under way.",
            ),
            Cap(
                key="all",
                at_most=limits.at_once,
                code="hub_busy",
                words="The hub is passing on as many calls as it can.",
            ),
        )
    )
