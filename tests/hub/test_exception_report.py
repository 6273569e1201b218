"""Error pages and reports hold no secret, with DEBUG on too."""

import sys

import pytest
from django.http import HttpRequest
from django.test import RequestFactory
from django.views.debug import get_exception_reporter_class
from django.views.decorators.debug import sensitive_variables
from pytest_django import Settings

from hub.exception_report import HubExceptionReporter

# Joined, because a report shows the lines around the failure as they are written.
CANARY = ".".join(("cAnary7", "secret-VALUE_9"))


def report(request: HttpRequest, *, html: bool) -> str:
    """The page Django would show, for an exception with secrets all about it."""
    try:
        fail(CANARY)
    except RuntimeError:
        reporter = HubExceptionReporter(request, *sys.exc_info())
    shown: str = reporter.get_traceback_html() if html else reporter.get_traceback_text()
    return shown


def fail(token: str) -> None:
    client_secret = token
    headers = {"Authorization": f"Bearer {client_secret}"}
    harmless = "a plain word"
    try:
        raise ValueError(f"state={token}")
    except ValueError as cause:
        cause.add_note(f"code_verifier={token}")
        raise RuntimeError(f"{harmless} {len(headers)}: access_token={token}") from cause


@pytest.fixture
def request_with_secrets(rf: RequestFactory) -> HttpRequest:
    return rf.post(
        f"/connections/callback/github/?code={CANARY}&state={CANARY}&anything={CANARY}",
        {"client_secret": CANARY, "anything": CANARY},
        headers={
            "authorization": f"Bearer {CANARY}",
            "cookie": f"hub_test_session={CANARY}",
            "referer": f"https://idp.example/?anything={CANARY}",
        },
    )


@pytest.mark.requirement(98)
@pytest.mark.parametrize("html", [True, False], ids=["page", "mail"])
@pytest.mark.parametrize("debug", [True, False], ids=["debug", "no debug"])
def test_a_report_shows_no_secret(
    settings: Settings, request_with_secrets: HttpRequest, *, debug: bool, html: bool
) -> None:
    settings.DEBUG = debug

    shown = report(request_with_secrets, html=html)

    assert "RuntimeError" in shown
    assert CANARY not in shown


@pytest.mark.requirement(98)
def test_a_report_shows_no_setting_that_holds_a_secret(settings: Settings, rf: RequestFactory) -> None:
    settings.DEBUG = True
    settings.HUB_SEALING_KEYS = f"k1:{CANARY}"
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": f"redis://:{CANARY}@cache"}}
    settings.MAILERS = {"default": {"OPTIONS": {"password": CANARY}}}
    settings.SITE_URL = f"https://user:{CANARY}@hub.example"

    shown = report(rf.get("/"), html=True)

    assert "HUB_SEALING_KEYS" in shown
    assert "********" in shown
    assert settings.HUB_SEALING_KEYS not in shown


@pytest.mark.requirement(98)
def test_variables_marked_sensitive_are_hidden_with_debug_too(settings: Settings, rf: RequestFactory) -> None:
    settings.DEBUG = True

    @sensitive_variables("answer")
    def work() -> None:
        answer = CANARY
        raise RuntimeError(len(answer))

    try:
        work()
    except RuntimeError:
        reporter = HubExceptionReporter(rf.get("/"), *sys.exc_info())

    assert CANARY not in reporter.get_traceback_html()


@pytest.mark.requirement(98)
def test_frames_of_our_own_code_show_no_variable(settings: Settings, rf: RequestFactory) -> None:
    settings.DEBUG = True
    source = "def work(value):\n    borrowed = value\n    raise RuntimeError\nwork(given)"
    try:
        exec(compile(source, "flows.py", "exec"), {"__name__": "integrations.flows.access", "given": CANARY})
    except RuntimeError:
        reporter = HubExceptionReporter(rf.get("/"), *sys.exc_info())

    shown = reporter.get_traceback_html()

    assert "borrowed" in shown
    assert CANARY not in shown


def test_django_uses_this_report(rf: RequestFactory) -> None:
    in_use: object = get_exception_reporter_class(rf.get("/"))

    assert in_use is HubExceptionReporter
