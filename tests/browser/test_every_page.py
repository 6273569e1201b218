"""Every page, in every state a person meets, wide and narrow, light and dark."""

from urllib.parse import urlencode

import pytest
from django.template.loader import render_to_string
from django.urls import reverse
from playwright.sync_api import expect

from integrations.models import ClientRegistration, Connection, Event
from tests.authorization_server.steps import authorization_request, get_tokens, make_application
from tests.browser.conftest import Hub, look
from tests.factories import make_connection, make_event
from tests.fakes.misbehaviour import Behaviour

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def connected(hub: Hub, **fields: object) -> Connection:
    fields = {"registration": hub.registration, "owner": hub.user, "scope": "profile notes:read", **fields}
    return make_connection(**fields)  # type: ignore[arg-type]


def address(connection: Connection, name: str = "connection") -> str:
    return reverse(f"integrations:{name}", kwargs={"uuid": connection.uuid})


def test_the_page_of_a_provider(hub: Hub) -> None:
    connected(hub)

    page = hub.open("/connections/new/sandbox/")
    page.get_by_role("switch", name="Read your notes").check()
    page.get_by_text("Technical details").nth(1).click()

    look(page, "provider")


def test_the_consent_page(hub: Hub) -> None:
    look(hub.open("/connections/consent/?provider=sandbox&feature=notes.read"), "consent-new")
    connected(hub, scope="profile", name="Work")

    look(hub.open("/connections/consent/?provider=sandbox&feature=notes.read&next=/connections/"), "consent")


def test_the_page_of_a_connection(hub: Hub) -> None:
    connection = connected(hub, name="Work", account_label="alice@example.test")
    make_event(connection=connection, actor=hub.user.username)
    make_event(connection=connection, kind=Event.Kind.REFRESHED)
    make_event(connection=connection, kind=Event.Kind.REFRESH_FAILED, details={"code": "timeout"})

    page = hub.open(address(connection))
    page.get_by_text("Rename", exact=True).click()

    look(page, "connection")


@pytest.mark.parametrize("status", ["needs_reauthorization", "revoking", "revoked"])
def test_the_page_of_a_connection_that_cannot_be_used(hub: Hub, status: str) -> None:
    look(hub.open(address(connected(hub, status=status))), f"connection-{status}")


def test_the_page_of_a_connection_in_trouble(hub: Hub) -> None:
    connection = connected(hub, failure_count=3, last_error_code="rate_limited")
    look(hub.open(address(connection)), "connection-trouble")
    ClientRegistration.objects.update(enabled=False)

    look(hub.open(address(connection)), "connection-disabled")


def test_disconnecting_is_confirmed(hub: Hub) -> None:
    look(hub.open(address(connected(hub, name="Work"), "disconnect")), "disconnect")


def test_leaving_for_the_provider(hub: Hub) -> None:
    page = hub.open("/connections/new/sandbox/")
    page.route(f"{hub.server.origin}/**", lambda route: route.abort())
    page.route("**/connections/begin/**", without_refresh)
    page.get_by_role("button", name="Continue to Sandbox").click()

    expect(page.get_by_role("link", name="Continue to Sandbox")).to_be_visible()
    look(page, "leave")


def test_problems(hub: Hub) -> None:
    look(hub.open("/connections/callback/sandbox/?code=x&state=unknown"), "problem-stale")
    hub.server.misbehave("token", Behaviour.SERVER_ERROR)
    page = hub.open("/connections/new/sandbox/")
    page.get_by_role("button", name="Continue to Sandbox").click()
    page.wait_for_url("**/connections/problem/")
    look(page, "problem-unavailable")


def test_a_problem_for_an_operator(hub: Hub) -> None:
    page = hub.open("/connections/new/sandbox/")
    page.set_extra_http_headers({"X-Fake-Error": "invalid_request", "X-Fake-Error-Description": "bad redirect_uri"})
    page.get_by_role("button", name="Continue to Sandbox").click()
    page.wait_for_url("**/connections/problem/")

    expect(page.get_by_text(f"{hub.origin}/connections/callback/sandbox/")).to_be_visible()
    look(page, "problem-operator")


def test_pages_that_are_not_there(hub: Hub) -> None:
    look(hub.open("/connections/new/nothing-of-the-kind/"), "404")


def test_allowing_an_application(hub: Hub) -> None:
    make_application(name="Agenda for teams")
    get_tokens(hub.user, scope="profile")

    asked = urlencode(authorization_request(scope="profile notes:read notes:write"))
    page = hub.open(f"/oauth/authorize/?{asked}")
    expect(page.get_by_role("button", name="Allow")).to_be_visible()
    look(page, "authorize")

    refused = urlencode(authorization_request(redirect_uri="https://elsewhere.example.test/"))
    look(hub.open(f"/oauth/authorize/?{refused}"), "authorize-refused")


def without_refresh(route: object) -> None:
    response = route.fetch()  # type: ignore[attr-defined]
    headers = {name: value for name, value in response.headers.items() if name != "refresh"}
    route.fulfill(response=response, headers=headers)  # type: ignore[attr-defined]


def test_signing_in(hub: Hub) -> None:
    hub.page.context.clear_cookies()

    look(hub.open("/accounts/login/?next=/connections/"), "sign-in")
    look(hub.open("/connections/callback/sandbox/?code=x&state=y"), "sign-in-after-callback")


@pytest.mark.parametrize("code", ["400", "403", "500"])
def test_pages_without_a_request(hub: Hub, code: str) -> None:
    page = hub.page
    hub.open("/connections/")
    page.set_content(render_to_string(f"{code}.html").replace("/static/", f"{hub.origin}/static/"))

    expect(page.get_by_role("link", name="Your connections")).to_be_visible()
    look(page, code)
