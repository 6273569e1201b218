"""Admin as a tool, in a real browser: overview, many connections revoked, events; every device, keyboard, no script."""

import re
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from playwright.sync_api import Page, expect

from integrations.admin import bulk_revocation
from integrations.flows import bulk_revoke
from integrations.flows.selection import Selection
from integrations.models import (
    Attempt,
    BulkRevocation,
    ClientRegistration,
    Connection,
    Event,
    ProviderStanding,
    SweepRun,
)
from tests.browser.accessibility import OF_COLOURS, in_the_other_scheme, violations_of_accessibility
from tests.browser.conftest import NARROW, WIDE, Hub, look, on_every_device, without_javascript
from tests.browser.keyboard import press, tab_to
from tests.factories import make_connection, make_event, make_registration, make_user
from tests.fakes.misbehaviour import Behaviour

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
BEGIN = "/admin/integrations/bulkrevocation/begin/"


@pytest.fixture
def desk(hub: Hub) -> Hub:
    """The hub with an operator in front of it, and a day's sweeps behind it."""
    hub.sign_in(make_user("operator", is_staff=True, is_superuser=True))
    now = timezone.now()
    for number in range(40):
        at = now - timedelta(hours=4 * number + 3)
        counts = {"refreshed": 400 + 37 * (number % 9), "retry_later": number % 4}
        SweepRun.objects.create(started_at=at, finished_at=at + timedelta(seconds=9), counts=counts)
    return hub


def some_connections(hub: Hub, count: int = 3) -> list[Connection]:
    owner = make_user("leaver")
    return [make_connection(registration=hub.registration, owner=owner) for _ in range(count)]


def test_the_overview_in_trouble(desk: Hub) -> None:
    github = make_registration(slug="github", provider="github", variables={})
    for status in ("active", "active", "needs_reauthorization"):
        make_connection(registration=desk.registration, status=status, sealed=False)
    make_connection(registration=github, failure_count=2, due_in=-7200)
    ClientRegistration.objects.filter(pk=github.pk).update(
        last_error_code="invalid_client", last_error_at=timezone.now() - timedelta(hours=2)
    )

    page = desk.open("/admin/")
    expect(page.get_by_text("github: the provider refuses our registration")).to_be_visible()
    page.get_by_text("Show the numbers").first.click()
    expect(page.get_by_role("table", name="Renewed by sweeps, last 24 hours")).to_be_visible()

    look(page, "admin-overview")


def test_the_overview_of_an_empty_hub(hub: Hub) -> None:
    hub.sign_in(make_user("operator", is_staff=True, is_superuser=True))

    look(hub.open("/admin/"), "admin-overview-empty")


def test_many_are_revoked_with_the_list_as_the_way_in(desk: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_revocation, "LARGE", 2)
    some_connections(desk)
    desk.server.misbehave("revoke", Behaviour.SERVER_ERROR, times=1)

    page = desk.open("/admin/integrations/connection/?q=leaver")
    page.get_by_role("link", name="Revoke all that match").click()
    expect(page.get_by_role("heading", name="3 connections of 1 owner")).to_be_visible()
    look(page, "admin-bulk-confirm")
    page.get_by_label("Reason").fill("left the company")
    page.get_by_label("Type 3 to confirm").fill("3")
    page.get_by_role("button", name="Revoke and wipe 3").click()
    expect(page.get_by_role("status")).to_contain_text("Finished: 3 of 3 connections wiped here", timeout=60_000)
    expect(page.get_by_role("table", name="Wiped here")).to_be_visible()
    look(page, "admin-bulk-progress")

    assert not Connection.objects.filter(status="active").exists()
    assert Event.objects.filter(kind="disconnected", actor="operator").count() == 3
    look(desk.open("/admin/integrations/bulkrevocation/"), "admin-bulk-list")


def test_who_is_signed_out_meanwhile_is_asked_to_sign_in_and_the_page_asks_no_more(desk: Hub) -> None:
    """Somebody else is at the order, so that it stays under way for as long as the page is open."""
    some_connections(desk)
    order = bulk_revoke.begin(Selection(provider="sandbox"), reason="left", actor="operator", now=timezone.now())
    BulkRevocation.objects.update(lease_owner="another", lease_until=timezone.now() + timedelta(hours=1))
    page = desk.open(f"/admin/integrations/bulkrevocation/{order.pk}/progress/")
    expect(page.get_by_role("status")).to_contain_text("Under way: 0 of 3")

    Session.objects.all().delete()

    expect(page.get_by_label("Password")).to_be_visible()
    assert page.get_by_role("status").count() == 0


