"""Who lacks an account connects it from any page with a choice, and comes back to what they had ticked."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client

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
    browser = Client()
    browser.post("/accounts/login/", {"login": person.username, "password": PASSWORD})
    if where == "device":
        make_device_client()
        path = enter(browser, begin(scope=BORROW)["user_code"])["Location"]
    else:
        make_application()
        path = f"/applications/authorized/client-1/?connection={connection.uuid}&scope=notes:write"
    if where == "consent":
        path = open_page(browser, scope=BORROW).context["choice"].here
    before = list(Allowance.objects.values_list("connection", "features"))

    back = leave(browser, path, *tick(connection, "notes.read"))
    make_connection(owner=person, scope="profile")

    assert back == path
    assert ticked(browser.get(back)) == tick(connection, "notes.read")
    assert ticked(browser.get(back)) == tick(connection, "profile", "notes.read", "notes.write")
    assert list(Allowance.objects.values_list("connection", "features")) == before
    assert not DeviceAuthorization.objects.exclude(status="pending").exists()


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
