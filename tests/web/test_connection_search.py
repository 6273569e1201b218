"""Connections are found again among many: by words, status, provider, page by page."""

from urllib.parse import urlencode

import pytest

from integrations.models import Connection
from tests.factories import make_registration
from tests.web.listing import held, many, titles
from tests.web.person import Person, text_of
from tests.web.test_hostile_text import CONTROLS, VECTORS, assert_harmless

Status = Connection.Status


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=work", ["Work"]),
        ("q=ROBIN", ["Home", "Work"]),
        ("q=robin+sand", ["Home", "Work"]),
        ("q=github", ["Code"]),
        ("q=robin+github", []),
        ("q=sub-4711", ["Home"]),
        ("q=%25", []),
        ("q=%01", ["Code", "Home", "Work"]),
        ("status=active&provider=sandbox", ["Home", "Work"]),
        ("status=needs_you", ["Code"]),
        ("status=trouble", []),
        ("status=disconnected", ["Old"]),
        ("q=old", []),
        ("status=' OR 1=1&provider=nowhere&page=-7", ["Code", "Home", "Work"]),
        (f"page={'9' * 5000}", ["Code", "Home", "Work"]),
        ("page=2", ["Code", "Home", "Work"]),
    ],
)
def test_search_and_filters(person: Person, query: str, found: list[str]) -> None:
    code = make_registration(provider="github", slug="github")
    held(person, "Code", registration=code, status=Status.NEEDS_REAUTHORIZATION, account_label="octo")
    held(person, "Work", account_label="Robin at work")
    held(person, "Home", account_label="", subject="robin-sub-4711")
    held(person, "Old", status=Status.REVOKED)

    page = person.get(f"/connections/?{query}")

    assert page.status_code == 200
    assert sorted(titles(page)) == found
    assert ("No connection matches" in text_of(page)) is not bool(found)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Müller", "MÜLLER"),
        ("MÜLLER", "müller"),
        ("Müller", "muller"),
        ("Mu\u0308ller", "m\u00fcller"),
        ("Straße 5", "STRASSE 5"),
        ("ΟΔΥΣΣΕΥΣ", "οδυσσεύς"),
        ("İstanbul", "istanbul"),
        ("Żółć", "zo\u0301łc"),
        ("ШКОЛА", "школа"),
        ("حساب العمل", "العمل"),
        ("100%", "0%"),
        ("a_b\\c", "_b\\"),
    ],
)
def test_words_are_found_whatever_the_case_and_the_accents(person: Person, name: str, words: str) -> None:
    held(person, name)
    held(person, "Another account")

    assert titles(person.get(f"/connections/?{urlencode({'q': words})}")) == [name]


@pytest.mark.requirement(111)
def test_a_search_finds_nobody_elses(person: Person, stranger: Person) -> None:
    held(stranger, "Secret plans")

    for query in ("", "?q=secret", "?status=active", "?provider=sandbox", "?page=2"):
        assert "Secret plans" not in person.get(f"/connections/{query}").content.decode()


def test_pages_hold_25_and_keep_the_search(person: Person) -> None:
    many(person, 60)

    first = person.get("/connections/?q=account")
    last = person.get("/connections/?q=account&page=3")

    assert [len(titles(first)), len(titles(last))] == [25, 10]
    assert "Page 1 of 3" in text_of(first)
    assert 'rel="next" href="/connections/?q=account&amp;page=2"' in first.content.decode()
    assert 'rel="prev" href="/connections/?q=account&amp;page=2"' in last.content.decode()
    assert 'rel="next"' not in last.content.decode()
    seen = titles(first) + titles(person.get("/connections/?q=account&page=2")) + titles(last)
    assert len(set(seen)) == 60


@pytest.mark.requirement(47)
@pytest.mark.parametrize("vector", [*VECTORS, CONTROLS.replace("\x00", "")])
@pytest.mark.parametrize("path", ["/connections/", "/connections/new/"])
@pytest.mark.parametrize("parameter", ["q", "status", "provider", "category", "page"])
def test_what_is_looked_for_comes_back_as_text(person: Person, path: str, parameter: str, vector: str) -> None:
    held(person, "Work")

    for headers in ({}, {"HX-Request": "true"}):
        page = person.get(f"{path}?{urlencode({parameter: vector})}", **headers)

        assert page.status_code == 200
        assert_harmless(page.content.decode(), vector)
