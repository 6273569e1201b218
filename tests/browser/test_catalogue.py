"""The catalogue in a real browser: found as one types, by keyboard, without JavaScript."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from playwright.sync_api import Locator, Page, expect

from integrations.models import ClientRegistration
from tests.browser.conftest import NARROW, Hub, look, sign_in
from tests.factories import make_connection, make_registration

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

REGISTERED = ("github", "gitlab", "google", "slack", "notion", "oidc", "linear", "dropbox")


def set_up(*providers: str) -> None:
    for provider in providers:
        make_registration(provider=provider, slug=provider, variables={"issuer": "https://login.example.test"})


def names(page: Page) -> Locator:
    return page.locator(".provider-card-name")


def test_many_services(hub: Hub) -> None:
    set_up(*REGISTERED)
    for _ in range(2):
        make_connection(owner=hub.user, registration=hub.registration)

    page = hub.open("/connections/new/")

    look(page, "catalogue")
    page.get_by_role("link", name="Connected (2) Sandbox").click()
    expect(page.locator(".connection-row")).to_have_count(2)
    hub.is_at("/connections/?provider=sandbox")


def test_one_service(hub: Hub) -> None:
    page = hub.open("/connections/new/")

    expect(names(page)).to_have_text(["Sandbox"])
    look(page, "catalogue-one")


def test_searching_as_one_types_and_by_category(hub: Hub) -> None:
    set_up(*REGISTERED)
    page = hub.open("/connections/new/")

    page.get_by_label("Search", exact=True).press_sequentially("git")
    expect(page.get_by_role("status")).to_have_text("2 services found")
    expect(names(page)).to_have_text(["GitHub", "GitLab"])
    hub.is_at("/connections/new/?q=git")
    expect(page.get_by_label("Search", exact=True)).to_be_focused()
    page.get_by_role("link", name="Development").click()
    hub.is_at("/connections/new/?q=git&category=development")
    page.get_by_label("Search", exact=True).fill("lin")
    expect(page.get_by_role("status")).to_have_text("1 service found")

    expect(names(page)).to_have_text(["Linear"])
    look(page, "catalogue-found")
    page.get_by_label("Search", exact=True).fill("nothing like this")
    expect(page.get_by_role("status")).to_have_text("0 services found")
    look(page, "catalogue-no-match")
    page.get_by_role("link", name="Show all services").click()
    hub.is_at("/connections/new/")


@pytest.mark.parametrize("width", [1280, NARROW])
def test_search_and_choose_by_keyboard_alone(hub: Hub, width: int) -> None:
    set_up(*REGISTERED)
    page = hub.open("/connections/new/")
    page.set_viewport_size({"width": width, "height": 800})

    page.get_by_label("Search", exact=True).focus()
    page.keyboard.type("sandbox")
    expect(page.get_by_role("status")).to_have_text("1 service found")
    while page.evaluate("document.activeElement.textContent") != "Sandbox":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    page.get_by_role("heading", name="Connect Sandbox").wait_for()


def test_without_javascript(hub: Hub, another_page: Callable[..., Page]) -> None:
    set_up(*REGISTERED)
    page = another_page(java_script_enabled=False)
    sign_in(page.context, hub.user, origin=hub.origin)
    page.goto(f"{hub.origin}/connections/new/")

    page.get_by_role("link", name="Development").click()
    page.get_by_label("Search", exact=True).fill("hub")
    page.get_by_role("button", name="Search").click()

    expect(page.locator(".provider-card-name")).to_have_text(["GitHub"])


def test_without_services(hub: Hub) -> None:
    ClientRegistration.objects.update(enabled=False)
    look(hub.open("/connections/new/"), "catalogue-empty")
    hub.user.is_staff = True
    hub.user.save()

    page = hub.open("/connections/new/")

    expect(page.get_by_role("link", name="Open client registrations")).to_be_visible()
    look(page, "catalogue-empty-operator")


def test_an_operator_sets_a_service_up(hub: Hub) -> None:
    hub.user.is_staff = True
    hub.user.save()
    rights = ("add_clientregistration", "change_clientregistration", "view_clientregistration")
    hub.user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    set_up("github")

    page = hub.open("/connections/new/")

    look(page, "catalogue-operator")
    page.get_by_role("link", name="Dropbox").click()
    hub.is_at("/admin/integrations/clientregistration/add/?provider=dropbox")
