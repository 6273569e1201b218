"""The main job in German, on every device: words are longer, nothing may overflow."""

from typing import Any

import pytest
from django.urls import reverse

from integrations.models import Connection
from tests.browser.conftest import Hub, look, on_every_device
from tests.factories import PASSWORD, make_connection, make_registration

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
    look(page, "german-sign-in")
    page.get_by_label("Benutzername oder E-Mail-Adresse").fill(german.user.username)
    page.get_by_label("Passwort").fill(PASSWORD)
    page.get_by_role("button", name="Anmelden", exact=True).click()

    page.get_by_role("heading", name="Ihre Verbindungen").wait_for()
    assert page.get_by_text("1 Verbindung, bei 1 müssen Sie handeln").is_visible()
    look(page, "german-connections")
    page.get_by_role("link", name="Verbindung hinzufügen").click()
    page.get_by_role("heading", name="Verbindung hinzufügen").wait_for()
    assert page.get_by_text("Ein Anbieter zum Üben").first.is_visible()
    look(page, "german-catalogue")

    german.open(reverse("integrations:provider", args=["sandbox"]))
    look(page, "german-provider")
    page.locator("main form button").last.click()
    page.wait_for_url("**/connections/*-*/")
    assert Connection.objects.filter(owner=german.user, registration=german.registration).exists()
    look(page, "german-connection")


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

    assert german.page.locator(".connection-row").count() == 6
    look(german.page, "german-full-list")


@pytest.mark.parametrize("path", ["/nichts/", "/accounts/password/reset/", "/accounts/2fa/", "/accounts/email/"])
def test_other_pages(german: Hub, path: str) -> None:
    german.open(path)

    assert german.page.locator("html").get_attribute("lang") == "de"
    look(german.page, f"german-{path.strip('/').replace('/', '-')}")
