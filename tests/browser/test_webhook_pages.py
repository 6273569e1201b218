"""The pages about webhooks, in every state a person meets."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from integrations.models import WebhookEndpoint
from tests.authorization_server.steps import make_application
from tests.browser.conftest import Hub, look
from tests.lending import make_webhook_delivery, make_webhook_endpoint

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_without_an_application(hub: Hub) -> None:
    look(hub.open("/webhooks/"), "webhooks-empty")


def test_adding_one_shows_its_secret(hub: Hub) -> None:
    make_application(user=hub.user, name="Agenda for teams")
    look(hub.open("/webhooks/"), "webhooks-none")

    page = hub.open("/webhooks/new/")
    page.get_by_label("Address").fill("https://10.0.0.7/")
    page.get_by_role("button", name="Add the webhook").click()
    expect(page.get_by_text("The hub calls public https addresses")).to_be_visible()
    look(page, "webhook-new")

    page.get_by_label("Address").fill("https://agenda.example.com/hub-events")
    page.get_by_role("button", name="Add the webhook").click()
    expect(page.get_by_text("whsec_")).to_be_visible()
    look(page, "webhook-secret")
    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_text("Nothing yet.")).to_be_visible()


def test_one_with_what_was_sent_there(hub: Hub) -> None:
    make_application(user=hub.user, name="Agenda for teams")
    endpoint = make_webhook_endpoint(owner=hub.user, url="https://agenda.example.com/hub-events")
    now = timezone.now()
    make_webhook_delivery(endpoint, state="delivered", last_status=204, attempts=1, kind="connection.created")
    make_webhook_delivery(endpoint, kind="connection.revoked", attempts=2, last_error_code="timeout")
    refused = {"last_status": 500, "last_error_code": "refused", "kind": "connection.recovered"}
    make_webhook_delivery(endpoint, state="failed", attempts=10, **refused)
    make_webhook_delivery(endpoint)
    address = f"/webhooks/{endpoint.uuid}/"

    look(hub.open(address), "webhook")
    look(hub.open("/webhooks/"), "webhooks")
    look(hub.open(f"{address}change/"), "webhook-change")
    look(hub.open(f"{address}delete/"), "webhook-delete")
    WebhookEndpoint.objects.update(disabled_at=now, disabled_why="failing", failing_since=now)
    look(hub.open(address), "webhook-off")
