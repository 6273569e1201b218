"""A person's activity: all of it and nothing else, filtered, by pages that stay right."""

import re
from datetime import UTC, datetime

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from integrations.models import Connection, Event
from integrations.web.activity import PAGE_SIZE
from tests.factories import make_connection, make_event, make_registration
from tests.fakes.misbehaviour import Behaviour
from tests.web.happenings import FILE, PAGE, happened, lines
from tests.web.person import Person, text_of


def shown(page: object) -> list[str]:
    """The kinds of the events on a page, in its order."""
    return re.findall(r'timeline-event" data-kind="(\w+)"', page.content.decode())  # type: ignore[attr-defined]


def address(page: object, rel: str) -> str:
    found = re.search(rf'rel="{rel}" href="([^"]+)"', page.content.decode())  # type: ignore[attr-defined]
    return found[1].replace("&amp;", "&") if found else ""


def test_what_happened_is_told_in_sentences_with_who_and_where(person: Person) -> None:
    connection = person.connect("notes.read")
    person.server.misbehave("token", Behaviour.ERROR, error="invalid_grant")
    person.come_back(person.begin(), account="bob")

    page = person.get(PAGE)

    text = text_of(page)
    assert shown(page) == ["connect_failed", "connected"]
    assert "Sandbox was connected." in text
    assert "Connecting Sandbox did not work. Why: Sandbox took the access back." in text
    assert "by you" in text
    assert "from 127.0.0.1" in text
    assert f'href="{person.page(connection)}"' in page.content.decode()


@pytest.mark.requirement(111)
def test_nobody_reads_what_is_anothers(person: Person, stranger: Person) -> None:
    connection = person.connect()
    make_event(connection=connection, kind=Event.Kind.RENAMED)

    for query in ("", f"?connection={connection.uuid}", "?before=999999", "?after=0"):
        assert shown(stranger.get(PAGE + query)) == []
        assert lines(stranger.get(FILE + query)) == []
    assert Client().get(PAGE).headers["Location"] == f"/accounts/login/?next={PAGE}"
    assert Client().get(FILE).status_code == 302


@pytest.mark.requirement(135)
def test_a_connection_of_somebody_else_is_filtered_by_as_one_that_is_not_there(
    person: Person, stranger: Person
) -> None:
    theirs, nobodys = str(stranger.connect().uuid), "00000000-0000-4000-8000-000000000000"

    pages = [person.get(f"{PAGE}?connection={uuid}") for uuid in (theirs, nobodys)]

    assert text_of(pages[0]) == text_of(pages[1])
    assert theirs not in pages[0].content.decode()


def test_of_a_connection_that_is_gone_the_events_stay(person: Person) -> None:
    make_event(connection=make_connection(owner=person.user))
    Connection.objects.all().delete()

    page = person.get(PAGE)

    assert shown(page) == ["connected"]
    assert "timeline-line" in page.content.decode()
    assert "/connections/0" not in page.content.decode()


def test_pages_stay_right_while_more_happens(person: Person) -> None:
    connection = person.connect()
    happened(person, connection, 2 * PAGE_SIZE, Event.Kind.USED)
    first = person.get(PAGE)
    happened(person, connection, 3)

    second = person.get(address(first, "next"))
    third = person.get(address(second, "next"))
    back = person.get(address(second, "prev"))

    assert [len(shown(page)) for page in (first, second, third)] == [PAGE_SIZE, PAGE_SIZE, 1]
    assert shown(third) == ["connected"]
    assert address(first, "prev") == address(third, "next") == ""
    assert shown(back) == shown(first) == ["used"] * PAGE_SIZE
    assert shown(person.get(address(back, "prev"))) == [*["refreshed"] * 3, *["used"] * (PAGE_SIZE - 3)]


