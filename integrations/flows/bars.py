"""Numbers as people read them: with a separator of thousands, and as the bars of a chart."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from django.utils.formats import number_format

#: The chart's own units; a page may show it at any size.
BAR_STEP, BAR_WIDTH, HEIGHT, LOWEST = 20, 14, 100, 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One hour or day of a chart, which begins at `at`."""

    at: date
    label: str
    count: int
    x: int
    y: int
    height: int

    @property
    def times(self) -> str:
        return grouped(self.count)


def bars[Moment: date](counts: Iterable[tuple[Moment, int]], *, label: Callable[[Moment], str]) -> tuple[Bar, ...]:
    """A bar for each moment, as high as its count; one with any count has a bar that can be seen."""
    counted = list(counts)
    most = max((count for _, count in counted), default=0)
    made = []
    for number, (at, count) in enumerate(counted):
        height = max(round(HEIGHT * count / most), LOWEST) if count else 0
        made.append(Bar(at=at, label=label(at), count=count, x=number * BAR_STEP, y=HEIGHT - height, height=height))
    return tuple(made)


def grouped(count: int) -> str:
    """A number with the language's separator of thousands."""
    return number_format(count, force_grouping=True)
