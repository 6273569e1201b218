"""Activity as a file: the same filter, nothing a spreadsheet would run, made a few rows at a time."""

import re
from datetime import datetime, timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from integrations.flows.event_export import harmless
from integrations.models import Connection
from tests.factories import make_connection, make_event
from tests.web.happenings import FILE, PAGE, happened, lines
from tests.web.person import Person


@pytest.mark.requirement(98)
def test_the_file_is_a_download_that_no_cache_keeps(person: Person) -> None:
    connection = person.connect()
    Connection.objects.update(name="Work, mine")

    response = person.get(FILE)
    (row,) = lines(response)

    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(
        r'attachment; filename="activity-\d{4}-\d\d-\d\d\.csv"', response.headers["Content-Disposition"]
    )
    assert "no-store" in response.headers["Cache-Control"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert datetime.fromisoformat(row.pop("Time (UTC)")).utcoffset() == timedelta()
    assert row == {
        "Kind": "connected",
        "What happened": "Sandbox was connected.",
        "Who": "you",
        "Service": "Sandbox",
        "Account": "Work, mine",
        "Connection": str(connection.uuid),
        "Address": "127.0.0.1",
    }


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "  =1", "＝1"])
def test_no_cell_is_a_formula(person: Person, name: str) -> None:
    make_event(connection=make_connection(owner=person.user, name=name), actor=name)

    (row,) = lines(person.get(FILE))

    assert row["Account"] == row["Who"] == f"'{name.strip()}"


@pytest.mark.parametrize("cell", ["\t=1", "\r1", "\n1", "=", "@"])
def test_what_hides_a_formula_is_disarmed_too(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"
    assert harmless("a=1") == "a=1"


@pytest.mark.parametrize(
    ("cell", "disarmed"),
    [
        ("Work;=cmd|'/C calc'!A0;", "Work;'=cmd|'/C calc'!A0;"),
        ("a; @SUM(A1);+1", "a;' @SUM(A1);'+1"),
        ("a,-1", "a,'-1"),
        ("a;＝1", "a;'＝1"),
        ('a;"=1', "a;'\"=1"),
        ("a; b, c", "a; b, c"),
    ],
)
def test_where_a_spreadsheet_cuts_at_another_sign_there_is_no_formula_either(cell: str, disarmed: str) -> None:
    # German Excel opens a CSV file at semicolons, whatever is quoted.
    assert harmless(cell) == disarmed


def test_the_file_is_made_in_chunks(person: Person) -> None:
    happened(person, make_connection(owner=person.user), 2500)

    with CaptureQueriesContext(database) as queries:
        rows = lines(person.get(FILE))

    selects = [query["sql"] for query in queries if 'FROM "integrations_event"' in query["sql"]]
    assert len(rows) == 2500
    assert len(selects) == 3
    assert all("LIMIT 1000" in sql for sql in selects)


def test_the_page_leads_to_the_file_with_the_same_filter(person: Person) -> None:
    make_event(connection=make_connection(owner=person.user))

    page = person.get(f"{PAGE}?kind=connecting&since=2020-01-01")

    assert f'href="{reverse("integrations:activity_export")}?kind=connecting&amp;since=2020-01-01"' in (
        page.content.decode()
    )
