"""RFC 8628 §3.3, §5: a person enters a code, reads who asks for what, and decides; nobody else does."""

import re
import time
from html import unescape
from urllib.parse import unquote

import pytest
from django.test import Client
from oauth2_provider.models import AccessToken, Application

from hub.authorization_server.devices import normalised
from hub.authorization_server.models import DeviceAuthorization
from tests.authorization_server.device_steps import (
    begin,
    browser_of,
    enter,
    error_of,
    make_device_client,
    pass_by,
    poll,
)
from tests.factories import PASSWORD, make_user
from tests.web.test_hostile_text import VECTORS, assert_harmless

pytestmark = pytest.mark.django_db
WRONG = "BBBB-BBBB"


@pytest.fixture(autouse=True)
def application() -> Application:
    return make_device_client()


@pytest.fixture
def browser() -> Client:
    return browser_of(make_user("ada"))


def text_of(response: object) -> str:
    page = re.sub(r"<[^>]+>", "", response.content.decode())  # type: ignore[attr-defined]
    return " ".join(unescape(page).split())


def statuses() -> set[str]:
    return set(DeviceAuthorization.objects.values_list("status", flat=True))


@pytest.mark.requirement(88)
@pytest.mark.parametrize("path", ["/device/", "/device/1/", "/device/allowed/", "/device/denied/"])
def test_who_is_not_signed_in_is_sent_to_sign_in_and_comes_back(path: str) -> None:
    response = Client().get(path, {"user_code": "BCDF-GHJK"})

    assert response.status_code == 302
    assert response["Location"] == f"/accounts/login/?next={path}%3Fuser_code%3DBCDF-GHJK"


@pytest.mark.requirement(89)
def test_the_page_names_the_client_and_the_scope_in_words_and_warns(browser: Client) -> None:
    entered = enter(browser, begin(scope="profile connections:read")["user_code"])

    page = text_of(browser.get(entered["Location"]))
    assert "Allow Example Client?" in page
    assert "your account ada" in page
    assert "See your name" in page
    assert "See the connections that you share with it" in page
    assert "Did you start this?" in page
    assert "If somebody asked you to enter the code, deny it." in page
    assert "If somebody sent you the code, or a link to this page, close the page" in text_of(browser.get("/device/"))


@pytest.mark.requirement(132)
@pytest.mark.parametrize("vector", VECTORS)
def test_a_clients_name_is_text(browser: Client, vector: str) -> None:
    Application.objects.update(name=vector)
    entered = enter(browser, begin()["user_code"])

    assert_harmless(browser.get(entered["Location"]).content.decode(), vector)


@pytest.mark.requirement(132)
@pytest.mark.parametrize("vector", VECTORS)
def test_what_is_typed_is_text(browser: Client, vector: str) -> None:
    assert_harmless(enter(browser, vector).content.decode(), vector)
    assert_harmless(browser.get("/device/", {"user_code": vector}).content.decode(), vector)


@pytest.mark.requirement(89)
def test_the_complete_address_fills_the_code_in_and_decides_nothing(browser: Client) -> None:
    codes = begin()

    page = browser.get(codes["verification_uri_complete"])

    assert f'value="{codes["user_code"]}"' in page.content.decode()
    row = DeviceAuthorization.objects.get()
    assert (row.status, row.person) == ("pending", None)
    entered = enter(browser, codes["user_code"])
    browser.get(entered["Location"])
    browser.get(entered["Location"], {"decision": "allow"})
    assert statuses() == {"pending"}


@pytest.mark.requirement(89)
def test_both_steps_need_a_csrf_token() -> None:
    person = make_user()
    codes = begin()
    place = enter(browser_of(person), codes["user_code"])["Location"]
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(person)

    assert enter(careful, codes["user_code"]).status_code == 403
    assert careful.post(place, {"decision": "allow"}).status_code == 403
    assert statuses() == {"pending"}


