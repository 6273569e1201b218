"""What goes wrong, on every device: each page says so, holds up, and leads back to where one can go on."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect
from pytest_django import Settings

from integrations.models import AuthorizationRequest, ClientRegistration
from tests.browser.conftest import Hub, glance, on_every_device
from tests.factories import make_connection, make_user
from tests.fakes.misbehaviour import Behaviour

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SANDBOX = "/connections/new/sandbox/"


def press_continue(hub: Hub, **headers: str) -> Page:
    """Leave for the provider, which answers as the headers say."""
    page = hub.open(SANDBOX)
    page.set_extra_http_headers(headers)
    page.get_by_role("button", name="Continue to Sandbox").click()
    page.wait_for_url("**/connections/problem/")
    page.set_extra_http_headers({})
    return page


def stopped_at_the_provider(hub: Hub) -> str:
    """Leave for the provider and stay there; the address to come back to."""
    page = hub.open(SANDBOX)
    back: list[str] = []

    def hold(route: object) -> None:
        answer = route.fetch(max_redirects=0)  # type: ignore[attr-defined]
        back.append(answer.headers["location"])
        route.fulfill(status=200, content_type="text/html", body="<title>Sign in</title>")  # type: ignore[attr-defined]

    page.route(f"{hub.server.origin}/oauth/authorize/**", hold)
    page.get_by_role("button", name="Continue to Sandbox").click()
    page.wait_for_url(f"{hub.server.origin}/**")
    page.unroute(f"{hub.server.origin}/oauth/authorize/**")
    return back[0].removeprefix(hub.origin)


def starts_again(hub: Hub) -> None:
    """The way back offers the very attempt once more, and it works."""
    hub.page.get_by_role("button", name="Start again").click()
    hub.page.get_by_text("Sandbox is connected.").wait_for()


def title(page: Page) -> Locator:
    return page.get_by_role("heading", level=1)


@on_every_device
def test_an_address_that_is_not_there(hub: Hub) -> None:
    page = hub.open("/no/such/page/")

    expect(title(page)).to_have_text("This page does not exist")
    glance(page, "error-404")
    page.get_by_role("link", name="Your connections").click()
    hub.is_at("/connections/")


@on_every_device
def test_a_page_that_is_not_for_everyone(hub: Hub) -> None:
    hub.sign_in(make_user("clerk", is_staff=True))
    page = hub.open("/admin/integrations/connection/")

    expect(title(page)).to_have_text("You may not do this")
    glance(page, "error-403")
    page.get_by_role("link", name="Your connections").click()
    hub.is_at("/connections/")


@on_every_device
def test_a_form_that_is_out_of_date(hub: Hub) -> None:
    page = hub.open(SANDBOX)
    page.context.clear_cookies(name="hub_test_csrf")
    page.get_by_role("button", name="Continue to Sandbox").click()

    expect(title(page)).to_have_text("This form is out of date")
    glance(page, "error-403-csrf")
    page.go_back()
    page.reload()
    page.get_by_role("button", name="Continue to Sandbox").click()
    page.get_by_text("Sandbox is connected.").wait_for()


@on_every_device
def test_a_request_that_cannot_be_read(hub: Hub) -> None:
    page = hub.open("/connections/?q=%00")

    expect(title(page)).to_have_text("This request cannot be read")
    glance(page, "error-400")
    page.get_by_role("link", name="Your connections").click()
    hub.is_at("/connections/")


@on_every_device
def test_our_own_mistake(hub: Hub, settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.failing_urls"
    page = hub.open("/fail/")

    expect(title(page)).to_have_text("Something went wrong here")
    expect(page.get_by_text("Support code:")).to_be_visible()
    glance(page, "error-500")
    page.get_by_role("link", name="Your connections").click()
    hub.is_at("/connections/")


@on_every_device
def test_too_many_attempts(hub: Hub, settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login": "1/m/ip"}
    page = hub.page
    page.context.clear_cookies()
    for _ in range(2):
        hub.open("/accounts/login/")
        page.get_by_label("Username").fill("nobody")
        page.get_by_label("Password").fill("a wrong word")
        page.get_by_role("button", name="Sign in", exact=True).click()

    expect(title(page)).to_have_text("Too many attempts")
    glance(page, "error-429")
    page.get_by_role("link", name="Your connections").click()
    hub.is_at("/accounts/login/?next=/connections/")


@on_every_device
def test_saying_no_at_the_provider(hub: Hub) -> None:
    page = press_continue(hub, **{"X-Fake-Error": "access_denied"})

    expect(title(page)).to_have_text("You did not allow access")
    expect(page.get_by_text("Nothing was connected")).to_be_visible()
    glance(page, "problem-denied")
    starts_again(hub)


@on_every_device
def test_a_provider_that_is_down(hub: Hub) -> None:
    hub.server.misbehave("token", Behaviour.SERVER_ERROR)
    page = press_continue(hub)

    expect(title(page)).to_have_text("Sandbox is not answering")
    glance(page, "problem-offline")
    starts_again(hub)


@on_every_device
def test_taking_too_long(hub: Hub) -> None:
    back = stopped_at_the_provider(hub)
    AuthorizationRequest.objects.update(expires_at=timezone.now())
    page = hub.open(back)

    expect(title(page)).to_have_text("That took too long")
    glance(page, "problem-expired")
    starts_again(hub)


@on_every_device
def test_coming_back_as_another_account(hub: Hub) -> None:
    connection = make_connection(owner=hub.user, registration=hub.registration, subject="somebody-else")
    page = hub.open("/connections/")
    page.goto(f"{hub.origin}/connections/{connection.uuid}/")
    page.get_by_role("button", name="Reconnect").click()
    page.wait_for_url("**/connections/problem/")

    expect(title(page)).to_have_text("That is another account")
    expect(page.get_by_text("The connection was not changed.")).to_be_visible()
    glance(page, "problem-another-account")
    page.get_by_role("link", name="Your connections").click()
    expect(page.get_by_role("heading", name="Your connections")).to_be_visible()


def as_another_person(hub: Hub) -> None:
    hub.sign_in(make_user("kim"))


def after_signing_in_again(hub: Hub) -> None:
    hub.sign_in(hub.user)


@on_every_device
@pytest.mark.parametrize(
    ("changed", "expected", "name"),
    [
        (as_another_person, "Somebody else started this", "problem-another-person"),
        (after_signing_in_again, "You started in another browser", "problem-another-browser"),
    ],
)
def test_coming_back_as_somebody_else(hub: Hub, changed: Callable[[Hub], None], expected: str, name: str) -> None:
    back = stopped_at_the_provider(hub)
    hub.page.context.clear_cookies()
    changed(hub)
    page = hub.open(back)

    expect(title(page)).to_have_text(expected)
    glance(page, name)
    page.get_by_role("link", name="Start again").click()
    page.get_by_role("button", name="Continue to Sandbox").click()
    page.get_by_text("Sandbox is connected.").wait_for()


@on_every_device
def test_a_service_that_was_switched_off(hub: Hub) -> None:
    page = hub.open(SANDBOX)
    ClientRegistration.objects.update(enabled=False)
    page.get_by_role("button", name="Continue to Sandbox").click()

    expect(title(page)).to_have_text("Sandbox is switched off")
    glance(page, "problem-switched-off")
    page.get_by_role("link", name="Your connections").click()
    hub.is_at("/connections/")
