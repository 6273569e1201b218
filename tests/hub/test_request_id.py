"""One code ties the page that somebody reads to the lines of the log."""

import re
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils.functional import SimpleLazyObject
from pytest_django import Settings
from structlog.contextvars import get_contextvars

from hub import error_pages
from hub.request_id import RequestId


def code_on(response: Any) -> str:
    found = re.search(r"<code data-varies>([\w-]+)</code>", response.content.decode())
    return found[1] if found else ""


@pytest.fixture
def failing(settings: Settings) -> Client:
    settings.ROOT_URLCONF = "tests.failing_urls"
    return Client(raise_request_exception=False)


def test_our_own_mistake_shows_the_code_that_the_log_has(failing: Client, caplog: pytest.LogCaptureFixture) -> None:
    response = failing.get("/fail/")

    (record,) = [record for record in caplog.records if record.name == "tests.failing"]
    assert response.status_code == 500
    assert code_on(response) == record.bound  # type: ignore[attr-defined]
    assert len(code_on(response)) == 10
    assert "secret-in-an-error" not in response.content.decode()


def nobody_knows() -> NoReturn:
    raise AssertionError("the page asked who it is")


@pytest.mark.parametrize(
    "render", [error_pages.server_error, lambda request: error_pages.bad_request(request, Exception())]
)
def test_pages_that_must_not_fail_ask_for_no_person(render: Callable[[HttpRequest], HttpResponse]) -> None:
    request = RequestFactory().get("/")
    request.user = SimpleLazyObject(nobody_knows)  # type: ignore[assignment]

    page = render(request).content.decode()

    assert 'href="/connections/"' in page


@pytest.mark.django_db
def test_each_request_has_another_one(client: Client) -> None:
    codes = {code_on(client.get("/no/such/page/")) for _ in range(3)}

    assert len(codes) == 3 and "" not in codes
    assert "request_id" not in get_contextvars()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("proxies", "given", "is_taken"),
    [
        (1, "0f-proxy-request", True),
        (0, "0f-proxy-request", False),
        (1, "short", False),
        (1, "x" * 65, False),
        (1, "<script>alert(1)</script>", False),
        (1, "trailing-line\n", False),
    ],
)
def test_a_trusted_proxy_names_its_requests(settings: Settings, proxies: int, given: str, *, is_taken: bool) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    seen: list[str] = []
    middleware = RequestId(lambda request: seen.append(request.META["hub.request_id"]) or HttpResponse())  # type: ignore[func-returns-value]

    middleware(RequestFactory().get("/", headers={"X-Request-ID": given}))

    assert (seen == [given]) is is_taken
    assert seen[0]