@pytest.mark.requirement(88)
def test_only_who_entered_the_code_sees_allows_or_denies(browser: Client) -> None:
    codes = begin()
    place = enter(browser, codes["user_code"])["Location"]
    stranger = browser_of(make_user())

    assert stranger.get(place).status_code == 404
    assert "Example Client" not in text_of(stranger.get(place))
    for decision in ("allow", "deny"):
        assert stranger.post(place, {"decision": decision}).status_code == 404
    assert enter(stranger, codes["user_code"]).status_code == 400
    assert statuses() == {"pending"}
    assert browser.get(place).status_code == 200
    assert enter(browser, codes["user_code"]).status_code == 303


@pytest.mark.requirement(88)
def test_a_device_whose_code_nobody_entered_is_shown_to_nobody(browser: Client) -> None:
    begin()

    pk = DeviceAuthorization.objects.get().pk
    assert browser.get(f"/device/{pk}/").status_code == 404
    assert browser.post(f"/device/{pk}/", {"decision": "allow"}).status_code == 404
    assert statuses() == {"pending"}


@pytest.mark.requirement(86)
@pytest.mark.parametrize("change", ["{0}", " {0} ", "{1}", "{2}", "{3}", "{4}", "{5}"])
def test_a_code_is_read_however_it_is_typed(browser: Client, change: str) -> None:
    code = begin()["user_code"]
    plain = code.replace("-", "")
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in plain)
    typed = change.format(code, plain, code.lower(), " ".join(plain), code.replace("-", "–"), wide)

    assert enter(browser, typed).status_code == 303


@pytest.mark.requirement(86)
@pytest.mark.parametrize("typed", ["", "BCDF-GHJ", "BCDF-GHJKL", "ACDF-GHJK", "BCDF-GHJ0", "ßBCDFGHJ", "B" * 10_000])
def test_what_no_device_can_show_is_no_code(browser: Client, typed: str) -> None:
    assert normalised(typed) == ""
    assert enter(browser, typed).status_code == 400


def test_a_wrong_code_and_one_that_ran_out_are_told_alike(browser: Client) -> None:
    code = begin()["user_code"]
    pass_by(601)

    late, wrong = enter(browser, code), enter(browser, WRONG)

    assert late.status_code == wrong.status_code == 400
    assert text_of(late) == text_of(wrong)


def test_after_it_ran_out_a_device_is_not_let_in(browser: Client) -> None:
    codes = begin()
    place = enter(browser, codes["user_code"])["Location"]
    pass_by(601)

    response = browser.post(place, {"decision": "allow"})

    assert response.status_code == 404
    assert "start again there" in text_of(response)
    assert error_of(poll(codes["device_code"])) == "expired_token"


@pytest.mark.requirement(89)
@pytest.mark.parametrize("scope", ["connections:borrow", "profile connections:call", "connections:disconnect"])
def test_for_sensitive_scope_a_person_proves_once_more_who_they_are(scope: str) -> None:
    person = make_user()
    browser = Client()
    browser.post("/accounts/login/", {"login": person.username, "password": PASSWORD})
    place = enter(browser, begin(scope=scope)["user_code"])["Location"]
    assert browser.get(place).status_code == 200
    session = browser.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time() - 3600}]
    session.save()

    opened, posted = browser.get(place), browser.post(place, {"decision": "allow"})

    assert unquote(opened["Location"]) == f"/accounts/reauthenticate/?next={place}"
    assert (posted.status_code, posted["Location"]) == (303, place)
    assert statuses() == {"pending"}
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": place})
    browser.post(place, {"decision": "allow"})
    assert statuses() == {"approved"}


@pytest.mark.requirement(89)
def test_for_other_scope_the_sign_in_is_enough(browser: Client) -> None:
    assert (
        browser.get(enter(browser, begin(scope="profile connections:read")["user_code"])["Location"]).status_code == 200
    )


@pytest.mark.requirement(130)
def test_the_pages_are_kept_by_no_cache_framed_by_nobody_and_tell_no_other_site(browser: Client) -> None:
    code = begin()["user_code"]
    for path in ("/device/?user_code=BCDF-GHJK", enter(browser, code)["Location"], "/device/allowed/"):
        page = browser.get(path)
        assert "no-store" in page["Cache-Control"]
        assert page["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in page["Content-Security-Policy"]
    assert browser.get("/device/")["Referrer-Policy"] == "same-origin"
    assert not AccessToken.objects.exists()
