"""The owner of an application says where it hears of connections, and sees what became of each message."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from oauth2_provider.models import Application

from integrations import vault
from integrations.flows.webhook_send import Report
from integrations.models import Event, WebhookDelivery, WebhookEndpoint, WebhookKind
from integrations.webhook_signature import WebhookSignature
from tests.authorization_server.steps import make_application
from tests.clock import Clock
from tests.factories import make_user
from tests.fakes.receiver import Receiver
from tests.flows.hooking import send
from tests.lending import make_webhook_delivery, make_webhook_endpoint

pytestmark = pytest.mark.django_db
SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")


@pytest.fixture
def owner(client: Client) -> Client:
    """Signed in, with an application."""
    user = make_user("ada")
    make_application(user=user, name="Agenda")
    client.force_login(user)
    return client


@pytest.fixture
def endpoint(owner: Client) -> WebhookEndpoint:
    return make_webhook_endpoint(owner=ada(), url="http://127.0.0.1:9/hook")


def ada() -> User:
    return User.objects.get(username="ada")


def address(endpoint: WebhookEndpoint, name: str = "endpoint") -> str:
    return reverse(f"webhooks:{name}", kwargs={"uuid": endpoint.uuid})


def text(response: Any) -> str:
    """What a page says."""
    return unescape(response.content.decode())


def added(owner: Client, **form: object) -> HttpResponse:
    data = {"client_id": "client-1", "url": "https://hook.example.test/x", "kinds": [WebhookKind.REVOKED.value]}
    return owner.post("/webhooks/new/", data | form)  # type: ignore[return-value]


@pytest.mark.requirement(92, 98)
def test_one_is_added_and_its_secret_is_shown_this_once(owner: Client) -> None:
    page = added(owner)

    (secret,) = SECRET.findall(text(page))
    assert page.status_code == 200
    assert "no-store" in page.headers["Cache-Control"]
    endpoint = WebhookEndpoint.objects.get()
    assert vault.open_webhook_secrets(endpoint, now=timezone.now()) == (secret,)
    assert (endpoint.client_id, endpoint.kinds, endpoint.owner.username) == ("client-1", ["connection.revoked"], "ada")
    for path in ("/webhooks/", address(endpoint), address(endpoint, "change"), address(endpoint, "delete")):
        later = owner.get(path)
        assert later.status_code == 200
        assert "whsec_" not in text(later)
        assert "no-store" in later.headers["Cache-Control"]
    event = Event.objects.get(kind="webhook_changed")
    assert (event.actor, event.details["what"]) == ("ada", "added")
    assert "whsec_" not in str(event.details)


@pytest.mark.requirement(124, 155)
@pytest.mark.parametrize(
    "url",
    [
        "http://hook.example.test/",
        "https://10.0.0.7/",
        "https://[::1]/",
        "https://0x7f000001/",
        "https://hook.example.test:8443/",
        "https://user:password@hook.example.test/",
        "https://hook.example.test/#x",
        "https://intranet/",
        "javascript:alert(1)",
        "x" * 3000,
        "",
    ],
)
def test_an_address_that_is_none_to_call_is_refused_with_what_to_do(owner: Client, url: str) -> None:
    page = added(owner, url=url)

    assert page.status_code == 400
    assert "https" in text(page)
    assert not WebhookEndpoint.objects.exists()


@pytest.mark.parametrize("form", [{"kinds": []}, {"kinds": ["connection.nonsense"]}, {"client_id": "client-2"}])
def test_a_form_that_was_bent_is_refused(owner: Client, form: dict[str, object]) -> None:
    make_application("client-2", user=make_user())

    page = added(owner, **form)

    assert page.status_code == 400
    assert "Choose" in text(page)
    assert not WebhookEndpoint.objects.exists()


def test_an_application_has_ten_at_most(owner: Client) -> None:
    for _ in range(10):
        assert added(owner).status_code == 200

    page = added(owner)

    assert page.status_code == 400
    assert "as many as there may be" in text(page)


def test_who_has_no_application_is_told_so(client: Client) -> None:
    client.force_login(make_user())

    for path in ("/webhooks/", "/webhooks/new/"):
        assert "You have no application" in text(client.get(path))


def test_it_is_changed(owner: Client, endpoint: WebhookEndpoint) -> None:
    owner.post(address(endpoint, "change"), {"url": "https://other.example.test/", "kinds": ["connection.created"]})

    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.kinds) == ("https://other.example.test/", ["connection.created"])
    assert owner.post(address(endpoint, "change"), {"url": "https://10.0.0.7/"}).status_code == 400


@pytest.mark.requirement(153)
def test_a_new_secret_is_shown_once_and_the_old_one_signs_for_a_day_more(
    owner: Client, endpoint: WebhookEndpoint
) -> None:
    (old,) = vault.open_webhook_secrets(endpoint, now=timezone.now())

    page = owner.post(address(endpoint, "secret"))

    (new,) = SECRET.findall(text(page))
    assert "no-store" in page.headers["Cache-Control"]
    endpoint.refresh_from_db()
    now = timezone.now()
    assert vault.open_webhook_secrets(endpoint, now=now) == (new, old)
    assert vault.open_webhook_secrets(endpoint, now=now + timedelta(hours=24)) == (new,)
    assert "whsec_" not in text(owner.get(address(endpoint)))


@pytest.mark.django_db(transaction=True)
def test_a_test_message_arrives_and_is_sent_again(owner: Client, receiver: Receiver, clock: Clock) -> None:
    endpoint = make_webhook_endpoint(owner=ada(), url=receiver.url)
    secrets = vault.open_webhook_secrets(endpoint, now=clock())

    page = owner.post(address(endpoint, "test"), follow=True)
    assert "on its way" in text(page)
    assert send(clock) == Report(delivered=1)
    assert "Delivered" in text(owner.get(address(endpoint)))
    message = WebhookDelivery.objects.get()
    owner.post(address(endpoint, "redeliver"), {"message": message.message_id})
    assert send(clock) == Report(delivered=1)

    assert receiver.ids == [message.message_id] * 2
    for request in receiver.received:
        WebhookSignature.of(*secrets).verify(request.headers, request.body, now=clock())


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": "failed", "last_status": 500, "last_error_code": "refused", "attempts": 10}, "HTTP 500"),
        ({"attempts": 1, "last_error_code": "timeout"}, "No answer within 15 seconds."),
        ({"attempts": 1, "last_error_code": "address_refused"}, "The name leads to no public address."),
        ({"attempts": 1, "last_error_code": "never_heard_of"}, "It could not be sent."),
    ],
)
def test_why_a_message_did_not_arrive_is_said(
    owner: Client, endpoint: WebhookEndpoint, fields: dict[str, object], words: str
) -> None:
    make_webhook_delivery(endpoint, **fields)

    assert words in text(owner.get(address(endpoint)))


def test_one_that_is_off_is_switched_on_and_sends_nothing_before(owner: Client, endpoint: WebhookEndpoint) -> None:
    message = make_webhook_delivery(endpoint, state="failed")
    WebhookEndpoint.objects.update(disabled_at=timezone.now(), disabled_why="failing", failing_since=timezone.now())
    assert "Switched off: It failed for five days." in text(owner.get(address(endpoint)))

    for name in ("test", "redeliver"):
        page = owner.post(address(endpoint, name), {"message": message.message_id}, follow=True)
        assert "Switch it on first" in text(page)
    assert not WebhookDelivery.objects.filter(state="waiting").exists()

    owner.post(address(endpoint, "enable"))
    endpoint.refresh_from_db()
    assert (endpoint.is_enabled, endpoint.failing_since) == (True, None)


def test_one_whose_secret_is_lost_needs_a_new_one_first(owner: Client, endpoint: WebhookEndpoint) -> None:
    WebhookEndpoint.objects.update(sealed_secret=None, disabled_at=timezone.now(), disabled_why="secret_unreadable")

    page = owner.post(address(endpoint, "enable"), follow=True)
    assert "Make a new one first" in text(page)
    owner.post(address(endpoint, "secret"))
    owner.post(address(endpoint, "enable"))

    endpoint.refresh_from_db()
    assert endpoint.is_enabled


def test_deleting_is_confirmed_and_takes_everything(owner: Client, endpoint: WebhookEndpoint) -> None:
    make_webhook_delivery(endpoint)

    assert owner.get(address(endpoint, "delete")).status_code == 200
    assert WebhookEndpoint.objects.exists()
    owner.post(address(endpoint, "delete"))

    assert not WebhookEndpoint.objects.exists()
    assert not WebhookDelivery.objects.exists()
    assert Event.objects.get(kind="webhook_changed").details["what"] == "removed"


@pytest.mark.requirement(111)
def test_what_is_somebody_elses_is_as_unknown_as_what_is_not_there(owner: Client, endpoint: WebhookEndpoint) -> None:
    stranger = Client()
    other = make_user()
    make_application("client-2", user=other)
    stranger.force_login(other)
    message = make_webhook_delivery(endpoint)
    mine = make_webhook_endpoint(owner=other, client_id="client-2", url="http://127.0.0.1:9/mine")

    for name in ("endpoint", "change", "delete"):
        assert stranger.get(address(endpoint, name)).status_code == 404
    for name in ("change", "delete", "test", "secret", "enable", "redeliver"):
        assert stranger.post(address(endpoint, name), {"message": message.message_id}).status_code == 404
    assert stranger.post(address(mine, "redeliver"), {"message": message.message_id}).status_code == 404
    assert endpoint.url not in text(stranger.get("/webhooks/"))
    row = WebhookEndpoint.objects.get(pk=endpoint.pk)
    assert (row.secret_version, row.deliveries.count()) == (1, 1)


@pytest.mark.requirement(111)
def test_an_application_that_was_given_away_takes_its_webhooks_out_of_reach(
    owner: Client, endpoint: WebhookEndpoint
) -> None:
    Application.objects.update(user=make_user())

    assert owner.get(address(endpoint)).status_code == 404
