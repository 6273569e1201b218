"""An operator with a real browser registers a provider and revokes connections, under the pages' policy."""

import re

import pytest
from playwright.sync_api import Page, expect

from integrations.models import ClientRegistration, Connection
from tests.browser.conftest import WIDE, Hub
from tests.browser.pictures import take
from tests.factories import make_connection, make_event, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def shot(page: Page, name: str) -> None:
    """With HUB_SCREENSHOTS=<folder>, a picture to look at: Django's own pages are not held to our rules."""
    take(page, re.sub(r"-\d+|-$", "", name), width=WIDE, scheme="light")


def test_an_operator_registers_a_provider_and_copies_the_redirect_uri(hub: Hub) -> None:
    hub.sign_in(make_user("operator", is_staff=True, is_superuser=True))

    page = hub.open("/admin/integrations/clientregistration/add/")
    shot(page, "admin-choose-provider")
    page.get_by_role("link", name="GitLab").click()
    shot(page, "admin-registration-form")
    page.get_by_label("Slug").fill("work")
    page.get_by_label("Client ID").fill("4a5b")
    page.get_by_label("Client secret").fill("canary-secret-0123456789")
    page.get_by_role("button", name="Save and continue editing").click()

    expect(page.locator("code.redirect-uri")).to_contain_text("/connections/callback/work/")
    expect(page.get_by_label("Client secret")).to_have_value("")
    assert "canary-secret" not in page.content()
    shot(page, "admin-registration-saved")
    assert ClientRegistration.objects.get(slug="work").has_client_secret


@pytest.mark.requirement(100)
def test_an_operator_revokes_connections_after_reading_what_that_does(hub: Hub) -> None:
    rows = [make_connection(registration=hub.registration, account_label=name) for name in ("Ann", "Bo")]
    make_event(connection=rows[0], details={"code": "invalid_grant"})
    hub.sign_in(make_user("operator", is_staff=True, is_superuser=True))

    page = hub.open("/admin/integrations/connection/")
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option("revoke_and_wipe")
    shot(page, "admin-connections")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text("2 connections")).to_be_visible()
    shot(page, "admin-revoke-confirm")
    page.get_by_label("Reason").fill("laptop stolen")
    page.get_by_role("button", name="Revoke and wipe them").click()

    expect(page.get_by_text("Wiped here and revoked at the provider: 2.")).to_be_visible()
    shot(page, "admin-revoked")
    assert not Connection.objects.filter(status="active").exists()
    for path in (f"connection/{rows[0].pk}/change/", f"connection/{rows[0].pk}/history/", "event/"):
        shot(hub.open(f"/admin/integrations/{path}"), "admin-" + path.replace("/", "-"))
