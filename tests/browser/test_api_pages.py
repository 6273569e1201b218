"""The pages that the API brings along: its description, and an application's link to connect an account."""

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from integrations.models import ConnectLink
from tests.browser.conftest import Hub, look
from tests.browser.test_every_page import connected
from tests.lending import make_connect_link

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def address(link: ConnectLink) -> str:
    return reverse("integrations:connect_link", kwargs={"uuid": link.uuid})


def test_the_description_of_the_api(hub: Hub) -> None:
    page = hub.open("/api/v1/docs")
    expect(page.get_by_role("heading", name="POST /api/v1/connect", exact=True)).to_be_visible()
    look(page, "api-docs")


def test_a_link_to_connect(hub: Hub) -> None:
    link = make_connect_link(
        user=hub.user,
        registration=hub.registration,
        features=["notes.read"],
        return_to="https://client.example.test/settings/accounts",
    )
    page = hub.open(address(link))
    expect(page.get_by_role("switch", name="Read your notes")).to_be_checked()
    expect(page.get_by_role("switch", name="Share the connection with Example Client [client-1]")).not_to_be_checked()
    look(page, "connect-link")


def test_a_link_that_is_over(hub: Hub) -> None:
    link = make_connect_link(user=hub.user, registration=hub.registration, expires_in=-1)
    look(hub.open(address(link)), "connect-link-over")


def test_a_link_by_which_something_was_connected(hub: Hub) -> None:
    link = make_connect_link(
        user=hub.user, registration=hub.registration, return_to="https://client.example.test/settings/accounts"
    )
    connection = connected(hub, name="Work")
    ConnectLink.objects.filter(pk=link.pk).update(connection=connection, started_at=timezone.now(), shares=True)
    look(hub.open(address(link)), "connect-link-done")
