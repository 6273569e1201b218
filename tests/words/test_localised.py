"""Dates, numbers, search and the answers' headers follow the reader's language."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from integrations.models import Connection
from tests.factories import make_connection, make_registration, make_user
from tests.web.person import text_of

pytestmark = pytest.mark.django_db
MOMENT = datetime(2026, 11, 25, 14, 5, tzinfo=UTC)


def reader(language: str) -> Client:
    client = Client(headers={"accept-language": language}, raise_request_exception=False)
    client.force_login(make_user(is_staff=True, is_superuser=True))
    return client


def services(client: Client, words: str) -> str:
    return text_of(client.get("/connections/new/", {"q": words}))  # type: ignore[arg-type]


@pytest.mark.parametrize(("language", "date"), [("de", "25.11.2026, 14:05"), ("en", "25 Nov 2026, 14:05")])
def test_dates_are_written_as_the_language_writes_them(language: str, date: str) -> None:
    client = reader(language)
    user = client.get("/connections/").context["user"]
    make_connection(owner=user, registration=make_registration(), last_used_at=MOMENT)

    assert f'title="{date} UTC"' in client.get("/connections/").content.decode()


@pytest.mark.parametrize(("language", "words"), [("de", "1.001 Verbindungen"), ("en", "1,001 connections")])
def test_large_counts_are_grouped_as_the_language_groups_them(language: str, words: str) -> None:
    client = reader(language)
    first = make_connection(owner=client.get("/connections/").context["user"], sealed=False)
    columns = {"owner": first.owner, "registration": first.registration, "issuer": first.issuer}
    Connection.objects.bulk_create(Connection(**columns, subject=f"another-{number}") for number in range(1000))

    assert words in text_of(client.get("/connections/"))  # type: ignore[arg-type]


@pytest.mark.parametrize("words", ["Kalender", "calendar", "E-Mail und Büro", "office", "kalender office"])
def test_a_german_finds_a_service_by_german_and_by_english_words(words: str) -> None:
    assert "Microsoft" in services(reader("de"), words)
    assert "Microsoft" not in services(reader("de"), f"{words} ☂")


def test_an_english_reader_does_not_search_german() -> None:
    assert "Microsoft" not in services(reader("en"), "Kalender")


@pytest.mark.parametrize(
    "path",
    ["/connections/", "/connections/new/", "/accounts/login/", "/nothing-here/", "/?q=%00", "/accounts/signed-out/"],
)
@pytest.mark.parametrize("signed_in", [True, False])
def test_a_cache_can_tell_the_languages_apart(path: str, signed_in: bool) -> None:
    """Also where a request is refused before anything else looks at it."""
    for language in ("de", "en-gb"):
        client: Any = reader(language) if signed_in else Client(headers={"accept-language": language})
        client.raise_request_exception = False

        page = client.get(path, follow=True)

        assert page.headers["Content-Language"] == language
        assert f'<html lang="{language}">' in page.content.decode()
        vary = {name.strip().lower() for name in page.headers["Vary"].split(",")}
        assert "accept-language" in vary
        # What is refused before it is read is in no cache, and asks for no cookie.
        assert "cookie" in vary or page.status_code == 400


def test_a_language_that_is_not_ours_is_english() -> None:
    page = Client(headers={"accept-language": "fr, ja"}).get("/accounts/login/")

    assert page.headers["Content-Language"] == "en-gb"


def test_admin_works_in_german() -> None:
    client = reader("de")
    make_connection(owner=client.get("/connections/").context["user"], registration=make_registration())

    for path in ("", "integrations/connection/", "integrations/clientregistration/", "integrations/event/"):
        assert client.get(f"/admin/{path}").status_code == 200
