"""The events: narrowed by date and kind, a page at a time whatever there is, and taken along as files."""

import csv
import io
import json
from datetime import UTC, datetime

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from integrations.admin.event_dates import Chosen
from integrations.admin.filters import CappedPaginator
from integrations.models import Event
from tests.admin.posting import Page
from tests.factories import make_connection, make_event

pytestmark = pytest.mark.django_db
LIST = "/admin/integrations/event/"
EXPORT = LIST + "export/"
HUGE = "9" * 30


def at(*moments: tuple[int, int, int, int]) -> list[Event]:
    """An event at each of these, in their order; ids follow time."""
    connection = make_connection()
    rows = []
    for moment in moments:
        row = make_event(connection=connection, actor="-".join(map(str, moment)))
        Event.objects.filter(pk=row.pk).update(created_at=datetime(*moment, tzinfo=UTC))
        rows.append(row)
    return rows


def shown(page: Page) -> list[str]:
    return [row.actor for row in page.context["cl"].result_list]


def text_of(answer: Page) -> str:
    return b"".join(answer.streaming_content).decode()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["2027-1-1-0", "2026-12-31-23", "2026-12-1-0", "2026-3-5-12"]),
        ("created_at__year=2026", ["2026-12-31-23", "2026-12-1-0", "2026-3-5-12"]),
        ("created_at__year=2026&created_at__month=12", ["2026-12-31-23", "2026-12-1-0"]),
        ("created_at__year=2026&created_at__month=12&created_at__day=31", ["2026-12-31-23"]),
        ("created_at__year=2020", []),
    ],
)
def test_events_are_narrowed_by_date(operator: Client, query: str, expected: list[str]) -> None:
    at((2026, 3, 5, 12), (2026, 12, 1, 0), (2026, 12, 31, 23), (2027, 1, 1, 0))

    page = operator.get(f"{LIST}?{query}")

    assert shown(page) == expected


def test_the_dates_that_are_offered_lead_somewhere_and_keep_the_other_filters(operator: Client) -> None:
    at((2026, 11, 29, 12), (2026, 12, 31, 23), (2027, 1, 1, 0))
    waiting, seen = [f"{LIST}?kind__exact=connected"], set()

    while waiting:
        address = waiting.pop()
        seen.add(address)
        page = operator.get(address)
        assert page.status_code == 200
        assert "kind__exact=connected" in address
        links = [choice["address"] for choice in page.context["dates"]]
        waiting += [link for link in links if link and link not in seen and link not in waiting]

    assert len(seen) > 20
    assert any("created_at__day=31" in address for address in seen)


@pytest.mark.parametrize(
    "query",
    [
        f"created_at__year={HUGE}",
        "created_at__year=9999",
        "created_at__year=0",
        "created_at__year=x",
        "created_at__year=2026&created_at__month=13",
        "created_at__month=3",
        "created_at__year=2026&created_at__day=3",
        f"created_at__year=2026&created_at__month=2&created_at__day={HUGE}",
    ],
)
def test_what_is_no_date_is_the_askers_mistake(operator: Client, query: str) -> None:
    make_event()

    assert operator.get(f"{LIST}?{query}", follow=True).status_code == 200
    assert operator.post(f"{EXPORT}?{query}", {"format": "csv"}).status_code == 302


def test_a_page_takes_as_many_queries_and_counts_no_further_than_it_must(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CappedPaginator, "counted_at_most", 5)
    counts = []
    for _ in range(2):
        for _ in range(8):
            make_event()
        with CaptureQueriesContext(database) as queries:
            page = operator.get(LIST)
        counts.append(len(queries))

    assert counts[0] == counts[1]
    assert "More than 5 events" in " ".join(page.content.decode().split())
    assert not [q for q in queries.captured_queries if "COUNT(*)" in q["sql"] and "LIMIT" not in q["sql"]]


def test_ids_of_a_day_are_found_among_many_with_few_queries() -> None:
    rows = at(*((2026, 1 + number // 28, 1 + number % 28, 12) for number in range(100)))

    with CaptureQueriesContext(database) as queries:
        first = Event.objects.first_pk_since(datetime(2026, 2, 1, tzinfo=UTC))

    assert first == rows[28].pk
    assert len(queries) < 12
    assert Event.objects.first_pk_since(datetime(2020, 1, 1, tzinfo=UTC)) <= rows[0].pk
    assert Event.objects.first_pk_since(datetime(2030, 1, 1, tzinfo=UTC)) > rows[-1].pk


def test_a_year_has_an_end_in_every_calendar() -> None:
    assert Chosen(year=2024, month=2).span() == (datetime(2024, 2, 1, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC))


# -- export


@pytest.mark.requirement(98, 156)
def test_what_the_list_shows_is_taken_along_and_that_is_an_event(operator: Client) -> None:
    connection = make_connection()
    make_event(connection=connection, actor="ann", details={"code": "timeout"})
    make_event(kind=Event.Kind.RENAMED)

    answer = operator.post(f"{EXPORT}?kind__exact=connected&q=ann", {"format": "jsonl"})

    (line,) = map(json.loads, text_of(answer).splitlines())
    assert (line["kind"], line["actor"], line["details"]) == ("connected", "ann", {"code": "timeout"})
    assert line["connection"] == str(connection.uuid)
    assert line["owner"] == connection.owner.username  # type: ignore[union-attr]
    assert answer.headers["Content-Disposition"] == 'attachment; filename="events.jsonl"'
    assert "no-store" in answer.headers["Cache-Control"]
    told = Event.objects.get(kind=Event.Kind.ADMIN_ACTION)
    assert told.actor == "operator"
    assert told.details == {
        "action": "events_exported",
        "format": "jsonl",
        "filters": {"kind__exact": "connected", "q": True},
    }


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@x", "\t=1", "a;=1", "＝1"])
def test_a_cell_that_a_spreadsheet_would_run_is_text(operator: Client, formula: str) -> None:
    make_event(actor=formula)

    text = text_of(operator.post(EXPORT, {"format": "csv"}))

    header, _, row = csv.reader(io.StringIO(text))
    assert header[:4] == ["id", "at", "kind", "actor"]
    assert row[3].startswith("'") or ";'" in row[3]


def test_a_file_of_many_is_made_a_few_at_a_time(operator: Client) -> None:
    connection = make_connection()
    Event.objects.bulk_create(Event(kind=Event.Kind.CONNECTED, connection=connection) for _ in range(2500))

    with CaptureQueriesContext(database) as queries:
        lines = text_of(operator.post(EXPORT, {"format": "csv"})).splitlines()

    assert len(lines) == 2502
    assert len([q for q in queries.captured_queries if 'FROM "integrations_event"' in q["sql"]]) < 10


@pytest.mark.parametrize("form", [{}, {"format": "xml"}])
def test_an_unknown_format_is_refused(operator: Client, form: dict[str, str]) -> None:
    assert operator.post(EXPORT, form).status_code == 400
    assert operator.get(EXPORT).status_code == 405


@pytest.mark.requirement(100)
def test_an_export_wants_a_csrf_token(operator: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = operator.cookies

    assert strict.post(EXPORT, {"format": "csv"}).status_code == 403
    assert not Event.objects.exists()