@on_every_device
def test_the_form_of_a_bulk_revocation_is_good_to_use(desk: Hub) -> None:
    some_connections(desk)

    page = desk.open(BEGIN)
    page.get_by_label("Owner").fill("nobody-of-that-name")
    page.get_by_role("button", name="Count them").click()

    expect(page.get_by_text("There is no account of this name.")).to_be_visible()
    assert violations_of_accessibility(page) == []
    with in_the_other_scheme(page):
        assert violations_of_accessibility(page, rules=OF_COLOURS) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@without_javascript
def test_it_works_without_javascript(desk: Hub) -> None:
    some_connections(desk)

    page = desk.open(BEGIN)
    page.get_by_label("Owner").fill("leaver")
    page.get_by_role("button", name="Count them").click()
    page.get_by_label("Reason").fill("left the company")
    page.get_by_role("button", name="Revoke and wipe 3").click()
    expect(page.get_by_role("status")).to_contain_text("Under way: 0 of 3")
    page.get_by_role("button", name="Go on now").click()

    expect(page.get_by_role("status")).to_contain_text("Finished: 3 of 3")
    expect(page.get_by_role("button", name="Go on now")).to_have_count(0)


def test_it_works_by_keyboard(desk: Hub) -> None:
    some_connections(desk)

    page = desk.open(f"{BEGIN}?owner=leaver")
    tab_to(page, "Reason")
    page.keyboard.type("left the company")
    press(page, "Enter", on="Revoke and wipe")

    expect(page.get_by_role("status")).to_contain_text("Finished: 3 of 3", timeout=60_000)


def test_what_is_under_way_is_cancelled(desk: Hub) -> None:
    rows = some_connections(desk)
    order = BulkRevocation.objects.create(
        selection={"provider": "sandbox"},
        reason="w" * 200,
        actor="somebody",
        total=3,
        failed=1,
        failures=[{"connection": rows[0].pk, "registration": desk.registration.slug, "why": "y" * 200}],
        last_pk=rows[-1].pk,
        started_at=timezone.now(),
        # Somebody else works on it, so that opening the page does not finish it.
        lease_owner="another",
        lease_until=timezone.now() + timedelta(hours=1),
    )

    page = desk.open(f"/admin/integrations/bulkrevocation/{order.pk}/progress/")
    expect(page.get_by_role("status")).to_contain_text("Under way: 0 of 3")
    look(page, "admin-bulk-under-way")
    page.get_by_role("button", name="Cancel the rest").click()

    expect(page.get_by_role("status")).to_contain_text("Cancelled: 0 of 3")
    assert Connection.objects.filter(status="active").count() == 3


def test_long_words_are_neither_cut_off_nor_push_anything_out_of_sight(desk: Hub) -> None:
    """Endpoints, scopes and what a provider said may be one long word."""
    facts = {"parameters": {"scope": "scope:with-a-name " * 30}, "said": "y" * 300}
    attempt = Attempt.objects.create(
        registration=desk.registration,
        user=desk.user,
        outcome=Attempt.Outcome.FAILED,
        steps=[{"step": "begin", "at": "2031-03-04T12:00:00.000+00:00", "error": "invalid_scope", "facts": facts}],
        started_at=timezone.now(),
        expires_at=timezone.now(),
    )
    standing = ProviderStanding.objects.create(endpoint=f"{'x' * 200}.test", registration=desk.registration)

    for path in (f"attempt/{attempt.pk}", f"providerstanding/{standing.pk}"):
        page = desk.open(f"/admin/integrations/{path}/change/")
        for width in (WIDE, NARROW):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            for text in page.locator(".readonly").all():
                assert text.evaluate("(one) => one.getBoundingClientRect().right <= innerWidth")


def test_events_by_date_and_as_a_file(desk: Hub) -> None:
    connection = some_connections(desk, 1)[0]
    make_event(connection=connection, actor="ann")
    make_event(connection=connection, kind=Event.Kind.REFRESHED)

    page = desk.open("/admin/integrations/event/")
    page.get_by_role("navigation", name="By date").get_by_role("link").first.click()
    expect(page.get_by_role("navigation", name="By date").get_by_role("link", name="All dates")).to_be_visible()
    picture(page)
    with page.expect_download() as found:
        page.get_by_role("button", name="Export as CSV").click()

    assert found.value.suggested_filename == "events.csv"
    assert "ann" in found.value.path().read_text()


def picture(page: Page) -> None:
    """Django's own list is not held to our rules, but must not be broken."""
    assert re.search("events", page.content())
