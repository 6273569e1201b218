"""Settings: the way to all of them, which mail one gets, the language on every device."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings as project
from django.contrib.auth.models import User
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from pytest_django import Settings

from integrations.models import Event, Notice, Preferences
from tests.factories import PASSWORD, make_user
from tests.mail.posting import sent
from tests.web.person import Person, text_of

pytestmark = pytest.mark.django_db
COOKIE = project.LANGUAGE_COOKIE_NAME
GERMAN = '<html lang="de">'
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"


#: Pages that ask for a fresh proof of who it is.
MEANT_FOR_GOOD = {"/settings/data/", "/connections/disconnect-all/", "/settings/delete/"}


@pytest.fixture
def mail_is_sent(settings: Settings) -> None:
    settings.EMAIL_URL = "smtp://localhost:25"


def test_the_way_to_every_setting(person: Person) -> None:
    page = person.get("/settings/")

    links = set(re.findall(r'class="setting-title" href="([^"]+)"', page.content.decode()))
    assert links >= {
        "/accounts/email/",
        "/accounts/password/change/",
        "/accounts/2fa/",
        "/accounts/sessions/",
        "/settings/notifications/",
        "/settings/language/",
        *MEANT_FOR_GOOD,
    }
    for link in links - MEANT_FOR_GOOD:
        answer = person.get(link)
        assert answer.status_code == 200, link
        assert 'class="back-link" href="/settings/"' in answer.content.decode(), link
    for words in ("robin@example.test", "Reconnections needed and new connections", "As your browser asks"):
        assert words in text_of(page)


@pytest.mark.parametrize("path", ["/settings/", "/settings/notifications/", "/settings/language/"])
def test_settings_are_for_who_is_signed_in(path: str) -> None:
    answers = [Client().get(path), Client().post(path, {"language": "de"})]

    assert {answer.status_code for answer in answers} <= {302, 405}
    assert not Preferences.objects.exists()


def test_which_mail_is_chosen_and_shown(person: Person) -> None:
    page = person.get("/settings/notifications/").content.decode()
    assert page.count("checked") == 2
    assert "cannot be switched off" in page
    assert not Preferences.objects.exists()

    answer = person.post("/settings/notifications/", connected="on")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/settings/notifications/")
    chosen = Preferences.objects.get()
    assert (chosen.user, chosen.mail_needs_you, chosen.mail_connected) == (person.user, False, True)
    page = person.get("/settings/notifications/").content.decode()
    assert page.count("checked") == 1
    assert "Saved." in page
    assert "New connections" in text_of(person.get("/settings/"))
    person.post("/settings/notifications/")
    assert "Only about your account" in text_of(person.get("/settings/"))


@pytest.mark.requirement(134)
def test_nothing_but_the_two_wishes_is_taken_from_a_form(person: Person, stranger: Person) -> None:
    Preferences.objects.create(user=stranger.user)
    foreign = {"user": stranger.user.pk, "user_id": stranger.user.pk, "pk": stranger.user.pk, "id": stranger.user.pk}

    person.post(
        "/settings/notifications/", **foreign, language="de", is_staff="on", email="eve@example.test", username="eve"
    )
    person.post("/settings/language/", **foreign, language="de", needs_you="on", mail_needs_you="on", is_staff="on")

    theirs, mine = Preferences.objects.get(user=stranger.user), Preferences.objects.get(user=person.user)
    assert (theirs.mail_needs_you, theirs.mail_connected, theirs.language) == (True, True, "")
    assert (mine.mail_needs_you, mine.mail_connected, mine.language) == (False, False, "de")
    user = User.objects.get(pk=person.user.pk)
    assert (user.is_staff, user.email, user.username) == (False, "robin@example.test", "robin")


@pytest.mark.parametrize("is_verified", [True, False])
def test_the_page_says_where_mail_goes(person: Person, is_verified: bool) -> None:
    EmailAddress.objects.create(user=person.user, email=person.user.email, verified=is_verified, primary=True)

    words = text_of(person.get("/settings/notifications/"))

    assert f"robin@example.test {'Verified' if is_verified else 'Not verified'}" in words
    assert "This hub sends no e-mail" in words


@pytest.mark.usefixtures("mail_is_sent")
def test_who_has_no_address_is_told_so(person: Person) -> None:
    User.objects.update(email="")

    words = text_of(person.get("/settings/notifications/"))

    assert "You have no e-mail address here" in words
    assert "This hub sends no e-mail" not in words


@pytest.mark.usefixtures("mail_is_sent")
@pytest.mark.requirement(21)
def test_a_new_connection_is_mailed_with_links_to_the_site_whatever_host_was_claimed(person: Person) -> None:
    url = person.begin()
    location = person.server.authorization_response(url, account="alice")
    path = location[location.index("/connections/callback/") :]
    headers = {"Host": "localhost:9999", "X-Forwarded-Host": "evil.example", "User-Agent": FIREFOX}
    person.client.get(path, headers=headers)

    assert sent().sent == 1

    (message,) = mail.outbox
    assert isinstance(message, EmailMultiAlternatives)
    links = re.findall(r"https?://[^\s<\"]+", f"{message.body} {message.alternatives[0][0]!s}")
    assert len(links) >= 6
    assert all(link == project.SITE_URL or link.startswith(f"{project.SITE_URL}/") for link in links), links
    assert "Firefox on Linux, address 127.0.0.1" in str(message.body)


@pytest.mark.usefixtures("mail_is_sent")
@pytest.mark.requirement(111, 135)
def test_a_notice_goes_to_the_owner_alone(person: Person, stranger: Person) -> None:
    connection = person.connect()

    stranger.post(person.page(connection, "disconnect"))
    stranger.post(person.page(connection, "reconnect"))

    assert [notice.user for notice in Notice.objects.all()] == [person.user]
    assert sent().sent == 1
    assert [message.to for message in mail.outbox] == [[person.user.email]]


def test_a_language_is_spoken_at_once_and_kept_in_the_browser(person: Person) -> None:
    answer = person.post("/settings/language/", language="de")

    cookie = answer.cookies[COOKIE]
    assert (answer.status_code, answer.headers["Location"]) == (303, "/settings/language/")
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("de", True, "Lax")
    assert GERMAN in person.get("/connections/").content.decode()
    del person.client.cookies[COOKIE]
    assert GERMAN in person.get("/connections/").content.decode()
    assert 'value="de" checked' in person.get("/settings/language/").content.decode()


def test_a_language_goes_along_to_another_device(person: Person) -> None:
    person.post("/settings/language/", language="de")
    elsewhere = Client(headers={"Accept-Language": "en"})
    assert GERMAN not in elsewhere.get("/accounts/login/").content.decode()

    elsewhere.post("/accounts/login/", {"login": "robin", "password": PASSWORD})

    assert GERMAN in elsewhere.get("/connections/").content.decode()
    elsewhere.post("/accounts/logout/")
    assert GERMAN not in elsewhere.get("/accounts/login/").content.decode()


def test_a_language_is_not_handed_on_to_who_signs_in_next(person: Person) -> None:
    person.post("/settings/language/", language="de")
    make_user("ada")
    client = Client(headers={"Accept-Language": "en"})

    for name in ("robin", "ada"):
        client.post("/accounts/login/", {"login": name, "password": PASSWORD})
        client.post("/accounts/logout/") if name == "robin" else None

    assert GERMAN not in client.get("/connections/").content.decode()


def test_a_language_that_the_hub_speaks_no_more_is_forgotten(person: Person) -> None:
    Preferences.objects.create(user=person.user, language="fr")
    client = Client(headers={"Accept-Language": "de"})

    client.post("/accounts/login/", {"login": "robin", "password": PASSWORD})

    assert GERMAN in client.get("/connections/").content.decode()
    assert client.get("/settings/").status_code == 200


def test_the_browsers_own_wish_is_back_when_nothing_is_chosen(person: Person) -> None:
    person.post("/settings/language/", language="de")

    answer = person.post("/settings/language/", language="")

    assert answer.cookies[COOKIE]["max-age"] == 0
    assert Preferences.objects.get().language == ""
    assert GERMAN not in person.get("/connections/").content.decode()
    assert GERMAN in person.get("/connections/", **{"Accept-Language": "de"}).content.decode()


def test_no_request_looks_a_language_up(person: Person, django_assert_num_queries: object) -> None:
    person.get("/settings/language/")
    with django_assert_num_queries(3):  # type: ignore[operator]
        person.get("/settings/language/")
    person.post("/settings/language/", language="de")
    person.get("/settings/language/")

    with django_assert_num_queries(3):  # type: ignore[operator]
        person.get("/settings/language/")


@pytest.mark.parametrize("language", ["xx", "de-at", "en\r\nSet-Cookie: a=b", "<script>", "d" * 5000])
def test_a_language_that_is_not_offered_is_refused(person: Person, language: str) -> None:
    answer = person.post("/settings/language/", language=language)

    assert answer.status_code == 400
    assert COOKIE not in answer.cookies
    assert not Preferences.objects.exists()
    assert "<script>" not in answer.content.decode()


def test_a_visitor_switches_the_language_and_stays_on_the_page() -> None:
    client = Client()

    answer = client.post("/language/", {"language": "de", "next": "/accounts/login/?next=/connections/new/"})

    assert (answer.status_code, answer.headers["Location"]) == (303, "/accounts/login/?next=/connections/new/")
    assert GERMAN in client.get("/accounts/login/").content.decode()
    assert not Preferences.objects.exists()


def test_switching_the_language_is_remembered_for_who_is_signed_in(person: Person) -> None:
    person.post("/language/", language="de", next="/connections/")

    assert Preferences.objects.get(user=person.user).language == "de"
    assert GERMAN in person.get("/settings/").content.decode()


@pytest.mark.parametrize(
    "onwards", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "", "/%09/evil"]
)
def test_switching_the_language_leads_nowhere_else(onwards: str) -> None:
    for language in ("de", "xx"):
        answer = Client().post("/language/", {"language": language, "next": onwards})

        assert (answer.status_code, answer.headers["Location"]) == (303, "/")


@pytest.mark.parametrize("path", ["/language/", "/settings/language/", "/settings/notifications/"])
def test_a_choice_takes_a_post_from_our_own_page(person: Person, path: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(person.user)

    assert strict.post(path, {"language": "de"}).status_code == 403
    assert strict.get(path, {"language": "de", "connected": "on"}).status_code in (200, 405)
    assert strict.delete(path).status_code in (403, 405)
    assert not Preferences.objects.exists()
    assert not Event.objects.exists()


@pytest.mark.parametrize("path", ["/accounts/login/", "/connections/", "/nothing/of/the/kind/"])
def test_every_page_offers_every_language(person: Person, path: str) -> None:
    client = Client() if path.startswith("/accounts/") else person.client

    html = client.get(path).content.decode()

    assert html.count('action="/language/"') == 1
    assert 'value="en-gb" lang="en-gb" data-variant="quiet" aria-current="true"' in html
    assert 'value="de" lang="de"' in html


@pytest.mark.requirement(128)
@pytest.mark.parametrize(
    ("referrer", "onwards"),
    [
        ("http://testserver/connections/?q=a%20b", "/connections/?q=a%20b"),
        (f"http://testserver/accounts/login/?next={'x' * 3000}", f"/accounts/login/?next={'x' * 3000}"),
        ("http://testserver//evil.example/", "/"),
        ("http://testserver.evil.example/connections/", "/"),
        ("http://user@testserver/connections/", "/"),
        ("https://evil.example/connections/", "/"),
        ("not an address", "/"),
        ("http://[/", "/"),
        ("", "/"),
    ],
)
def test_switching_leads_back_to_the_page_it_was_on(referrer: str, onwards: str) -> None:
    answer = Client().post("/language/", {"language": "de"}, headers={"Referer": referrer})

    assert (answer.status_code, answer.headers["Location"]) == (303, onwards)
