"""RFC 8628 §3.3: what a person decided about a device is said, stands, and can be taken back."""

import pytest
from django.test import Client
from oauth2_provider.models import AccessToken, Application

from integrations.models import Allowance
from tests.applications.asking import tick
from tests.authorization_server.device_steps import (
    approved,
    begin,
    browser_of,
    decide,
    enter,
    error_of,
    make_device_client,
    poll,
)
from tests.authorization_server.test_device_page import statuses, text_of
from tests.factories import PASSWORD, make_connection, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def application() -> Application:
    return make_device_client()


@pytest.fixture
def browser() -> Client:
    return browser_of(make_user("ada"))


def test_what_was_decided_is_said_and_the_device_hears_of_it(browser: Client) -> None:
    codes = begin()

    done = browser.get(decide(browser, codes["user_code"])["Location"])

    assert "You can close this page and go back to your device." in text_of(done)
    assert poll(codes["device_code"]).status_code == 200


def test_who_denies_shares_nothing(browser: Client) -> None:
    codes = begin()

    done = browser.get(decide(browser, codes["user_code"], allow=False)["Location"])

    assert "Nothing was shared." in text_of(done)
    assert error_of(poll(codes["device_code"])) == "access_denied"


@pytest.mark.parametrize("decision", [{}, {"decision": ""}, {"decision": "true"}, {"allow": "allow"}])
def test_whatever_is_not_a_yes_is_a_no(browser: Client, decision: dict[str, str]) -> None:
    place = enter(browser, begin()["user_code"])["Location"]

    browser.post(place, decision)

    assert statuses() == {"denied"}


def test_a_decision_stands(browser: Client) -> None:
    codes = begin()
    place = enter(browser, codes["user_code"])["Location"]
    browser.post(place, {"decision": "deny"})

    again = browser.post(place, {"decision": "allow"})

    assert (again.status_code, again["Location"]) == (303, "/device/denied/")
    assert statuses() == {"denied"}
    assert enter(browser, codes["user_code"]).status_code == 400


def test_who_presses_allow_twice_reads_that_the_device_is_let_in(browser: Client) -> None:
    codes = begin()
    place = enter(browser, codes["user_code"])["Location"]
    browser.post(place, {"decision": "allow"})

    again = browser.post(place, {"decision": "allow"})
    assert browser_of(make_user()).post(place, {"decision": "allow"}).status_code == 404
    poll(codes["device_code"])
    afterwards = browser.post(place, {"decision": "allow"})

    assert (again.status_code, again["Location"]) == (303, "/device/allowed/")
    assert (afterwards.status_code, poll(codes["device_code"]).status_code) == (404, 400)
    assert "If it does not go on by itself, start again there" in text_of(afterwards)


def test_the_person_chooses_what_the_device_may_use() -> None:
    person = make_user()
    browser = Client()
    browser.post("/accounts/login/", {"login": person.username, "password": PASSWORD})
    shared, kept = (make_connection(owner=person, account_label=label) for label in ("Ada at work", "Ada at home"))
    place = enter(browser, begin(scope="profile connections:read")["user_code"])["Location"]
    page = text_of(browser.get(place))
    assert "Ada at work" in page
    assert "Ada at home" in page

    browser.post(place, {"decision": "allow", "allowed": tick(shared, "profile")})

    assert [rule.connection for rule in Allowance.objects.all()] == [shared]
    assert kept.allowances.count() == 0


def test_what_was_ticked_by_who_denies_is_not_shared() -> None:
    person = make_user()
    browser = browser_of(person)
    place = enter(browser, begin(scope="profile connections:read")["user_code"])["Location"]
    browser.post(place, {"decision": "deny", "allowed": tick(make_connection(owner=person), "profile")})
    assert not Allowance.objects.exists()


@pytest.mark.parametrize("scope", ["profile", "profile connections:read"])
def test_a_device_that_was_let_in_is_listed_and_removed_before_it_fetches_its_tokens(scope: str) -> None:
    person = make_user("ada")
    device_code, browser = approved(person, scope=scope), browser_of(person)
    (row,) = browser.get("/applications/").context["authorized"]
    assert (row.name, row.scope, row.last_used_at) == ("Example Client", frozenset(scope.split()), None)
    assert row.since is not None
    assert browser_of(make_user()).get("/applications/").context["authorized"] == []

    assert browser.post("/applications/authorized/client-1/remove/").status_code == 303

    assert browser.get("/applications/").context["authorized"] == []
    assert error_of(poll(device_code)) == "invalid_grant"
    assert not AccessToken.objects.exists()
