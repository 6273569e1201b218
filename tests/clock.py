"""Time that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta


class Clock:
    """Call it to read it."""

    def __init__(self, now: datetime = datetime(2031, 3, 4, 12, 0, tzinfo=UTC)) -> None:
        self._now = now

    def __call__(self) -> datetime:
        return self._now

    def advance(self, **duration: float) -> datetime:
        """Move by a timedelta's arguments, back when negative; the new time."""
        self._now += timedelta(**duration)
        return self._now
