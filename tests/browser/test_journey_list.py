"""Finding a connection that needs its person and mending it: on every device, by keyboard alone, without JavaScript."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, Request, expect

from integrations.models import Connection
from tests.browser.conftest import Hub, look, on_every_device, without_javascript
from tests.browser.test_connection_list import held, many, tab_to, titles
from tests.factories import make_registration

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BROKEN = {"status": Connection.Status.NEEDS_REAUTHORIZATION, "last_error_code": "invalid_grant"}


def break_one(hub: Hub) -> Connection:
    """A connection of the account `alice`, whom the fake provider knows, that wants to be reconnected."""
    return held(
        hub,
        "Payroll",
        issuer=f"{hub.server.origin}/oauth",
        subject="sub-alice",
        account_label="Alice Example",
        **BROKEN,
    )


def is_mended(connection: Connection) -> bool:
    connection.refresh_from_db()
    return connection.status == Connection.Status.ACTIVE


@on_every_device
def test_what_needs_the_person_is_first_and_mended_from_there(hub: Hub) -> None:
    many(hub, 30)
    connection = break_one(hub)
    page = hub.open("/connections/")

    expect(page.get_by_role("status")).to_have_text("31 connections, 1 needs you")
    row = page.locator(".connection-row").first
    expect(row).to_contain_text("Payroll")
    expect(row).to_contain_text("Needs you: access was withdrawn at Sandbox")
    row.get_by_role("button", name="Reconnect Payroll").click()

    page.wait_for_url(f"{hub.origin}/connections/")
    expect(page.locator(".list-summary")).to_have_text("31 connections")
    assert is_mended(connection)


@pytest.mark.parametrize("hub_path", ["/connections/", "/connections/?page=2"])
@on_every_device
def test_found_and_mended_by_keyboard_alone(hub: Hub, hub_path: str) -> None:
    many(hub, 60)
    connection = break_one(hub)
    page = hub.open(hub_path)

    tab_to(page, "Search")
    page.keyboard.type("payroll")
    expect(page.get_by_role("status")).to_have_text("1 connection found")
    tab_to(page, "Reconnect Payroll")
    page.keyboard.press("Enter")

    page.wait_for_url(f"{hub.origin}/connections/?q=payroll")
    expect(page.locator(".connection-row")).to_contain_text("Active")
    assert is_mended(connection)


@without_javascript
def test_found_and_mended_without_javascript(hub: Hub) -> None:
    many(hub, 60)
    connection = break_one(hub)
    page = hub.open("/connections/")
    page.get_by_label("Search", exact=True).fill("PAY")
    page.get_by_label("Status").select_option("Needs you")
    page.get_by_role("button", name="Search").click()

    expect(titles(page)).to_have_text(["Payroll"])
    hub.is_at("/connections/?q=PAY&status=needs_you&provider=")
    page.get_by_role("button", name="Reconnect Payroll").click()

    expect(page.locator(".list-summary")).to_have_text("0 connections found")
    hub.is_at("/connections/?q=PAY&status=needs_you")
    expect(page.locator(".connection-row")).to_have_count(0)
    assert is_mended(connection)


def names_that_hurt(hub: Hub) -> None:
    twin = make_registration(provider="gitlab", slug="gitlab-of-the-department", variables={"host": "gitlab.com"})
    other = make_registration(provider="gitlab", slug="gitlab", variables={"host": "gitlab.com"})
    far = make_registration(
        provider="gitlab", slug="far", variables={"host": f"{'gitlab-' * 7}of.the-department-of-redundancy.example"}
    )
    held(hub, "W" * 100, account_label="M" * 120)
    held(hub, ("Donaudampfschifffahrtskapitänsmütze " * 3)[:100], account_label="i" * 120)
    held(hub, "حساب العمل الخاص بي في الشركة", account_label="محمد@example.test")
    held(hub, "עברית (2024) Work", account_label="robin@example.test", **BROKEN)
    held(hub, "工作帳戶" * 20, account_label="")
    held(hub, "👩‍👩‍👧‍👦 Family 🏳️‍🌈", account_label="e\u0301" * 60, **BROKEN)
    for registration in (twin, other, far):
        held(hub, "", registration=registration, account_label="Robin", last_used_at=timezone.now())


def test_no_name_breaks_the_list(hub: Hub) -> None:
    names_that_hurt(hub)

    page = hub.open("/connections/")

    expect(titles(page)).to_have_count(9)
    look(page, "connections-names-that-hurt")
    assert page.evaluate(
        "[...document.querySelectorAll('.connection-row')].every((row) => row.scrollWidth <= row.clientWidth + 1)"
    )


@pytest.mark.parametrize(("count", "pages"), [(1, 1), (6, 1), (25, 1), (26, 2), (2000, 80)])
def test_any_number_of_connections(hub: Hub, count: int, pages: int) -> None:
    rows = [
        Connection(
            owner=hub.user,
            registration=hub.registration,
            issuer=hub.server.origin,
            subject=f"sub-{number}",
            account_label=f"account {number}",
            version=1,
        )
        for number in range(count)
    ]
    Connection.objects.bulk_create(rows)

    page = hub.open(f"/connections/?page={pages}")

    assert page.get_by_role("search").is_visible() == (count >= 6)
    assert page.get_by_role("navigation", name="Pages").is_visible() == (pages > 1)
    expect(titles(page)).to_have_count((count - 1) % 25 + 1)


def test_back_and_forward_lead_through_what_was_looked_for(hub: Hub) -> None:
    many(hub, 30)
    page = hub.open("/connections/")
    page.get_by_label("Search", exact=True).fill("account 017")
    expect(page.get_by_role("status")).to_have_text("1 connection found")
    page.get_by_role("link", name="Account 017").click()
    page.get_by_role("heading", name="Account 017").wait_for()

    page.go_back()

    expect(page.get_by_label("Search", exact=True)).to_have_value("account 017")
    expect(titles(page)).to_have_text(["Account 017"])
    page.go_forward()
    page.get_by_role("heading", name="Account 017").wait_for()


def test_paging_while_rows_move_shows_what_there_is(hub: Hub) -> None:
    many(hub, 51)
    page = hub.open("/connections/?page=3")
    expect(titles(page)).to_have_count(1)

    Connection.objects.filter(owner=hub.user).order_by("pk").first().delete()  # type: ignore[union-attr]
    page.reload()

    expect(page.get_by_text("Page 2 of 2")).to_be_visible()
    expect(titles(page)).to_have_count(25)


def test_what_is_being_typed_survives_a_refresh(hub: Hub) -> None:
    many(hub, 30)
    page = hub.open("/connections/")
    page.wait_for_function("() => document.querySelector('#connection-list[data-htmx-powered]')")

    page.get_by_label("Search", exact=True).press_sequentially("Account 01")
    page.get_by_label("Status").focus()
    page.locator("#connection-list").dispatch_event("hub:refresh")

    expect(page.get_by_role("status")).to_have_text("11 connections found")
    expect(page.get_by_label("Search", exact=True)).to_have_value("Account 01")
    expect(page.get_by_label("Status")).to_be_focused()


@pytest.mark.parametrize("failure", ["down", "broken"])
@pytest.mark.parametrize("path", ["/connections/", "/connections/new/"])
def test_a_search_that_fails_is_said_and_the_next_one_takes_it_back(hub: Hub, path: str, failure: str) -> None:
    many(hub, 30)
    for provider in ("notion", "linear", "dropbox"):
        make_registration(provider=provider, slug=provider, variables={})
    page = hub.open(path)
    fail(page, failure)

    page.get_by_label("Search", exact=True).fill("sand")

    expect(page.get_by_role("alert")).to_contain_text("The hub does not answer")
    look(page, f"search-fails{path.replace('/', '-')}{failure}")
    page.unroute_all()
    page.get_by_label("Search", exact=True).fill("sandbox")
    expect(page.get_by_role("alert")).not_to_be_visible()


def fail(page: Page, failure: str) -> None:
    def answer(route: object, request: Request) -> None:
        if "hx-request" not in request.headers:
            route.continue_()  # type: ignore[attr-defined]
        elif failure == "down":
            route.abort("connectionrefused")  # type: ignore[attr-defined]
        else:
            route.fulfill(status=500, body="<h1>Broken</h1>")  # type: ignore[attr-defined]

    page.route("**/*", answer)


def test_the_session_ends_while_one_searches(hub: Hub) -> None:
    many(hub, 30)
    page = hub.open("/connections/")
    page.context.clear_cookies()

    page.get_by_label("Search", exact=True).fill("account 017")

    page.wait_for_url("**/accounts/login/**")
    hub.is_under("/accounts/login/?next=/connections/%3Fq%3Daccount%2B017")


def test_rows_of_equal_rank_keep_their_order(hub: Hub) -> None:
    at = timezone.now() - timedelta(hours=1)
    for number in range(60):
        held(hub, f"Same {number:02}", last_used_at=at, created_at=at)

    seen = [
        title for number in (1, 2, 3) for title in titles(hub.open(f"/connections/?page={number}")).all_inner_texts()
    ]

    assert sorted(seen) == [f"Same {number:02}" for number in range(60)]
