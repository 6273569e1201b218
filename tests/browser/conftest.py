"""A real Chromium on a live hub, signed in, with a provider beside it."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from integrations.models import ClientRegistration
from tests.browser.accessibility import (
    OF_COLOURS,
    Scheme,
    in_the_other_scheme,
    scheme_of,
    settle,
    small_targets,
    violations_of_accessibility,
)
from tests.browser.chromium import executable
from tests.browser.pictures import take
from tests.conftest import on_sqlite
from tests.factories import make_user
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.registration import register_sandbox

WIDE, NARROW = 1280, 390
#: How long a page may take on a machine that is busy with other things.
PATIENCE_MILLISECONDS = 30_000
expect.set_options(timeout=PATIENCE_MILLISECONDS)
#: What the hub waits for a provider; a little less than its lease lasts.
PATIENT_DEADLINE_SECONDS = 45


@dataclass(frozen=True, kw_only=True)
class Device:
    """What somebody holds: a width in CSS pixels, light or dark, with or without JavaScript."""

    width: int = WIDE
    scheme: Scheme = "light"
    javascript: bool = True

    def __str__(self) -> str:
        return f"{self.width}-{self.scheme}{'' if self.javascript else '-no-script'}"


#: Where the database sorts, searches, pages and deletes; and the journey that everybody makes.
ON_POSTGRESQL = ("test_the_live_server", "test_journey", "test_journey_list", "test_journey_account", "test_admin_tool")

#: Marks for a journey: `@on_every_device` runs it on a desktop in light and on a phone in dark colours. What it comes
#: by is held against the colours of the other scheme too (`glance`); what a page does is the same in both.
on_every_device = pytest.mark.parametrize(
    "device", [Device(), Device(width=NARROW, scheme="dark")], ids=str, indirect=True
)
without_javascript = pytest.mark.parametrize(
    "device",
    [Device(javascript=False), Device(width=NARROW, scheme="dark", javascript=False)],
    ids=str,
    indirect=True,
)


@dataclass(kw_only=True)
class Hub:
    """A person in front of the hub."""

    origin: str
    page: Page
    user: User
    registration: ClientRegistration
    server: FakeAuthorizationServer

    def open(self, path: str) -> Page:
        self.page.goto(self.origin + path)
        return self.page

    @property
    def path(self) -> str:
        """Where the browser is, query included."""
        parts = urlsplit(self.page.url)
        assert f"{parts.scheme}://{parts.netloc}" == self.origin, self.page.url
        return parts.path + (f"?{parts.query}" if parts.query else "")

    def is_at(self, path: str) -> None:
        """Wait until the browser is there, query included; on whatever part of the page."""
        expect(self.page).to_have_url(re.compile(rf"^{re.escape(self.origin + path)}(#.*)?$"))

    def is_under(self, path: str) -> None:
        """Wait until the browser is at an address that begins so."""
        expect(self.page).to_have_url(re.compile(f"^{re.escape(self.origin + path)}"))

    def sign_in(self, user: User) -> None:
        sign_in(self.page.context, user, origin=self.origin)


@pytest.fixture(scope="package")
def chromium(django_db_setup: None) -> Iterator[Browser]:
    """One browser for this folder. While it runs, Playwright keeps an event loop in this thread, beside which Django
    refuses to touch the database unless told otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=executable())
            yield browser
            browser.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL only the journeys that lean on it are made, on one device of each kind: what a page looks like and
    what it does in a browser is no database's doing."""
    if on_sqlite():
        return
    left_out = [item for item in items if not leans_on_database(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if leans_on_database(item)]


def leans_on_database(item: pytest.Item) -> bool:
    if item.get_closest_marker("browser") is None:
        return True
    return item.path.stem in ON_POSTGRESQL and device_of(item) in (Device(), Device(javascript=False))


def device_of(item: pytest.Item) -> Device:
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    device = parameters.get("device", Device())
    return device if isinstance(device, Device) else Device()


@pytest.fixture
def device(request: pytest.FixtureRequest) -> Device:
    """Desktop, light, unless a mark says otherwise."""
    return getattr(request, "param", Device())


@contextmanager
def well_behaved(chromium: Browser, **options: object) -> Iterator[BrowserContext]:
    """A context in which no page may have a script error or violate the content security policy."""
    context = chromium.new_context(**{"timezone_id": "UTC", **options})  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    complaints: list[str] = []
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("console", lambda message: complaints.append(message.text) if is_a_violation(message.text) else None)
    try:
        yield context
    finally:
        context.close()
    assert complaints == []


@pytest.fixture
def page(chromium: Browser, device: Device) -> Iterator[Page]:
    """A page on the device of the test."""
    size: ViewportSize = {"width": device.width, "height": 800}
    with well_behaved(
        chromium, viewport=size, color_scheme=device.scheme, java_script_enabled=device.javascript
    ) as context:
        yield context.new_page()


@pytest.fixture
def another_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a browser beside the first, with options of Playwright's; it is held to the same rules."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(well_behaved(chromium, **options)).new_page()


@pytest.fixture
def provider_server() -> Iterator[FakeAuthorizationServer]:
    """A fake provider on the real clock, as the live hub."""
    with FakeAuthorizationServer() as server:
        yield server


@pytest.fixture
def hub(live_server: LiveServer, settings: Settings, page: Page, provider_server: FakeAuthorizationServer) -> Hub:
    settings.SITE_URL = live_server.url
    settings.HUB_HTTP_DEADLINE_SECONDS = PATIENT_DEADLINE_SECONDS
    hub = Hub(
        origin=live_server.url,
        page=page,
        user=make_user("robin"),
        registration=register_sandbox(provider_server),
        server=provider_server,
    )
    hub.sign_in(hub.user)
    return hub


def sign_in(context: BrowserContext, user: User, *, origin: str) -> None:
    client = Client()
    client.force_login(user)
    (name, morsel), *_ = client.cookies.items()
    context.add_cookies([{"name": name, "value": morsel.value, "url": origin}])


def is_a_violation(text: str) -> bool:
    return "Content Security Policy" in text


def look(page: Page, name: str) -> None:
    """Hold a page against what is true of all: no axe violation, no sideways scrolling; wide, narrow, light, dark.

    With HUB_SCREENSHOTS=<folder> it also leaves pictures for a person to look at (pictures.py).
    """
    for device in (Device(), Device(width=NARROW, scheme="dark")):
        page.set_viewport_size({"width": device.width, "height": 800})
        page.emulate_media(color_scheme=device.scheme)
        glance(page, name)
    page.set_viewport_size({"width": WIDE, "height": 800})
    page.emulate_media(color_scheme="light")


def glance(page: Page, name: str) -> None:
    """The same as the page stands, and its colours in the other scheme: for a journey that runs on every device."""
    if not on_sqlite():
        return
    page.wait_for_load_state()
    width: int = page.evaluate("innerWidth")
    settle(page)
    take(page, name, width=width, scheme=scheme_of(page))
    assert violations_of_accessibility(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert small_targets(page) == []
    with in_the_other_scheme(page) as scheme:
        take(page, name, width=width, scheme=scheme)
        assert violations_of_accessibility(page, rules=OF_COLOURS) == []
