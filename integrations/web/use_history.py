"""How much a connection was used in the last thirty days, and by whom: a chart, a sentence, a list."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db.models import Max, Sum
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from integrations.flows.bars import BAR_STEP, BAR_WIDTH, HEIGHT, Bar, bars, grouped
from integrations.models import Connection
from integrations.web.event_words import actor_name

DAYS = 30
ACTORS_SHOWN = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class UsedBy:
    """Somebody who used it; no `name`: gave none."""

    name: str
    is_you: bool
    count: int
    last_used_at: datetime

    @property
    def times(self) -> str:
        return ngettext("%(count)s time", "%(count)s times", self.count) % {"count": grouped(self.count)}


@dataclass(frozen=True, kw_only=True, slots=True)
class UseHistory:
    """Thirty days up to today, in UTC. `bars` is empty when it was not used."""

    summary: str
    bars: tuple[Bar, ...]
    actors: tuple[UsedBy, ...]
    has_more_actors: bool
    width: int = BAR_STEP * DAYS
    height: int = HEIGHT
    bar_width: int = BAR_WIDTH


def use_history(connection: Connection, *, owner: str, today: date) -> UseHistory:
    """What the page of a connection shows of its use; two queries."""
    recent = connection.uses.since(today - timedelta(days=DAYS - 1)).order_by()
    counts = dict(recent.values_list("day").annotate(Sum("count")))
    return UseHistory(
        summary=in_words(counts),
        bars=chart(counts, today=today) if counts else (),
        actors=(actors := used_by(connection, owner=owner, today=today))[:ACTORS_SHOWN],
        has_more_actors=len(actors) > ACTORS_SHOWN,
    )


def used_by(connection: Connection, *, owner: str, today: date) -> tuple[UsedBy, ...]:
    """Who used it, who did most first; one more than is shown, if there are more."""
    recent = connection.uses.since(today - timedelta(days=DAYS - 1)).order_by()
    actors = recent.values_list("actor").annotate(total=Sum("count"), last=Max("last_used_at"))
    return tuple(
        UsedBy(
            name=actor_name(actor),
            is_you=bool(owner) and actor == owner,
            count=total,
            last_used_at=last,
        )
        for actor, total, last in actors.order_by("-total", "-last")[: ACTORS_SHOWN + 1]
    )


def will_fail(connection: Connection, *, owner: str, today: date) -> tuple[str, ...]:
    """Sentences about the programs that used it lately, and will miss it."""
    programs = [actor for actor in used_by(connection, owner=owner, today=today) if not actor.is_you]
    return tuple(_will_fail(program, today=today) for program in programs[:ACTORS_SHOWN])


def _will_fail(program: UsedBy, *, today: date) -> str:
    words = {"program": program.name or _("A program that gave no name")}
    days = (today - program.last_used_at.astimezone(UTC).date()).days
    if days <= 0:
        return _("%(program)s used it today and will fail.") % words
    if days == 1:
        return _("%(program)s used it yesterday and will fail.") % words
    return ngettext(
        "%(program)s used it %(count)d day ago and will fail.",
        "%(program)s used it %(count)d days ago and will fail.",
        days,
    ) % (words | {"count": days})


def chart(counts: Mapping[date, int], *, today: date) -> tuple[Bar, ...]:
    """A bar for each of the days up to today."""
    days = [today - timedelta(days=DAYS - 1 - number) for number in range(DAYS)]
    return bars([(day, counts.get(day, 0)) for day in days], label=_named)


def _named(day: date) -> str:
    return date_format(day, "MONTH_DAY_FORMAT")


def in_words(counts: Mapping[date, int]) -> str:
    """What the chart shows, in a sentence."""
    total = sum(counts.values())
    if not total:
        return _("Not used in the last 30 days.")
    best = max(counts, key=lambda day: (counts[day], day))
    words = {"count": grouped(total), "day": _named(best)}
    if len(counts) == 1:
        text = ngettext(
            "Used once in the last 30 days, on %(day)s.",
            "Used %(count)s times in the last 30 days, all on %(day)s.",
            total,
        )
    else:
        text = ngettext(
            "Used %(count)s time in the last 30 days, most on %(day)s.",
            "Used %(count)s times in the last 30 days, most on %(day)s.",
            total,
        )
    return text % words
