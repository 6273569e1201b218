"""The main job in German, on every device: words are longer, nothing may overflow."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from integrations.models import Connection, Event
from tests.browser.conftest import Hub, glance, look, on_every_device
from tests.factories import PASSWORD, make_connection, make_event, make_registration, make_use

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def german(hub: Hub) -> Hub:
    hub.page.set_extra_http_headers({"Accept-Language": "de"})
    return hub


@on_every_device
def test_sign_in_look_around_and_connect(german: Hub) -> None:
    page = german.page
    page.context.clear_cookies()
    make_connection(owner=german.user, status="needs_reauthorization", last_error_code="invalid_grant")

    german.open("/accounts/login/")
    glance(page, "german-sign-in")
    page.get_by_label("Benutzername oder E-Mail-Adresse").fill(german.user.username)
    page.get_by_label("Passwort").fill(PASSWORD)
    page.get_by_role("button", name="Anmelden", exact=True).click()

    page.get_by_role("heading", name="Ihre Verbindungen").wait_for()
    expect(page.get_by_text("1 Verbindung, bei 1 müssen Sie handeln")).to_be_visible()
    glance(page, "german-connections")
    page.get_by_role("link", name="Verbindung hinzufügen").click()
    page.get_by_role("heading", name="Verbindung hinzufügen").wait_for()
    expect(page.get_by_text("Ein Anbieter zum Üben").first).to_be_visible()
    glance(page, "german-catalogue")

    german.open(reverse("integrations:provider", args=["sandbox"]))
    glance(page, "german-provider")
    page.locator("main form button").last.click()
    page.wait_for_url("**/connected/")
    assert Connection.objects.filter(owner=german.user, registration=german.registration).exists()
    glance(page, "german-connection")


def test_a_full_list(german: Hub) -> None:
    scopes = {"google": "openid https://www.googleapis.com/auth/calendar.readonly", "github": "read:user", "slack": "x"}
    for provider, scope in scopes.items():
        make_connection(owner=german.user, registration=make_registration(provider=provider, variables={}), scope=scope)
    states: list[dict[str, Any]] = [
        {"status": "needs_reauthorization", "last_error_code": "rotation_uncertain"},
        {"failure_count": 2, "last_error_code": "rate_limited"},
        {"registration": make_registration(enabled=False)},
        {"status": "revoking"},
    ]
    for number, state in enumerate(states):
        named: dict[str, Any] = {"owner": german.user, "name": f"Konto {number}", "registration": german.registration}
        make_connection(**(named | state))

    german.open("/connections/")

    expect(german.page.locator(".connection-row")).to_have_count(6)
    look(german.page, "german-full-list")


@pytest.mark.parametrize("path", ["/nichts/", "/accounts/password/reset/", "/accounts/2fa/", "/accounts/email/"])
def test_other_pages(german: Hub, path: str) -> None:
    german.open(path)

    expect(german.page.locator("html")).to_have_attribute("lang", "de")
    look(german.page, f"german-{path.strip('/').replace('/', '-')}")


def lived(hub: Hub) -> Connection:
    """A connection at the fake provider to which everything has happened, and which programs use."""
    page = hub.open(reverse("integrations:provider", args=["sandbox"]))
    page.get_by_role("switch", name="Ihre Notizen lesen").check()
    page.get_by_role("button", name="Weiter zu Sandbox").click()
    page.get_by_text("Sandbox ist verbunden.").wait_for()
    connection = hub.user.connections.get()
    for kind in Event.Kind:
        make_event(connection=connection, kind=kind, details={"code": "rate_limited", "scope": ["notes:read"]})
    for days, actor in enumerate(("", "robin", "Nächtlicher Abgleich", "Berichte")):
        make_use(connection=connection, actor=actor, count=40 * days + 1, now=timezone.now() - timedelta(days=days))
    return connection


def prove(page: Page) -> None:
    page.get_by_role("heading", name="Bestätigen Sie, dass Sie es sind").wait_for()
    page.get_by_label("Passwort").fill(PASSWORD)
    page.get_by_role("button", name="Bestätigen").click()


@on_every_device
def test_a_connection_and_its_console(german: Hub) -> None:
    connection = lived(german)
    page = german.page
    glance(page, "german-consent-result")

    german.open(f"/connections/{connection.uuid}/")
    page.get_by_text("Zahlen zeigen").click()
    expect(page.get_by_role("heading", name="Was geschehen ist")).to_be_visible()
    glance(page, "german-connection-used")
    page.get_by_role("link", name="Trennen…").click()
    expect(page.get_by_role("heading", name="Was geschieht")).to_be_visible()
    glance(page, "german-disconnect")

    german.open(f"/connections/{connection.uuid}/console/")
    page.get_by_role("link", name="Ausfüllen Ihre Notizen lesen").click()
    page.get_by_role("button", name="Senden").click()
    expect(page.get_by_role("heading", name="Sandbox hat geantwortet: 200 OK")).to_be_focused()
    page.get_by_text("Dasselbe in Python").first.click()
    glance(page, "german-console")
    page.get_by_label("Methode").select_option("DELETE")
    glance(page, "german-console-changing")


@on_every_device
def test_activity_settings_and_leaving(german: Hub) -> None:
    lived(german)
    make_connection(owner=german.user, registration=make_registration(provider="spotify", variables={}), name="Musik")
    page = german.open("/activity/")
    expect(page.get_by_role("button", name="Zeigen")).to_be_visible()
    glance(page, "german-activity")
    for name in ("settings", "settings/notifications", "settings/language"):
        glance(german.open(f"/{name}/"), f"german-{name.replace('/', '-')}")

    german.open("/settings/data/")
    prove(page)
    expect(page.get_by_role("button", name="Meine Daten herunterladen")).to_be_visible()
    glance(page, "german-data")
    german.open("/settings/delete/")
    expect(page.get_by_role("button", name="Mein Konto löschen")).to_be_visible()
    glance(page, "german-delete-account")

    german.open("/connections/disconnect-all/")
    glance(page, "german-disconnect-all")
    page.get_by_label("Ich möchte alle trennen").check()
    page.get_by_role("button", name="Alle 2 Verbindungen trennen").click()
    expect(page.get_by_role("heading", name="Was Sie tun müssen")).to_be_visible()
    glance(page, "german-disconnect-progress")

    german.open("/settings/delete/")
    page.get_by_label("Ihr Benutzername").fill("robin")
    page.get_by_role("button", name="Mein Konto löschen").click()
    expect(page.get_by_role("heading", name="Ihr Konto ist gelöscht")).to_be_visible()
    glance(page, "german-farewell")