def test_going_back_shows_the_page_right_before(person: Person) -> None:
    connection = person.connect()
    happened(person, connection, 3 * PAGE_SIZE)
    first = person.get(PAGE)
    third = person.get(address(person.get(address(first, "next")), "next"))

    second = person.get(address(third, "prev"))

    assert address(second, "next") == address(person.get(address(first, "next")), "next")
    assert len(shown(person.get(address(second, "prev")))) == PAGE_SIZE


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("kind=connecting", ["disconnected", "connected"]),
        ("kind=use", ["used"]),
        ("kind=renewal", ["refreshed"]),
        ("kind=trouble", ["refresh_failed"]),
        ("kind=changes", ["renamed"]),
        ("kind=use&since=2031-03-05", []),
        ("kind=use&since=2031-03-04&until=2031-03-04", ["used"]),
        ("kind=use&until=2031-03-03", []),
    ],
)
def test_events_are_found_by_kind_and_time(person: Person, query: str, kinds: list[str]) -> None:
    connection = make_connection(owner=person.user)
    for kind in ("connected", "renamed", "refreshed", "refresh_failed", "used", "disconnected"):
        make_event(connection=connection, kind=Event.Kind(kind))
    Event.objects.update(created_at=datetime(2031, 3, 4, 23, 59, 59, tzinfo=UTC))

    page = person.get(f"{PAGE}?{query}")

    assert shown(page) == kinds
    assert [row["Kind"] for row in lines(person.get(f"{FILE}?{query}"))] == kinds


def test_events_are_found_by_connection(person: Person) -> None:
    one, other = (make_connection(owner=person.user, name=name) for name in ("One", "Other"))
    make_event(connection=one, kind=Event.Kind.USED)
    make_event(connection=other)

    page = person.get(f"{PAGE}?connection={one.uuid}")

    assert shown(page) == ["used"]
    assert f'value="{one.uuid}" selected' in page.content.decode()


@pytest.mark.requirement(111)
@pytest.mark.parametrize(
    "query",
    [
        "kind=nonsense",
        "connection=nonsense",
        "connection=00000000-0000-0000-0000-000000000000",
        "since=31.12.2030",
        "until=9999-99-99",
        "since=0000-01-01",
    ],
)
def test_what_cannot_be_read_is_told_and_left_out(person: Person, query: str) -> None:
    make_event(connection=make_connection(owner=person.user))

    page = person.get(f"{PAGE}?{query}")

    assert page.status_code == 200
    assert "cannot be read and is left out" in text_of(page)
    assert shown(page) == ["connected"]
    assert len(lines(person.get(f"{FILE}?{query}"))) == 1


@pytest.mark.parametrize(
    "query",
    [
        "before=x",
        "before=-1",
        "before=99999999999999999999999999",
        f"before={'9' * 5000}",
        "after=٣",
        "before=1",
        "until=9999-12-31&since=0001-01-01",
        "before=1&after=1",
        "kind=use&kind=changes",
        "kind[]=use",
    ],
)
def test_no_address_breaks_the_page(person: Person, query: str) -> None:
    make_event(connection=make_connection(owner=person.user), kind=Event.Kind.RENAMED)

    assert shown(person.get(f"{PAGE}?{query}")) == ["renamed"]
    assert len(lines(person.get(f"{FILE}?{query}"))) == 1


def test_nothing_and_nothing_found_are_two_things(person: Person) -> None:
    assert "Nothing has happened yet" in text_of(person.get(PAGE))
    assert "Nothing like that happened" in text_of(person.get(f"{PAGE}?kind=use"))


def test_however_much_happened_the_page_takes_the_same_number_of_queries(person: Person) -> None:
    counts = []
    for _ in range(2):
        for _ in range(3):
            happened(person, make_connection(owner=person.user, registration=make_registration()), 30)
        with CaptureQueriesContext(database) as queries:
            person.get(PAGE)
        counts.append(len(queries))

    assert counts == [4, 4]


@pytest.mark.requirement(47, 132)
def test_hostile_names_are_text(person: Person) -> None:
    connection = make_connection(owner=person.user, account_label="<script>\u202ealert</script>")
    make_event(connection=connection, actor="<img src=x>\x07")
    make_event(connection=connection, kind=Event.Kind.SCOPE_UNEXPECTED, details={"scope": ["<script>alert", "\u202ex"]})
    make_event(connection=connection, kind=Event.Kind.CONNECT_FAILED, details={"code": "<script>alert"})

    for path in (PAGE, f"{PAGE}?kind=use"):
        page = person.get(path).content.decode()
        assert "<script>\u202e" not in page
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "\u202e" not in page
