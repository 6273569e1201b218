"""Which connections an operator means."""

from datetime import timedelta

import pytest

from integrations.flows.selection import Attention, Idle, Selection
from integrations.models import Connection
from tests.clock import Clock
from tests.factories import make_connection

Status = Connection.Status


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"status": "needs_reauthorization"}, {"asleep"}),
        ({"attention": Attention.NEEDS_OWNER}, {"asleep"}),
        ({"attention": Attention.FAILING}, {"failing"}),
        ({"attention": Attention.OVERDUE}, {"overdue"}),
        ({"attention": "nonsense"}, set()),
        ({"error": "rate_limited"}, {"failing"}),
        ({"unused": Idle.NEVER}, {"asleep", "failing", "overdue"}),
        ({"unused": Idle.MONTH}, {"asleep", "idle"}),
        ({"unrenewed": Idle.WEEK}, {"asleep"}),
        ({"unused": "nonsense"}, set()),
        ({"text": "idle"}, {"idle"}),
        ({"text": "idle nothing"}, set()),
        ({}, {"asleep", "failing", "overdue", "idle"}),
    ],
)
def test_a_selection_means_what_it_says(clock: Clock, asked: dict[str, str], found: set[str]) -> None:
    lately = clock() - timedelta(days=1)
    old = clock() - timedelta(days=40)
    make_connection(
        now=clock(), account_label="asleep", status=Status.NEEDS_REAUTHORIZATION, created_at=old, last_refreshed_at=old
    )
    make_connection(
        now=clock(),
        account_label="failing",
        failure_count=2,
        last_error_code="rate_limited",
        created_at=lately,
        last_refreshed_at=lately,
    )
    make_connection(now=clock(), account_label="overdue", due_in=-3600, created_at=lately)
    make_connection(now=clock(), account_label="idle", last_used_at=old, created_at=old, last_refreshed_at=lately)

    rows = Selection(**asked).rows(now=clock())  # type: ignore[arg-type]

    assert {row.account_label for row in rows} == found
    assert Selection.of(Selection(**asked).stored()) == Selection(**asked)  # type: ignore[arg-type]
