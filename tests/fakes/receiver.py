"""An application that receives webhooks: real HTTP on loopback, which keeps what came and answers as it is told."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from tests.fakes.wire import Incoming, Listener, Outgoing

OK = Outgoing(status=204)


class Receiver:
    """Answers 204 unless `answers` holds something else for the next ones; None hangs up."""

    def __init__(self) -> None:
        self.received: list[Incoming] = []
        self.answers: deque[Outgoing | None] = deque()
        self.at_once_at_most = 0
        #: Cleared, requests are kept waiting.
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.was_called = threading.Event()
        self._now = 0
        self._lock = threading.Lock()
        self.listener = Listener(self._answer)

    @property
    def url(self) -> str:
        return f"{self.listener.origin}/hook"

    @property
    def ids(self) -> list[str]:
        return [request.headers["webhook-id"] for request in self.received]

    def answer(self, status: int, *, times: int = 1, **headers: str) -> None:
        """Answer so; `Retry_After=` names the header Retry-After."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.extend([Outgoing(status=status, headers=named)] * times)

    def _answer(self, request: Incoming) -> Outgoing | None:
        with self._lock:
            self.received.append(request)
            self._now += 1
            self.at_once_at_most = max(self.at_once_at_most, self._now)
            answer = self.answers.popleft() if self.answers else OK
        self.was_called.set()
        self.may_answer.wait(30)
        with self._lock:
            self._now -= 1
        return answer


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    receiver.listener.open()
    try:
        yield receiver
    finally:
        receiver.may_answer.set()
        receiver.listener.close()
