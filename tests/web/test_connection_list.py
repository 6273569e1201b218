"""The list of connections: what needs attention first, in words; found again among many."""

import re
from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from integrations.models import ClientRegistration, Connection
from tests.factories import make_registration
from tests.web.listing import held, in_days, many, once_only, titles
from tests.web.person import Person, text_of

Status = Connection.Status


def test_without_connections_the_first_step_is_shown(person: Person) -> None:
    page = person.get("/connections/")

    assert "Nothing is connected" in text_of(page)
    assert 'href="/connections/new/"' in page.content.decode()
    assert 'role="search"' not in page.content.decode()


@pytest.mark.parametrize(
    ("address", "queries"),
    [
        ("/connections/", 4),  # session, person, how many of which kind, one page of rows
        ("/connections/?status=active&provider=sandbox", 4),
        ("/connections/?q=account&status=active&provider=sandbox", 5),  # and what is searched
    ],
)
@pytest.mark.parametrize("count", [1, 25, 200])
def test_the_list_costs_the_same_whatever_is_in_it(
    person: Person, django_assert_num_queries: DjangoAssertNumQueries, count: int, address: str, queries: int
) -> None:
    many(person, count)
    held(person, "Gone", status=Status.REVOKED)

    with django_assert_num_queries(queries):
        page = person.get(address)

    assert len(titles(page)) == min(count, 25)


def test_what_needs_attention_comes_first(person: Person) -> None:
    off = make_registration(provider="github", slug="off", enabled=False)
    held(person, "off", registration=off, status=Status.NEEDS_REAUTHORIZATION)
    held(person, "never used")
    held(person, "used last week", last_used_at=in_days(-7))
    held(person, "used today", last_used_at=in_days(-0.1))
    held(person, "in trouble", failure_count=2, last_error_code="timeout")
    held(person, "ends in two hours", expires_in=7300, **once_only())
    held(person, "ends in six days", refresh_expires_at=in_days(6))
    held(person, "withdrawn", status=Status.NEEDS_REAUTHORIZATION, last_error_code="invalid_grant")
    held(person, "disconnected", status=Status.REVOKED)

    assert titles(person.get("/connections/")) == [
        "withdrawn",
        "ends in two hours",
        "ends in six days",
        "in trouble",
        "used today",
        "used last week",
        "never used",
        "off",
    ]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Active"),
        ({"expires_in": 60}, "Active"),
        ({"refresh_expires_at": in_days(8)}, "Active"),
        ({"refresh_expires_at": in_days(3)}, "Expires in 3 days unless reconnected"),
        ({"refresh_expires_at": in_days(1)}, "Expires in 1 day unless reconnected"),
        ({"expires_in": 7300, **once_only()}, "Expires in 2 hours unless reconnected"),
        ({"expires_in": 150, **once_only()}, "Expires in 2 minutes unless reconnected"),
        ({"expires_in": None, **once_only()}, "Active"),
        ({"expires_in": -60, **once_only()}, "Needs you: the access has expired"),
        ({"refresh_expires_at": in_days(-1)}, "Needs you: the access has expired"),
        (
            {"status": Status.NEEDS_REAUTHORIZATION, "last_error_code": "invalid_grant"},
            "Needs you: access was withdrawn at Sandbox",
        ),
        (
            {"status": Status.NEEDS_REAUTHORIZATION, "last_error_code": "no_refresh_token"},
            "Needs you: the access has expired",
        ),
        (
            {"status": Status.NEEDS_REAUTHORIZATION, "last_error_code": "rotation_uncertain"},
            "Needs you: renewing the access was interrupted",
        ),
        (
            {"status": Status.NEEDS_REAUTHORIZATION, "last_error_code": "value_forged"},
            "Needs you: the stored access can no longer be read",
        ),
        (
            {"status": Status.NEEDS_REAUTHORIZATION, "last_error_code": "<b>news</b>"},
            "Needs you: Sandbox no longer accepts the access",
        ),
        (
            {"failure_count": 1, "last_error_code": "timeout"},
            "Having trouble: Sandbox does not answer; we keep trying",
        ),
        (
            {"failure_count": 1, "last_error_code": "rate_limited"},
            "Having trouble: Sandbox is busy; we keep trying",
        ),
    ],
)
def test_the_status_is_said_in_words(person: Person, fields: dict[str, object], words: str) -> None:
    held(person, "Work", **fields)

    body = person.get("/connections/").content.decode()

    assert re.findall(r'class="standing" data-standing="\w+">([^<]*)<', body) == [words]


