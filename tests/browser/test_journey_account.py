"""Activity, taking data along, disconnecting everything and leaving, in a real browser on every device."""

import csv
import json
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from integrations.models import AccountClosure, Connection, Event
from tests.browser.conftest import Hub, look, on_every_device, without_javascript
from tests.factories import PASSWORD, make_connection, make_event, make_registration
from tests.fakes.misbehaviour import Behaviour

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def connected(hub: Hub, **fields: object) -> Connection:
    fields = {"registration": hub.registration, "owner": hub.user, **fields}
    return make_connection(**fields)  # type: ignore[arg-type]


def at_spotify(hub: Hub) -> Connection:
    """A service that cannot be told that access has ended."""
    return connected(hub, registration=make_registration(provider="spotify", variables={}), name="Music")


def lived(hub: Hub) -> Connection:
    """A connection to which something has happened."""
    connection = connected(hub, name="Work")
    for kind in ("connected", "refreshed", "used", "renamed"):
        make_event(connection=connection, kind=Event.Kind(kind), actor=hub.user.username if kind == "renamed" else "")
    make_event(connection=connection, kind=Event.Kind.REFRESH_FAILED, details={"code": "rate_limited"})
    Event.objects.filter(kind="connected").update(ip="203.0.113.5", actor=hub.user.username)
    return connection


def prove(page: Page) -> None:
    """Say the password again."""
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()


def saved(page: Page, name: str, *, role: str) -> str:
    """The file that a press of a link or a button brings."""
    with page.expect_download() as download:
        page.get_by_role(role, name=name).click()  # type: ignore[arg-type]
    return Path(download.value.path()).read_text()


def whole_way(hub: Hub) -> None:
    """Look back, take the data along, disconnect everything, leave."""
    lived(hub)
    at_spotify(hub)
    page = hub.open("/activity/")
    expect(page.get_by_text("Sandbox was connected.")).to_be_visible()
    page.get_by_label("What").select_option("Trouble")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Why: Sandbox is busy.")).to_be_visible()
    expect(page.locator(".timeline-event")).to_have_count(1)
    rows = list(csv.DictReader(saved(page, "Download as CSV", role="link").splitlines()))
    assert [row["Kind"] for row in rows] == ["refresh_failed"]

    page = hub.open("/settings/data/")
    prove(page)
    data = json.loads(saved(page, "Download my data", role="button"))
    assert {row["name"] for row in data["connections"]} == {"Work", "Music"}

    page = hub.open("/connections/disconnect-all/")
    page.get_by_label("I want to disconnect all of them").check()
    page.get_by_role("button", name="Disconnect all 2 connections").click()
    expect(page.get_by_text("1 of 2 connections are confirmed as ended by their services.")).to_be_visible()
    expect(page.get_by_role("link", name="Your settings at Spotify")).to_be_visible()
    assert not Connection.objects.visible().exists()

    page = hub.open("/settings/delete/")
    page.get_by_label("Your username").fill("robyn")
    page.get_by_role("button", name="Delete my account").click()
    expect(page.get_by_text("This is not your username.")).to_be_visible()
    page.get_by_label("Your username").fill("robin")
    page.get_by_role("button", name="Delete my account").click()
    expect(page.get_by_role("heading", name="Your account is deleted")).to_be_visible()
    hub.open("/connections/")
    hub.is_under("/accounts/login/")
    assert not User.objects.exists()


@on_every_device
def test_looking_back_taking_along_and_leaving(hub: Hub) -> None:
    whole_way(hub)


@without_javascript
def test_all_of_it_without_javascript(hub: Hub) -> None:
    whole_way(hub)


@on_every_device
def test_progress_moves_by_itself(hub: Hub) -> None:
    for name in ("Work", "Private"):
        connected(hub, name=name)
    hub.server.misbehave("revoke", Behaviour.SERVER_ERROR, times=None)
    page = hub.open("/connections/disconnect-all/")
    prove(page)
    page.get_by_label("I want to disconnect all of them").check()
    page.get_by_role("button", name="Disconnect all 2 connections").click()
    expect(page.get_by_text("2 wait for an answer.")).to_be_visible()
    hub.server.behave()
    for row in Connection.objects.all():
        row.pending_revocations.update(next_attempt_at="2020-01-01T00:00Z")

    page.evaluate("document.querySelector('[data-live]').dispatchEvent(new Event('hub:refresh'))")
    page.get_by_role("button", name="Go on now").click()

    expect(page.get_by_text("2 of 2 connections are confirmed as ended by their services.")).to_be_visible()
    hub.is_at("/connections/disconnect-all/progress/")


