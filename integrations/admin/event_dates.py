"""Years, months and days to narrow the events by; offered from the first event to the last, without reading between."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.utils.formats import date_format

YEAR, MONTH, DAY = (f"created_at__{part}" for part in ("year", "month", "day"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """A link: `changes` are the parameters it sets, beside which no other date stays; none: the present choice."""

    title: str
    changes: Mapping[str, object] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """What the address narrows to: nothing, a year, a month or a day."""

    year: int | None = None
    month: int | None = None
    day: int | None = None

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Chosen":
        """Raises ValueError for what is no date."""
        parts = (int(query[name]) if name in query else None for name in (YEAR, MONTH, DAY))
        chosen = cls(**dict(zip(("year", "month", "day"), parts, strict=True)))
        chosen.span()
        return chosen

    def span(self) -> tuple[datetime, datetime] | None:
        """From when until before when; None for all time. Raises ValueError for what is no date."""
        if self.year is None:
            if self.month is not None or self.day is not None:
                raise ValueError("a month or a day is of a year")
            return None
        if self.month is None and self.day is not None:
            raise ValueError("a day is of a month")
        start = datetime(self.year, self.month or 1, self.day or 1, tzinfo=UTC)
        if self.day is not None:
            return start, start + timedelta(days=1)
        if self.month is not None:
            return start, (start + timedelta(days=32)).replace(day=1)
        return start, start.replace(year=self.year + 1)


def choices(chosen: Chosen, *, first: datetime | None, last: datetime | None) -> list[Choice]:
    """The way back, and what lies within the choice."""
    if first is None or last is None:
        return []
    begin, end = first.date(), last.date()
    if chosen.year is None:
        return [Choice(title=str(year), changes={YEAR: year}) for year in range(begin.year, end.year + 1)]
    if chosen.month is None:
        months = [date(chosen.year, month, 1) for month in range(1, 13)]
        inside = [m for m in months if (begin.year, begin.month) <= (m.year, m.month) <= (end.year, end.month)]
        return [Choice(title="All dates", changes={}), *map(_month, inside)]
    if chosen.day is None:
        start = date(chosen.year, chosen.month, 1)
        days = [start + timedelta(days=number) for number in range(31)]
        inside = [day for day in days if day.month == start.month and begin <= day <= end]
        return [Choice(title=str(chosen.year), changes={YEAR: chosen.year}), *map(_day, inside)]
    day = date(chosen.year, chosen.month, chosen.day)
    return [_month(day), Choice(title=date_format(day, "MONTH_DAY_FORMAT"), changes=None)]


def _month(day: date) -> Choice:
    return Choice(title=date_format(day, "YEAR_MONTH_FORMAT"), changes={YEAR: day.year, MONTH: day.month})


def _day(day: date) -> Choice:
    changes = {YEAR: day.year, MONTH: day.month, DAY: day.day}
    return Choice(title=date_format(day, "MONTH_DAY_FORMAT"), changes=changes)
