"""One line for each request, which tells the pattern and not the path."""

import io
import json
import logging
import logging.config
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from hub.logging import configuration
from hub.request_id import RequestId
from hub.watching.requests import Requests
from tests.factories import make_user

ROOT = Path(__file__).resolve().parent.parent.parent
CANARY = "cAnary7-secret-VALUE-9"
TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"

type Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What is written as the settings configure it for production, from INFO up, read back."""
    config = configuration(level="INFO", as_json=True)
    stream = io.StringIO()
    root, django = logging.getLogger(), logging.getLogger("django")
    before = list(root.handlers), root.level, list(django.handlers), django.propagate
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.config.DictConfigurator(dict(config)).configure_formatter(config["formatters"]["hub"]))
    root.handlers, django.handlers, django.propagate = [handler], [], True
    root.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers, _, django.handlers, django.propagate = before
    root.setLevel(before[1])


def of(lines: Lines, logger: str) -> dict[str, Any]:
    (line,) = [line for line in lines() if line["logger"] == logger]
    return line


@pytest.mark.django_db
def test_a_request_is_one_line_with_its_ids(client: Client, lines: Lines) -> None:
    client.get(f"/accounts/login/?next=/connections/%3Fq%3D{CANARY}")

    line = of(lines, "hub.watching.requests")
    told = {name: line[name] for name in ("event", "level", "method", "route", "status")}
    assert told == {
        "event": "request",
        "level": "info",
        "method": "GET",
        "route": "/accounts/login/",
        "status": 200,
    }
    assert line["ms"] > 0
    assert (len(line["request_id"]), len(line["trace_id"]), len(line["span_id"])) == (10, 32, 16)


@pytest.mark.requirement(98)
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "route"),
    [
        (f"/accounts/password/reset/key/1-{CANARY}/", "/accounts/password/reset/key/"),
        (f"/accounts/confirm-email/{CANARY}/", "/accounts/confirm-email/"),
        (f"/connections/callback/{CANARY}/?code={CANARY}&iss={CANARY}&more={CANARY}", "/connections/callback/"),
        (f"/no/such/{CANARY}/?q={CANARY}", "(unmatched)"),
        (f"/no/such/{CANARY}/ü/%0A/", "(unmatched)"),
        (f"/static/{CANARY}.css", "(static)"),
    ],
)
def test_no_line_of_a_request_holds_its_path_or_query(client: Client, lines: Lines, path: str, route: str) -> None:
    client.get(path)

    assert CANARY not in json.dumps(lines())
    assert of(lines, "hub.watching.requests")["route"].startswith(route)


@pytest.mark.requirement(98)
@pytest.mark.django_db
def test_a_refused_csrf_check_tells_neither_path_nor_where_it_came_from(lines: Lines, settings: Settings) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user())
    path = f"/accounts/password/reset/key/1-{CANARY}/?token={CANARY}"
    referer = f"https://elsewhere.example/{CANARY}/?q={CANARY}#{CANARY}"

    client.post(path, {"password1": CANARY}, secure=True, HTTP_REFERER=referer)

    refused = of(lines, "django.security.csrf")
    assert CANARY not in json.dumps(lines())
    assert "https://elsewhere.example does not match" in refused["event"]
    assert refused["method"] == "POST"
    assert "Referer checking failed" in refused["event"]


@pytest.mark.requirement(98)
def test_our_own_mistake_tells_neither_path_nor_query(lines: Lines, settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.failing_urls"

    Client(raise_request_exception=False).get(f"/fail/?q={CANARY}")

    failed = of(lines, "django.request")
    assert failed["event"] == "Internal Server Error: /fail/"
    assert failed["request_id"] == of(lines, "hub.watching.requests")["request_id"]
    assert "RuntimeError" in failed["exception"]
    assert CANARY not in json.dumps(lines())


@pytest.mark.requirement(98)
@pytest.mark.parametrize(
    "logger", ["django.server", "granian.access", "wsgiref", "django.security.DisallowedHost", "someone.else"]
)
def test_a_request_line_that_a_server_writes_has_no_query(lines: Lines, logger: str) -> None:
    logging.getLogger(logger).error('"%s" %s', f"GET /connections/?q={CANARY} HTTP/1.1", 200)
    logging.getLogger(logger).error("see https://hub.example/connections/?q=%s#%s", CANARY, CANARY)
    logging.getLogger(logger).error("failed", extra={"request": RequestFactory().get(f"/x/?q={CANARY}")})

    assert CANARY not in json.dumps(lines())


def test_the_development_servers_own_lines_are_off() -> None:
    assert configuration(level="DEBUG", as_json=True)["loggers"]["django.server"]["level"] == "CRITICAL"


def answered(settings: Settings, *, proxies: int, traceparent: str) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies

    def answer(request: HttpRequest) -> HttpResponse:
        logging.getLogger("somewhere").warning("in it")
        return HttpResponse()

    RequestId(Requests(answer))(RequestFactory().get("/", headers={"traceparent": traceparent}))


@pytest.mark.parametrize(
    ("proxies", "traceparent", "is_taken"),
    [
        (1, f"00-{TRACE}-{SPAN}-01", True),
        (1, f"cc-{TRACE}-{SPAN}-01-what-the-future-brings", True),
        (0, f"00-{TRACE}-{SPAN}-01", False),
        (1, f"00-{TRACE}-{SPAN}-01-more", False),
        (1, f"ff-{TRACE}-{SPAN}-01", False),
        (1, f"00-{'0' * 32}-{SPAN}-01", False),
        (1, f"00-{TRACE}-{'0' * 16}-01", False),
        (1, f"00-{TRACE.upper()}-{SPAN}-01", False),
        (1, f"00-{TRACE}-{SPAN}", False),
        (1, f"00-{TRACE}-{SPAN}-01\n", False),
        (1, "", False),
    ],
)
def test_a_trusted_proxy_names_the_trace(
    settings: Settings, lines: Lines, proxies: int, traceparent: str, *, is_taken: bool
) -> None:
    answered(settings, proxies=proxies, traceparent=traceparent)

    line = of(lines, "somewhere")
    assert (line["trace_id"] == TRACE) is is_taken
    assert line["span_id"] != SPAN
    assert (line["trace_id"], line["span_id"]) == tuple(
        of(lines, "hub.watching.requests")[name] for name in ("trace_id", "span_id")
    )


def test_a_refused_host_is_told_without_the_request(lines: Lines) -> None:
    error = DisallowedHost("Invalid HTTP_HOST header: 'evil.example'.")
    request = RequestFactory().get(f"/{CANARY}/?q={CANARY}")

    logging.getLogger("django.security.DisallowedHost").error(
        str(error), extra={"status_code": 400, "request": request}
    )

    (line,) = lines()
    assert "evil.example" in line["event"]
    assert CANARY not in json.dumps(line)


def test_a_command_names_its_run_on_every_line() -> None:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings", "LOG_JSON": "true"}
    script = (
        "import sys, logging, threading; from hub import run_id; import django; run_id.begin('sweep_tokens');"
        "django.setup(); t = threading.Thread(target=logging.getLogger('t').warning, args=('from a thread',));"
        "t.start(); t.join(); logging.getLogger('m').warning('from the command')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )

    written = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [line["event"] for line in written] == ["from a thread", "from the command"]
    assert len({line["run_id"] for line in written}) == 1
    assert {line["command"] for line in written} == {"sweep_tokens"}
