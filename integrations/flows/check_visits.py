"""The calls of one check-up: by the address policy, without redirects, and never beyond the time it has."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from integrations.flows.rows import Clock
from integrations.oauth.address import AddressPolicy
from integrations.oauth.certificate import Handshake
from integrations.oauth.errors import ProviderUnavailable
from integrations.oauth.message import Request, Response
from integrations.oauth.transport import Transport

BUDGET_SECONDS = 30.0
LEAST_SECONDS = 0.05


class OutOfTime(Exception):
    """The registration's time is up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """How far the provider's clock was ahead of ours in one answer; how exact that is, and whether a cache gave it."""

    ahead: timedelta
    within: timedelta
    fresh: bool


class Visits:
    """A `Sender` for one registration that also notes the time that providers say it is."""

    def __init__(
        self,
        transport: Transport,
        *,
        clock: Clock,
        budget_seconds: float = BUDGET_SECONDS,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.clock = clock
        self.readings: list[Reading] = []
        self._transport = transport
        self._stop = stop
        self._until = time.monotonic() + budget_seconds

    @property
    def policy(self) -> AddressPolicy:
        return self._transport.policy

    def send(self, request: Request) -> Response:
        """Send, as the transport does.

        Raises:
            OutOfTime: nothing was sent.
            ProviderUnavailable, AddressRefused: as the transport says.
        """
        sent_at = self.clock()
        response = self._transport.send(request, seconds=self._left())
        self._read_clock(request, response, sent_at=sent_at, arrived_at=self.clock())
        return response

    def shake_hands(self, url: str) -> Handshake:
        """Look at a host's certificate.

        Raises:
            OutOfTime: nothing was begun.
            ProviderUnavailable, AddressRefused: as the transport says.
        """
        return self._transport.shake_hands(url, seconds=self._left())

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left < LEAST_SECONDS or self._stop():
            raise OutOfTime
        return left

    def _read_clock(self, request: Request, response: Response, *, sent_at: datetime, arrived_at: datetime) -> None:
        try:
            theirs = parsedate_to_datetime(response.headers["date"])
            age = min(int(response.headers.get("age", "0")), 366 * 86_400)
            ahead = theirs + timedelta(seconds=age) - (sent_at + (arrived_at - sent_at) / 2)
        except (KeyError, TypeError, ValueError, OverflowError):
            return
        within = (arrived_at - sent_at) / 2 + timedelta(seconds=1)
        self.readings.append(Reading(ahead=ahead, within=within, fresh=request.method == "POST"))


def problem_of(error: ProviderUnavailable) -> str:
    """Why there was no answer, in words that say nothing of what was in it."""
    return _PROBLEMS.get(error.code, error.code.replace("_", " "))


_PROBLEMS = {
    "timeout": "no answer in time",
    "tls_failed": "no trusted TLS connection",
    "connection_failed": "no connection",
    "connection_lost": "the connection was lost",
    "response_too_large": "the answer is too large",
    "unreadable_response": "the answer cannot be read",
    "server_error": "an error of the provider",
    "rate_limited": "asked to slow down",
    "unexpected_redirect": "sent on elsewhere",
}
