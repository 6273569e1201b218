"""Values of options: durations, numbers and moments, refused with a sentence."""

import re
from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def duration(text: str) -> timedelta:
    """`90s`, `10m`, `2h` or `1d`; a bare number is seconds."""
    found = re.fullmatch(r"(\d{1,6})([smhd]?)", text)
    if found is None:
        raise ArgumentTypeError(f"{text!r} is not a duration such as 90s, 10m, 2h or 1d")
    return timedelta(**{UNITS[found[2] or "s"]: int(found[1])})


def positive(text: str) -> int:
    """A number above 0."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)


def moment(text: str) -> datetime:
    """A date and time as ISO 8601 writes them; without a zone, in UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a moment such as 2026-01-31T04:07Z") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
