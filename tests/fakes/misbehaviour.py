"""What can go wrong at a provider, on request: the faults of one answer.

Faults that last (rotation, scope, clock, keys) are `conduct.Conduct`; a certificate that nobody trusts is
`FakeAuthorizationServer.untrusted_origin`.
"""

import json
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum, auto

from tests.fakes.wire import Outgoing, json_answer

PATIENCE_SECONDS = 120


class Behaviour(StrEnum):
    """One fault. Those that say so let the provider do its work before they spoil the answer."""

    DROP_BEFORE_PROCESSING = auto()
    DROP_AFTER_PROCESSING = auto()
    DELAY_BEFORE_PROCESSING = auto()
    DELAY_AFTER_PROCESSING = auto()
    RATE_LIMITED = auto()
    SERVER_ERROR = auto()
    UNAVAILABLE = auto()
    HTML = auto()
    TRUNCATED_JSON_AFTER_PROCESSING = auto()
    WRONG_TYPES_AFTER_PROCESSING = auto()
    EMPTY_BAD_REQUEST = auto()
    REDIRECT = auto()
    ERROR = auto()
    INVALID_TOKEN = auto()
    INSUFFICIENT_SCOPE = auto()
    AS_GIVEN = auto()


class Gate:
    """Holds requests until the test opens it: a delay without a clock."""

    def __init__(self) -> None:
        self._arrivals = threading.Semaphore(0)
        self._opened = threading.Event()

    def wait_for_arrival(self, timeout_seconds: float = PATIENCE_SECONDS) -> None:
        """Return as soon as one more request stands at the gate."""
        assert self._arrivals.acquire(timeout=timeout_seconds), "no request arrived at the gate"

    def open(self) -> None:
        self._opened.set()

    def pass_through(self) -> None:
        self._arrivals.release()
        self._opened.wait(PATIENCE_SECONDS)


@dataclass(kw_only=True)
class Fault:
    """A planned behaviour and how often it still happens; None is until `behave`."""

    behaviour: Behaviour
    times: int | None = 1
    error: str = "invalid_request"
    retry_after: str = "7"
    answer: Outgoing = field(default_factory=Outgoing)
    gate: Gate = field(default_factory=Gate)

    def spoil(self, process: Callable[[], Outgoing]) -> Outgoing | None:
        """The answer with the fault in it; None drops the connection."""
        match self.behaviour:
            case Behaviour.DROP_BEFORE_PROCESSING:
                return None
            case Behaviour.DROP_AFTER_PROCESSING:
                process()
                return None
            case Behaviour.DELAY_BEFORE_PROCESSING:
                self.gate.pass_through()
                return process()
            case Behaviour.DELAY_AFTER_PROCESSING:
                outgoing = process()
                self.gate.pass_through()
                return outgoing
            case Behaviour.TRUNCATED_JSON_AFTER_PROCESSING:
                return _truncated(process())
            case Behaviour.WRONG_TYPES_AFTER_PROCESSING:
                return _wrong_types(process())
            case _:
                return self._canned()

    def _canned(self) -> Outgoing:
        retry = {"Retry-After": self.retry_after}
        bearer = 'Bearer realm="fake", error="{}"'.format
        answers = {
            Behaviour.AS_GIVEN: self.answer,
            Behaviour.RATE_LIMITED: Outgoing(status=429, headers=retry, body=b"slow down"),
            Behaviour.SERVER_ERROR: Outgoing(status=500, body=b"Traceback: everything is broken"),
            Behaviour.UNAVAILABLE: Outgoing(status=503, headers=retry),
            Behaviour.HTML: Outgoing(headers={"Content-Type": "text/html"}, body=b"<h1>We will be back</h1>"),
            Behaviour.EMPTY_BAD_REQUEST: Outgoing(status=400),
            Behaviour.REDIRECT: Outgoing(status=307, headers={"Location": "/elsewhere"}),
            Behaviour.ERROR: json_answer({"error": self.error, "error_description": "as the test asked"}, status=400),
            Behaviour.INVALID_TOKEN: json_answer(
                {"error": "invalid_token"}, status=401, WWW_Authenticate=bearer("invalid_token")
            ),
            Behaviour.INSUFFICIENT_SCOPE: json_answer(
                {"error": "insufficient_scope"}, status=403, WWW_Authenticate=bearer("insufficient_scope")
            ),
        }
        return answers[self.behaviour]


class Plan:
    """The faults to come, a queue for each endpoint."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: dict[str, list[Fault]] = defaultdict(list)
        self._gates: list[Gate] = []

    def add(self, endpoint: str, fault: Fault) -> None:
        with self._lock:
            self._faults[endpoint].append(fault)
            self._gates.append(fault.gate)

    def take(self, endpoint: str) -> Fault | None:
        """The fault for this request, counted down."""
        with self._lock:
            queue = self._faults[endpoint]
            if not queue:
                return None
            fault = queue[0]
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    queue.pop(0)
            return fault

    def clear(self, endpoint: str = "") -> None:
        """Forget the faults of one endpoint, or all, and open their gates."""
        with self._lock:
            if endpoint:
                self._faults[endpoint].clear()
            else:
                self._faults.clear()
            for gate in self._gates:
                gate.open()


def _truncated(outgoing: Outgoing) -> Outgoing:
    return Outgoing(status=outgoing.status, headers=outgoing.headers, body=outgoing.body[: len(outgoing.body) // 2])


def _wrong_types(outgoing: Outgoing) -> Outgoing:
    document = json.loads(outgoing.body)
    document |= {"access_token": {"value": 7}, "token_type": ["Bearer"], "expires_in": "soon", "scope": 42}
    return json_answer(document, status=outgoing.status)
