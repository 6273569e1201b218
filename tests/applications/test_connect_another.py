"""Who lacks an account connects it from any page with a choice, and comes back to what they had ticked."""

import re
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client

from hub.applications import kept as kept_ticks
from hub.authorization_server.models import DeviceAuthorization
from integrations.models import Allowance, Connection
from tests.applications.asking import BORROW, browser_of, decide, open_page, tick
from tests.authorization_server.device_steps import begin, enter, make_device_client
from tests.authorization_server.steps import authorization_request, make_application
from tests.factories import PASSWORD, make_connection, make_user
from tests.lending import make_allowance

pytestmark = pytest.mark.django_db
NOTES = "profile notes:read notes:write"


@pytest.fixture
def person() -> User:
    return make_user("robin")


@pytest.fixture
def connection(person: User) -> Connection:
    """One that the application may use in full."""
    row = make_connection(owner=person, scope=NOTES)
    make_allowance(row, features=["profile", "notes.read", "notes.write"])
    return row


def ticked(page: Any) -> list[str]:
    choice = page.context["choice"]
    shares = (share for service in choice.services for share in service.shares)
    return [box.value for share in shares for box in share.ticks if box.is_ticked]


def page_at(where: str, person: User, connection: Connection) -> tuple[Client, str]:
    """A browser that has just signed in, and the address of a page with a choice."""
    browser = Client()
    browser.post("/accounts/login/", {"login": person.username, "password": PASSWORD})
    if where == "device":
        make_device_client()
        return browser, enter(browser, begin(scope=BORROW)["user_code"])["Location"]
    make_application()
    if where == "consent":
        return browser, open_page(browser, scope=BORROW).context["choice"].here
    return browser, f"/applications/authorized/client-1/?connection={connection.uuid}&scope=notes:write"


def keep_in_session(browser: Client, key: str, value: Any) -> None:
    session = browser.session
    session[key] = value
    session.save()


def leave(browser: Client, path: str, *ticks: str) -> str:
    """Press the button as the page has it; where it comes back to."""
    here = browser.get(path).context["choice"].here
    left = browser.post(here, {"connect": "another", "allow": "true", "decision": "allow", "allowed": ticks})
    assert (left.status_code, urlsplit(left["Location"]).path) == (303, "/connections/new/")
    (back,) = parse_qs(urlsplit(left["Location"]).query)["next"]
    return back


@pytest.mark.parametrize("where", ["consent", "device", "authorized"])
def test_what_was_ticked_is_ticked_after_another_account_was_connected(
    person: User, connection: Connection, where: str
) -> None:
    browser, path = page_at(where, person, connection)
    before = list(Allowance.objects.values_list("connection", "features"))

    back = leave(browser, path, *tick(connection, "notes.read"))
    make_connection(owner=person, scope="profile")

    assert back == path
    assert ticked(browser.get(back)) == tick(connection, "notes.read")
    assert ticked(browser.get(back)) == tick(connection, "profile", "notes.read", "notes.write")
    assert list(Allowance.objects.values_list("connection", "features")) == before
    assert not DeviceAuthorization.objects.exclude(status="pending").exists()


@pytest.mark.parametrize("where", ["consent", "device", "authorized"])
def test_enter_on_a_tick_does_not_press_the_button(person: User, connection: Connection, where: str) -> None:
    browser, path = page_at(where, person, connection)

    (form,) = re.findall(r'<form class="panel".*?</form>', browser.get(path).content.decode(), re.DOTALL)

    # A browser presses the first one (HTML, "implicit submission").
    first, *_others, last = re.findall(r"<button([^>]*)>", form)
    assert 'name="connect"' in last and "connect" not in first


@pytest.mark.parametrize("state", ["x" * 1900, "x" * 6000, "a\nb"])
def test_a_long_request_is_come_back_to(person: User, connection: Connection, state: str) -> None:
    make_application()
    browser = browser_of(person)
    path = open_page(browser, state=state).context["choice"].here

    back = browser.get(leave(browser, path, *tick(connection, "notes.read")), follow=True)

    assert back.context["form"].initial["state"] == state
    assert ticked(back) == tick(connection, "notes.read")


def test_where_nobody_left_there_is_nothing_to_come_back_to(person: User) -> None:
    assert browser_of(person).get("/applications/back/")["Location"] == "/applications/"


@pytest.mark.requirement(112)
def test_what_was_ticked_stands_on_its_page_alone_and_no_longer_than_a_form(
    person: User, connection: Connection
) -> None:
    browser, path = page_at("consent", person, connection)
    Allowance.objects.update(features=["profile"])
    leave(browser, path, *tick(connection, "notes.read", "notes.write"))

    assert ticked(browser.get("/applications/authorized/client-1/")) == tick(connection, "profile")
    assert ticked(open_page(browser, state="another")) == tick(connection, "profile")
    kept = browser.session[kept_ticks.NAME]
    keep_in_session(browser, kept_ticks.NAME, {**kept, "at": kept["at"] - 3601})
    assert ticked(browser.get(path)) == tick(connection, "profile")
    keep_in_session(browser, kept_ticks.NAME, {**kept, "at": kept["at"] - 3000})
    assert ticked(browser.get(path)) == tick(connection, "notes.read", "notes.write")


def test_ticks_are_there_after_the_password_was_asked_for(person: User, connection: Connection) -> None:
    browser, path = page_at("device", person, connection)
    keep_in_session(browser, "account_authentication_methods", [{"method": "password", "at": time.time() - 3600}])

    browser.post(path, {"decision": "allow", "allowed": tick(connection, "notes.read")})
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": path})

    assert ticked(browser.get(path)) == tick(connection, "notes.read")
    assert DeviceAuthorization.objects.get().status == "pending"


@pytest.mark.requirement(112)
def test_what_was_ticked_for_one_application_is_not_ticked_for_another(person: User, connection: Connection) -> None:
    make_application()
    make_application("client-2")
    browser = browser_of(person)
    Allowance.objects.all().delete()

    leave(browser, open_page(browser).context["choice"].here, *tick(connection, "profile"))

    assert ticked(open_page(browser, client_id="client-2")) == []
    address = {**authorization_request(scope=BORROW), "allowed": tick(connection, "profile"), "ticked": "x"}
    assert ticked(browser.get("/oauth/authorize/", address)) == []


def test_nothing_is_ticked_that_is_not_there(person: User, connection: Connection) -> None:
    make_application()
    browser, theirs = browser_of(person), make_connection(scope=NOTES)
    hostile = [*tick(theirs, "profile"), f"{connection.uuid}:no.such", "x" * 5000, ":", "\u202e"]

    back = leave(browser, open_page(browser).context["choice"].here, *hostile)

    assert ticked(browser.get(back)) == []
    decide(browser)
    assert not Allowance.objects.exists()
