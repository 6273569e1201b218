"""Commands that finish what is under way when they are told to stop."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType
from typing import Any


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Whether SIGINT or SIGTERM came since; a second one does what it always does."""
    asked: list[int] = []
    before: dict[int, Any] = {}

    def note(signal_number: int, frame: FrameType | None) -> None:
        asked.append(signal_number)
        signal.signal(signal_number, before[signal_number])

    for wish in (signal.SIGINT, signal.SIGTERM):
        before[wish] = signal.signal(wish, note)
    try:
        yield lambda: bool(asked)
    finally:
        for wish_number, handler in before.items():
            signal.signal(wish_number, handler)


def over(stop: Callable[[], bool], *, after: timedelta) -> Callable[[], bool]:
    """Whether to stop, or the time is over that begins now."""
    ends_at = time.monotonic() + after.total_seconds()
    return lambda: stop() or time.monotonic() >= ends_at
