"""An operator with a real browser registers a provider and revokes connections, under the pages' policy."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from integrations.models import ClientRegistration, Connection, ProviderStanding, StrayResponse, SweepRun
from tests.browser.accessibility import violations_of_accessibility
from tests.browser.conftest import NARROW, WIDE, Hub
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


def test_an_operator_checks_a_registration_and_reads_why_somebody_could_not_connect(hub: Hub) -> None:
    hub.page.set_extra_http_headers({"X-Fake-Error": "access_denied"})
    hub.open("/connections/new/sandbox/").get_by_role("button", name="Continue to Sandbox").click()
    hub.page.wait_for_url("**/connections/problem/")
    hub.page.set_extra_http_headers({})
    code = hub.page.locator("[data-varies]").first.inner_text()
    hub.sign_in(make_user("operator", is_staff=True, is_superuser=True))

    page = hub.open(f"/admin/integrations/clientregistration/{hub.registration.pk}/change/")
    page.get_by_role("link", name="Check this registration").click()
    every_look(page, "admin-check")
    page.get_by_role("button", name="Check it now").click()
    expect(page.get_by_text("client_accepted")).to_be_visible()
    every_look(page, "admin-checked")

    page = hub.open("/admin/integrations/attempt/")
    page.get_by_label("Support code").or_(page.locator("#searchbar")).first.fill(code)
    page.keyboard.press("Enter")
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    every_look(page, "admin-attempts")
    page.locator("#result_list tbody th a").click()
    expect(page.get_by_text("said no at the provider")).to_be_visible()
    every_look(page, "admin-attempt")


def test_what_runs_waits_and_came_back_in_vain_can_be_read(hub: Hub) -> None:
    now = timezone.now()
    counts = {"refreshed": 1204, "retry_later": 20, "needs_reauthorization": 3}
    endpoint = {"state": "open", "reason": "down", "code": "server_error", "until": now.isoformat()}
    run = SweepRun.objects.create(
        started_at=now,
        seen_at=now,
        finished_at=now,
        ended=SweepRun.Ending.COMPLETE,
        worker="worker-1:4711",
        counts=counts,
        by_provider={"sandbox": counts},
        circuits={"login.example.test": endpoint},
    )
    stray = {"at": now.isoformat(), "error": "attempt_unknown", "request_id": "3f9c1a7e42"}
    StrayResponse.objects.create(registration=hub.registration, count=61, last_at=now, recent=[stray] * 5)
    ProviderStanding.objects.create(
        endpoint="login.example.test",
        registration=hub.registration,
        reason="down",
        error_code="server_error",
        since=now,
        until=now + timedelta(minutes=2),
    )
    hub.sign_in(make_user("operator", is_staff=True, is_superuser=True))

    for path, name in (
        ("sweeprun/", "admin-sweeps"),
        (f"sweeprun/{run.pk}/change/", "admin-sweep"),
        (f"strayresponse/{hub.registration.pk}/change/", "admin-stray-responses"),
        ("providerstanding/", "admin-providers-left-alone"),
    ):
        page = hub.open(f"/admin/integrations/{path}")
        every_look(page, name)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def every_look(page: Page, name: str) -> None:
    """Pictures on desktop and phone, light and dark; what axe finds in what is ours."""
    for width in (WIDE, NARROW):
        for scheme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": 800})
            page.emulate_media(color_scheme=scheme)
            take(page, name, width=width, scheme=scheme)
    assert [found for found in violations_of_accessibility(page) if "#content" in found] == []
    page.set_viewport_size({"width": WIDE, "height": 800})
    page.emulate_media(color_scheme="light")