def test_a_broken_registration_is_an_operators_trouble(person: Person) -> None:
    held(person, "Work", failure_count=1, last_error_code="invalid_client")
    ClientRegistration.objects.update(last_error_code="invalid_client")

    assert "Sandbox does not accept this hub; an operator must act" in text_of(person.get("/connections/"))


def test_a_switched_off_provider_asks_nothing_of_anybody(person: Person) -> None:
    held(person, "Work", status=Status.NEEDS_REAUTHORIZATION)
    ClientRegistration.objects.update(enabled=False)

    page = person.get("/connections/")

    assert "Switched off by an operator" in text_of(page)
    assert "<title>Your connections" in page.content.decode()
    assert "Reconnect" not in text_of(page)


def test_a_provider_that_left_the_catalogue_is_not_available(person: Person) -> None:
    held(person, "Work", registration=make_registration(provider="gone", slug="gone"))

    assert "Not available: this hub does not know gone any more" in text_of(person.get("/connections/"))


def test_the_summary_and_the_title_count_what_needs_the_person(person: Person) -> None:
    many(person, 10)
    held(person, "a", status=Status.NEEDS_REAUTHORIZATION)
    held(person, "b", expires_in=-1, **once_only())
    held(person, "c", status=Status.REVOKED)

    page = person.get("/connections/")

    assert "12 connections, 2 need you" in text_of(page)
    assert "<title>(2) Your connections · Integration Hub</title>" in page.content.decode()


def test_a_row_tells_the_account_what_is_on_and_when_it_was_used(person: Person) -> None:
    held(
        person,
        "Work",
        account_label="robin@example.test",
        scope="profile notes:read",
        last_used_at=-timedelta(hours=2, minutes=5),
    )

    page = person.get("/connections/")

    assert "Sandbox · robin@example.test" in text_of(page)
    assert "Read your notes" in text_of(page)
    assert "Write notes" not in text_of(page)
    assert "Used 2 hours ago" in text_of(page)
    assert re.search(r'<time datetime="[^"]+" title="\d+ \w+ \d{4}, \d\d:\d\d UTC"', page.content.decode())


def test_reconnecting_starts_from_the_row_and_comes_back_to_the_list(person: Person) -> None:
    connection = person.connect("notes.read")
    Connection.objects.update(status=Status.NEEDS_REAUTHORIZATION, refresh_due_at=None)
    body = person.get("/connections/?status=needs_you").content.decode()
    assert f'formaction="{person.page(connection, "reconnect")}"' in body
    back = re.findall(r'name="next" value="([^"]*)"', body)[0]

    left = person.post(person.page(connection, "reconnect"), next=back)
    returned = person.come_back(left.headers["Refresh"].partition("url=")[2])

    assert returned.headers["Location"] == "/connections/?status=needs_you"
    connection.refresh_from_db()
    assert connection.status == Status.ACTIVE


def test_disconnected_ones_have_a_quiet_place_of_their_own(person: Person) -> None:
    held(person, "Old", status=Status.REVOKED)
    held(person, "Older", status=Status.REVOKING)

    first = person.get("/connections/")
    ended = person.get("/connections/?status=disconnected")

    assert titles(first) == []
    assert "Nothing is connected" in text_of(first)
    assert "2 disconnected connections" in text_of(first)
    assert titles(ended) == ["Older", "Old"]
    assert "the hub keeps trying to tell Sandbox" in text_of(ended)
    assert 'href="/connections/new/sandbox/"' in ended.content.decode()


def test_htmx_is_given_the_list_alone(person: Person) -> None:
    held(person, "Work", status=Status.NEEDS_REAUTHORIZATION)

    whole = person.get("/connections/")
    part = person.get("/connections/?q=work", **{"HX-Request": "true"})

    assert titles(part) == ["Work"]
    assert part.content.decode().lstrip().startswith("<title>(1) Your connections")
    assert "<html" not in part.content.decode() and "<h1" not in part.content.decode()
    assert 'data-hx-get="/connections/?q=work"' in part.content.decode()
    assert "HX-Request" in whole.headers["Vary"] and "HX-Request" in part.headers["Vary"]


def test_signed_out_htmx_is_sent_to_sign_in(person: Person) -> None:
    person.client.logout()

    response = person.get("/connections/", **{"HX-Request": "true"})

    assert response.status_code == 302
    assert response.headers["Location"].startswith("/accounts/login/")
