"""Spans reach a real collector, and say nothing that they should not."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from hub.request_id import RequestId
from hub.watching import telemetry
from hub.watching.requests import Requests
from integrations import traces
from integrations.flows import refresh
from integrations.oauth.errors import OAuthError
from tests.fakes.misbehaviour import Behaviour
from tests.flows.journey import Journey, fresh, stored_tokens
from tests.flows.sweeping import connect_many, swept
from tests.watching.collector import Collector, attributes

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parent.parent.parent
TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"

type Flush = Callable[[], Collector]


@pytest.fixture
def flush() -> Iterator[Flush]:
    """Tracing is on; call it for the collector, once it has all spans so far."""
    with Collector() as collector:
        provider = telemetry.start(collector.endpoint)

        def flushed() -> Collector:
            assert provider.force_flush(60_000)
            return collector

        yield flushed
        traces.trace_with(None)
        provider.shutdown()


def test_a_refresh_is_a_span_around_the_call_of_the_token_endpoint(journey: Journey, flush: Flush) -> None:
    connection = journey.connect()
    refresh.refresh(connection.pk, clock=journey.clock, force=True)

    spans = flush().spans()

    assert attributes(spans["refresh"]) == {"hub.provider": "sandbox"}
    assert attributes(spans["token endpoint"]) == {"hub.provider": "sandbox", "hub.grant": "refresh_token"}
    assert spans["token endpoint"].parent_span_id == spans["refresh"].span_id
    assert (spans["token endpoint"].kind, spans["refresh"].kind) == (3, 1)


def test_a_failure_is_told_by_its_code(journey: Journey, flush: Flush) -> None:
    connection = journey.connect()
    journey.server.misbehave("token", Behaviour.ERROR, error="invalid_grant")
    with pytest.raises(OAuthError):
        refresh.refresh(connection.pk, clock=journey.clock, force=True)

    failed = flush().spans()["refresh"]

    assert failed.status.code == 2
    assert attributes(failed)["error.type"] in ("invalid_grant", "needs_reauthorization")
    assert not failed.events
    assert not failed.status.message


def test_a_sweep_is_one_span_however_many_it_asks(journey: Journey, flush: Flush) -> None:
    connect_many(journey.registration, journey.server, 3, clock=journey.clock)
    swept(journey.clock)

    assert set(flush().spans()) == {"sweep"}


def test_a_request_is_a_span_of_the_trace_that_a_trusted_proxy_names(settings: Settings, flush: Flush) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    middleware = RequestId(Requests(lambda request: HttpResponse(status=503)))

    middleware(RequestFactory().get("/x/?q=searched", headers={"traceparent": f"00-{TRACE}-{SPAN}-01"}))

    span = flush().spans()["GET (unmatched)"]
    assert (span.trace_id.hex(), span.parent_span_id.hex(), span.kind) == (TRACE, SPAN, 2)
    assert attributes(span) == {
        "http.request.method": "GET",
        "http.route": "(unmatched)",
        "http.response.status_code": 503,
        "error.type": "503",
    }


def test_lines_and_span_of_a_request_have_the_same_ids(flush: Flush, caplog: pytest.LogCaptureFixture) -> None:
    from structlog.contextvars import get_contextvars

    seen: dict[str, str] = {}

    def answer(request: HttpRequest) -> HttpResponse:
        seen.update(get_contextvars())
        return HttpResponse()

    RequestId(Requests(answer))(RequestFactory().get("/"))

    span = flush().spans()["GET (unmatched)"]
    assert (seen["trace_id"], seen["span_id"]) == (span.trace_id.hex(), span.span_id.hex())


@pytest.mark.requirement(98, 157)
def test_no_span_holds_a_secret_a_person_or_an_address(journey: Journey, flush: Flush) -> None:
    connection = journey.connect()
    browser = Client()
    browser.force_login(journey.user)
    browser.get(f"/connections/{connection.uuid}/?q=searched-for")
    refresh.refresh(connection.pk, clock=journey.clock, force=True)
    tokens = stored_tokens(connection)
    journey.server.misbehave("token", Behaviour.ERROR, error="server_error")
    with pytest.raises(OAuthError):
        refresh.refresh(connection.pk, clock=journey.clock, force=True)

    written = flush().written()

    row = fresh(connection)
    hidden = [tokens.access_token, tokens.refresh_token, str(row.uuid), row.subject, row.account_label, row.issuer]
    hidden += [journey.user.username, journey.user.email, journey.server.origin, "searched-for", "127.0.0.1"]
    assert "/connections/<uuid:uuid>/" in written
    assert [value for value in hidden if value and value in written] == []


def test_providers_are_sent_no_trace(journey: Journey, flush: Flush) -> None:
    connection = journey.connect()
    with traces.span("around"):
        refresh.refresh(connection.pk, clock=journey.clock, force=True)
    connect_many(journey.registration, journey.server, 1, clock=journey.clock)
    swept(journey.clock)

    sent = {name for request in journey.server.requests() for name in request.headers}

    assert "user-agent" in sent
    assert {"traceparent", "tracestate", "baggage", "x-request-id"} & sent == set()


def started(tmp_path: Path, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": "sqlite://:memory:"}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=ROOT, env=environment | variables, capture_output=True, text=True, timeout=120)


LOADED = (
    "import sys, json, django; django.setup(); from integrations import traces;\n"
    "with traces.span('alone') as span: ids = span.ids\n"
    "print(json.dumps([ids is not None, 'opentelemetry' in sys.modules]))"
)


def test_where_nobody_traces_nothing_is_loaded(tmp_path: Path) -> None:
    assert json.loads(started(tmp_path, LOADED).stdout) == [False, False]


@pytest.mark.parametrize("name", ["HUB_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"])
def test_an_endpoint_switches_it_on_and_all_is_sent_before_the_process_ends(tmp_path: Path, name: str) -> None:
    with Collector() as collector:
        variables = {name: collector.endpoint, "OTEL_SERVICE_NAME": "the-hub-in-a-test"}
        assert json.loads(started(tmp_path, LOADED, **variables).stdout) == [True, True]

        assert set(collector.spans()) == {"alone"}
        (resource,) = collector.resources()
        assert attributes(resource.resource)["service.name"] == "the-hub-in-a-test"


def test_opentelemetrys_own_switch_is_heeded(tmp_path: Path) -> None:
    variables = {"HUB_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"}

    assert json.loads(started(tmp_path, LOADED, **variables).stdout) == [False, False]


def test_without_the_package_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    hidden = "import sys; sys.modules['opentelemetry.sdk.trace'] = None\n" + LOADED

    ended = started(tmp_path, hidden, HUB_OTLP_ENDPOINT="http://127.0.0.1:9")

    assert ended.returncode != 0
    assert "requirements/telemetry.txt" in ended.stderr
