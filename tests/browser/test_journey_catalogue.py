"""Choosing a service among many: on every device, by keyboard alone, without JavaScript; twins are told apart."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Hub, look, on_every_device, without_javascript
from tests.browser.test_catalogue import REGISTERED, names, set_up
from tests.browser.test_connection_list import held, tab_to
from tests.factories import make_registration

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def set_up_twins(hub: Hub) -> None:
    """GitLab at two hosts, GitHub twice at the same one; the person has connected one of each."""
    for slug, host in (("gitlab-com", "gitlab.com"), ("acme", "gitlab.department-of-redundancy.example:8443")):
        held(
            hub, "", registration=make_registration(provider="gitlab", slug=slug, variables={"host": host}), subject="r"
        )
    for slug in ("github", "github-for-the-robots-of-the-department"):
        held(hub, "", registration=make_registration(provider="github", slug=slug, variables={}), subject="r")


@on_every_device
def test_found_as_one_types_then_chosen(hub: Hub) -> None:
    set_up(*REGISTERED)
    page = hub.open("/connections/new/")

    page.get_by_label("Search", exact=True).press_sequentially("sandbox")
    expect(page.get_by_role("status")).to_have_text("1 service found")
    page.get_by_role("link", name="Sandbox").click()
    page.get_by_role("heading", name="Connect Sandbox").wait_for()

    page.go_back()
    expect(page.get_by_label("Search", exact=True)).to_have_value("sandbox")
    expect(names(page)).to_have_text(["Sandbox"])


@on_every_device
def test_a_category_and_a_service_by_keyboard_alone(hub: Hub) -> None:
    set_up(*REGISTERED)
    page = hub.open("/connections/new/")

    tab_to(page, "Development")
    page.keyboard.press("Enter")
    expect(page.locator(".provider-card-name").first).to_have_text("GitHub")
    page.wait_for_url("**/connections/new/?category=development")
    tab_to(page, "Search")
    page.keyboard.type("GITLAB")
    expect(page.get_by_role("status")).to_have_text("1 service found")
    tab_to(page, "GitLab")
    page.keyboard.press("Enter")

    page.get_by_role("heading", name="Connect GitLab").wait_for()


@without_javascript
def test_searched_and_chosen_without_javascript(hub: Hub) -> None:
    set_up(*REGISTERED)
    page = hub.open("/connections/new/")

    page.get_by_label("Search", exact=True).fill("no such thing")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Show all services").click()
    page.get_by_role("link", name="Development").click()
    page.get_by_label("Search", exact=True).fill("HUB")
    page.get_by_role("button", name="Search").click()
    expect(names(page)).to_have_text(["GitHub"])
    page.get_by_role("link", name="GitHub", exact=True).click()

    page.get_by_role("heading", name="Connect GitHub").wait_for()


def test_twins_are_told_apart_on_every_page(hub: Hub) -> None:
    set_up_twins(hub)
    held(hub, "Notes")
    held(hub, "More notes")

    page = hub.open("/connections/new/")
    expect(page.get_by_role("link", name="GitLab gitlab.com", exact=True)).to_be_visible()
    look(page, "catalogue-twins")
    page.get_by_role("link", name="Connected (1) GitLab gitlab.com").click()

    expect(page.locator(".connection-row")).to_have_count(1)
    expect(page.locator(".connection-row")).to_contain_text("GitLab · gitlab.com")
    expect(page.get_by_label("Service")).to_have_value("gitlab/gitlab-com")
    page.get_by_label("Service").select_option("GitHub · github-for-the-robots-of-the-department")
    expect(page.locator(".connection-row")).to_contain_text("GitHub · github-for-the-robots-of-the-department")
    page.get_by_label("Service").select_option("All services")
    expect(page.locator(".connection-row")).to_have_count(6)
    look(page, "connections-twins")
    page.locator(".connection-row", has_text="robots").get_by_role("link").click()
    expect(page.get_by_text("GitHub · github-for-the-robots-of-the-department")).to_be_visible()
    look(hub.open("/connections/new/acme/"), "service-twin")
