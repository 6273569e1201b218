"""Thirty days of use: bars, words, and who it was."""

from datetime import UTC, date, datetime, timedelta

import pytest

from integrations.flows.bars import HEIGHT
from integrations.web.use_history import DAYS, chart, in_words, use_history, will_fail
from tests.factories import make_connection, make_use

TODAY = date(2031, 3, 5)
NOW = datetime(2031, 3, 5, 12, tzinfo=UTC)


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({}, "Not used in the last 30 days."),
        ({TODAY: 1}, "Used once in the last 30 days, on 5 March."),
        ({TODAY: 7}, "Used 7 times in the last 30 days, all on 5 March."),
        ({TODAY: 12, ago(2): 400}, "Used 412 times in the last 30 days, most on 3 March."),
        ({TODAY: 1200, ago(2): 34}, "Used 1,234 times in the last 30 days, most on 5 March."),
        ({TODAY: 5, ago(2): 5}, "Used 10 times in the last 30 days, most on 5 March."),
    ],
)
def test_what_the_chart_says_in_words(counts: dict[date, int], words: str) -> None:
    assert in_words(counts) == words


def test_bars_are_as_high_as_their_counts_and_always_to_be_seen() -> None:
    bars = chart({TODAY: 1, ago(1): 1000, ago(DAYS - 1): 500}, today=TODAY)

    assert len(bars) == DAYS
    assert [bars[0].height, bars[-2].height, bars[1].height] == [HEIGHT // 2, HEIGHT, 0]
    assert 0 < bars[-1].height < 10
    assert all(bar.y + bar.height == HEIGHT for bar in bars)
    assert [bar.at for bar in bars] == sorted(bar.at for bar in bars)


@pytest.mark.django_db
def test_who_did_most_comes_first_and_older_uses_do_not_count() -> None:
    connection = make_connection()
    make_use(connection=connection, actor="robin", count=3, now=NOW)
    make_use(connection=connection, actor="import", count=2, now=NOW - timedelta(days=1))
    make_use(connection=connection, actor="import", count=4, now=NOW - timedelta(days=29))
    make_use(connection=connection, actor="import", count=100, now=NOW - timedelta(days=30))
    make_use(actor="elsewhere", count=9, now=NOW)

    use = use_history(connection, owner="robin", today=TODAY)

    assert [(actor.name, actor.count, actor.is_you) for actor in use.actors] == [
        ("import", 6, False),
        ("robin", 3, True),
    ]
    assert use.summary == "Used 9 times in the last 30 days, most on 4 February."
    assert use.actors[0].last_used_at == NOW - timedelta(days=1)


@pytest.mark.django_db
def test_of_many_actors_the_first_ten_are_listed() -> None:
    connection = make_connection()
    for number in range(12):
        make_use(connection=connection, actor=f"program {number}", now=NOW)

    use = use_history(connection, owner="robin", today=TODAY)

    assert len(use.actors) == 10
    assert use.has_more_actors


@pytest.mark.django_db
def test_programs_that_will_fail_are_named() -> None:
    connection = make_connection()
    for days, actor in enumerate(("today", "import", "robin", "")):
        make_use(connection=connection, actor=actor, now=NOW - timedelta(days=days), count=10 - days)

    assert will_fail(connection, owner="robin", today=TODAY) == (
        "today used it today and will fail.",
        "import used it yesterday and will fail.",
        "A program that gave no name used it 3 days ago and will fail.",
    )