def test_everything_is_disconnected_by_keyboard_alone(hub: Hub) -> None:
    connected(hub)
    page = hub.open("/connections/disconnect-all/")
    page.get_by_label("Password").focus()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Disconnect everything?")).to_be_visible()
    page.get_by_label("I want to disconnect all of them").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_text("There is nothing left to do.")).to_be_visible()


@pytest.fixture
def proven(hub: Hub) -> Hub:
    """Somebody who has just said their password."""
    prove(hub.open("/settings/data/"))
    expect(hub.page.get_by_role("heading", name="Your data")).to_be_visible()
    return hub


def test_the_activity_page_in_its_states(hub: Hub) -> None:
    look(hub.open("/activity/"), "activity-empty")
    connection = lived(hub)
    Event.objects.bulk_create(
        Event(kind="used", owner=hub.user, connection=connection, registration=connection.registration)
        for _ in range(60)
    )

    look(hub.open("/activity/?kind=use"), "activity-paged")
    look(hub.open("/activity/?since=yesterday"), "activity-unread-date")
    look(hub.open("/activity/?since=2001-01-01&until=2001-01-02"), "activity-none-found")


def test_the_page_of_ones_data(proven: Hub) -> None:
    look(proven.open("/settings/data/"), "data-export")


def test_the_pages_of_disconnecting_everything(proven: Hub) -> None:
    look(proven.open("/connections/disconnect-all/"), "disconnect-all-nothing")
    lived(proven)
    connected(proven, name="Private")
    at_spotify(proven)
    page = proven.open("/connections/disconnect-all/")
    look(page, "disconnect-all")
    page.get_by_role("button", name="Disconnect all 3 connections").click()
    look(page, "disconnect-all-unconfirmed")
    proven.server.misbehave("revoke", Behaviour.SERVER_ERROR, times=None)
    page.get_by_label("I want to disconnect all of them").check()
    page.get_by_role("button", name="Disconnect all 3 connections").click()
    expect(page.get_by_text("2 wait for an answer.")).to_be_visible()
    look(page, "disconnect-progress-waiting")

    proven.server.behave()
    for row in Connection.objects.all():
        row.pending_revocations.update(next_attempt_at="2020-01-01T00:00Z")
    look(proven.open("/connections/disconnect-all/progress/"), "disconnect-progress-due")
    page.get_by_role("button", name="Go on now").click()
    expect(page.get_by_text("2 of 3 connections are confirmed")).to_be_visible()
    look(page, "disconnect-progress-visit")


def test_the_pages_of_leaving(proven: Hub) -> None:
    lived(proven)
    at_spotify(proven)
    page = proven.open("/settings/delete/")
    page.get_by_label("Your username").fill("somebody")
    page.get_by_role("button", name="Delete my account").click()
    look(page, "delete-account")
    User.objects.update(is_superuser=True)
    look(proven.open("/settings/delete/"), "delete-account-refused")
    User.objects.update(is_superuser=False)

    proven.server.misbehave("revoke", Behaviour.SERVER_ERROR, times=None)
    page = proven.open("/settings/delete/")
    page.get_by_label("Your username").fill("robin")
    page.get_by_role("button", name="Delete my account").click()
    expect(page.get_by_role("heading", name="Your account is closed")).to_be_visible()
    look(page, "farewell-closed")
    assert AccountClosure.objects.exists()


def test_the_last_page_when_all_is_told(proven: Hub) -> None:
    page = proven.open("/settings/delete/")
    page.get_by_label("Your username").fill("robin")
    page.get_by_role("button", name="Delete my account").click()
    expect(page.get_by_role("heading", name="Your account is deleted")).to_be_visible()

    look(page, "farewell")
