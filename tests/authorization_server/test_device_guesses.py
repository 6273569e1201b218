"""RFC 8628 §5.1: how often codes can be guessed: by a person, from an address, by all together."""

import re
from html import unescape

import pytest
from django.test import Client
from oauth2_provider.models import Application

from hub.authorization_server.models import Tally
from tests.authorization_server.device_steps import begin, browser_of, enter, make_device_client
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_minute")]
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


@pytest.mark.requirement(87)
def test_a_person_is_stopped_after_ten_wrong_codes_and_a_right_one_clears_nothing(browser: Client) -> None:
    codes = [begin()["user_code"] for _ in range(3)]
    for typed in ["BBBB-BBBB", "bbbb bbbb", "CCCC-CCCC", "x", "DDDD-DDDD"]:
        assert enter(browser, typed).status_code == 400
    assert enter(browser, codes[0]).status_code == 303
    for _ in range(5):
        assert enter(browser, WRONG).status_code == 400

    refused = enter(browser, codes[1])

    assert refused.status_code == 429
    assert "Too many codes were not right. Try again in" in text_of(refused)
    assert browser_of(make_user()).get("/device/").status_code == 200
    assert enter(browser_of(make_user()), codes[1]).status_code == 303


@pytest.mark.requirement(87)
def test_an_address_is_stopped_whoever_signs_in_there_and_by_what_our_own_proxy_says(browser: Client) -> None:
    code = begin()["user_code"]
    for number in range(5):
        person = browser_of(make_user())
        for _ in range(10):
            headers = {"X-Forwarded-For": f"9.9.9.{number}"}
            assert person.post("/device/", {"user_code": WRONG}, headers=headers).status_code == 400

    assert enter(browser, code).status_code == 429
    assert browser.post("/device/", {"user_code": code}, REMOTE_ADDR="10.0.0.1").status_code == 303


@pytest.mark.requirement(87)
def test_one_ipv6_network_is_one_address(browser: Client) -> None:
    code = begin()["user_code"]
    browser.post("/device/", {"user_code": WRONG}, REMOTE_ADDR="2001:db8:1:2::1")
    Tally.objects.filter(name="user_code.address").update(count=50)

    assert browser.post("/device/", {"user_code": code}, REMOTE_ADDR="2001:db8:1:2:ffff::9").status_code == 429
    assert browser.post("/device/", {"user_code": code}, REMOTE_ADDR="2001:db8:1:3::1").status_code == 303


@pytest.mark.requirement(87)
def test_guesses_are_limited_in_total_and_who_is_stopped_already_does_not_count(browser: Client) -> None:
    code = begin()["user_code"]
    for _ in range(15):
        enter(browser, WRONG)
    assert Tally.objects.get(name="user_code.everybody").count == 10
    Tally.objects.filter(name="user_code.everybody").update(count=1000)

    assert browser_of(make_user()).post("/device/", {"user_code": code}, REMOTE_ADDR="10.0.0.1").status_code == 429


def test_after_a_while_a_person_may_try_again(browser: Client) -> None:
    code = begin()["user_code"]
    for _ in range(11):
        enter(browser, WRONG)

    Tally.objects.all().delete()

    assert enter(browser, code).status_code == 303
