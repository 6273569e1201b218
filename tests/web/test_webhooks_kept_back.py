"""Where messages do not go, whatever the owner of an application would like."""

from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from oauth2_provider.models import Application
from pytest_django import Settings

from hub.applications.suspension import resume, suspend
from hub.webhooks.words import REFUSALS
from integrations.flows.events import record
from integrations.flows.webhook_send import Report
from integrations.models import Event, WebhookDelivery, WebhookEndpoint
from tests.authorization_server.steps import make_application
from tests.clock import Clock
from tests.factories import make_user
from tests.fakes.receiver import Receiver
from tests.flows.hooking import lent_connection, send
from tests.lending import make_webhook_delivery, make_webhook_endpoint

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada() -> User:
    return make_user("ada")


@pytest.fixture
def owner(client: Client, ada: User) -> Client:
    """Signed in, with an application."""
    make_application(user=ada, name="Agenda")
    client.force_login(ada)
    return client


def added(owner: Client, url: str) -> Any:
    return owner.post("/webhooks/new/", {"client_id": "client-1", "url": url, "kinds": ["connection.revoked"]})


def address(endpoint: WebhookEndpoint, name: str = "endpoint") -> str:
    return reverse(f"webhooks:{name}", kwargs={"uuid": endpoint.uuid})


def text(response: Any) -> str:
    """What a page says."""
    return unescape(response.content.decode())


@pytest.mark.requirement(124, 155)
def test_a_host_that_is_open_for_providers_is_not_for_webhooks(
    owner: Client, settings: Settings, receiver: Receiver, clock: Clock
) -> None:
    """It was allowed when it was added, and is no more."""
    settings.HUB_OUTBOUND_ALLOWED_HOSTS = ("127.0.0.1",)
    assert added(owner, receiver.url).status_code == 200
    make_webhook_delivery(WebhookEndpoint.objects.get())
    settings.HUB_WEBHOOK_ALLOWED_HOSTS = ()

    assert send(clock) == Report(retry_later=1)
    assert added(owner, receiver.url).status_code == 400

    assert receiver.received == []
    assert WebhookEndpoint.objects.count() == 1


@pytest.mark.requirement(112, 155)
def test_an_application_that_is_off_is_told_nothing(owner: Client, ada: User, receiver: Receiver, clock: Clock) -> None:
    endpoint = make_webhook_endpoint(owner=ada, url=receiver.url)
    waiting = make_webhook_delivery(endpoint)
    connection = lent_connection()

    suspend(Application.objects.get(), operator="root", reason="")
    record(Event.Kind.RECOVERED, connection=connection)
    WebhookDelivery.objects.create(endpoint=endpoint, message_id="written-just-then", kind="webhook.test", body="{}")

    assert send(clock) == Report()
    assert receiver.received == []
    assert WebhookDelivery.objects.exclude(message_id="written-just-then").get() == waiting
    for path in ("/webhooks/", address(endpoint)):
        assert "An operator switched this application off." in text(owner.get(path))
    assert "The application was switched off." in text(owner.get(address(endpoint)))
    for name in ("test", "redeliver", "enable"):
        page = owner.post(address(endpoint, name), {"message": waiting.message_id}, follow=True)
        assert str(REFUSALS["application_off"]) in [str(message) for message in page.context["messages"]]
    added(owner, receiver.url)
    record(Event.Kind.NEEDS_REAUTHORIZATION, connection=connection)
    assert send(clock) == Report()

    resume(Application.objects.get())
    assert send(clock) == Report()
    record(Event.Kind.RECOVERED, connection=connection)
    owner.post(address(endpoint, "redeliver"), {"message": waiting.message_id})
    assert send(clock) == Report(delivered=2)
