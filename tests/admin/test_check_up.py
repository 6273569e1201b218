"""Check this registration: a button, a page, a permission, and nothing secret on any of them."""

from collections.abc import Iterator

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from integrations.models import ClientRegistration
from tests.admin.posting import Page
from tests.canaries import leaks
from tests.factories import make_user
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.registration import register_helpdesk, register_sandbox
from tests.leaks.passing import secrets_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider_server() -> Iterator[FakeAuthorizationServer]:
    """On the real clock, as the views."""
    with FakeAuthorizationServer() as server:
        yield server


@pytest.fixture
def registration(provider_server: FakeAuthorizationServer, db: None) -> ClientRegistration:
    return register_sandbox(provider_server)


def address(registration: ClientRegistration) -> str:
    return f"/admin/integrations/clientregistration/{registration.pk}/check/"


def found(page: Page) -> dict[str, str]:
    return {finding.code: finding.level for finding in page.context["findings"]}


def test_the_page_of_a_registration_leads_to_its_check_up_and_its_attempts(
    operator: Client, registration: ClientRegistration
) -> None:
    page = operator.get(f"/admin/integrations/clientregistration/{registration.pk}/change/").content.decode()

    assert f'href="{address(registration)}"' in page
    assert f"/admin/integrations/attempt/?registration__id__exact={registration.pk}" in page
    assert operator.get(f"/admin/integrations/attempt/?registration__id__exact={registration.pk}").status_code == 200


@pytest.mark.requirement(100)
def test_opening_the_page_asks_nobody_and_pressing_the_button_does(
    operator: Client, registration: ClientRegistration, provider_server: FakeAuthorizationServer
) -> None:
    assert b"Check it now" in operator.get(address(registration)).content
    assert provider_server.requests() == []

    provider_server.misbehave("token", Behaviour.ERROR, error="invalid_client")
    page = operator.post(address(registration))

    assert found(page)["client_refused"] == "failure"
    assert found(page)["redirect_uri"] == "ok"
    assert page.context["findings"][0].code == "client_refused"
    assert b"Copy the client ID" in page.content
    assert "Checked at the provider: 1 failure" in LogEntry.objects.get().get_change_message()


@pytest.mark.requirement(98, 99)
def test_nothing_secret_is_on_the_page_or_in_the_history(
    operator: Client, registration: ClientRegistration, provider_server: FakeAuthorizationServer
) -> None:
    page = operator.post(address(registration))
    history = operator.get(f"/admin/integrations/clientregistration/{registration.pk}/history/")

    secrets = secrets_of(provider_server)
    assert len(secrets) > 2
    assert leaks(page.content + history.content, secrets) == []


@pytest.mark.requirement(100)
def test_looking_is_not_enough_and_a_forged_post_neither(
    onlooker: Client, stranger: Client, registration: ClientRegistration, provider_server: FakeAuthorizationServer
) -> None:
    checker = Client(enforce_csrf_checks=True)
    checker.force_login(make_user(is_staff=True, permissions=["check_clientregistration"]))

    for client in (onlooker, stranger):
        assert client.get(address(registration)).status_code == 403
        assert client.post(address(registration)).status_code == 403
    assert checker.get(address(registration)).status_code == 200
    assert checker.post(address(registration)).status_code == 403
    assert Client().post(address(registration)).status_code == 302
    assert provider_server.requests() == []
    page = onlooker.get(f"/admin/integrations/clientregistration/{registration.pk}/change/").content
    assert b"Check this registration" not in page


def test_a_persons_answer_can_be_given_and_is_refused_when_it_does_not_fit(
    operator: Client, provider_server: FakeAuthorizationServer
) -> None:
    registration = register_helpdesk(provider_server)

    assert found(operator.post(address(registration)))["variables_needed"] == "unknown"
    assert found(operator.post(address(registration), {"desk": "acme"}))["client_accepted"] == "ok"
    provider_server.forget_requests()
    refused = operator.post(address(registration), {"desk": "evil.example/"})

    assert refused.context["form"].errors["desk"]
    assert provider_server.requests() == []


def test_one_that_is_gone(operator: Client) -> None:
    assert operator.get("/admin/integrations/clientregistration/999/check/").status_code == 404
