"""Spans by OpenTelemetry, sent to a collector by OTLP over HTTP. Imported only where tracing is on.

What a span says is chosen here and in the flows: no address with a query, no person, no exception text. Nothing is
instrumented by itself, so no header of ours reaches a provider.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    format_span_id,
    format_trace_id,
    set_span_in_context,
)
from opentelemetry.trace import Span as OtelSpan

from integrations import traces

KINDS: dict[traces.Kind, SpanKind] = {
    "internal": SpanKind.INTERNAL,
    "call": SpanKind.CLIENT,
    "serving": SpanKind.SERVER,
}
#: What has a name in OpenTelemetry's semantic conventions.
NAMES = {
    "method": "http.request.method",
    "route": "http.route",
    "status": "http.response.status_code",
    "error": "error.type",
}


def start(endpoint: str) -> TracerProvider:
    """Trace from now on; an empty endpoint leaves it to OpenTelemetry's own variables."""
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces" if endpoint else None)
    # OTEL_SERVICE_NAME, where it is set, goes before this name.
    resource = Resource({SERVICE_NAME: "integration-hub"}).merge(_named())
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    traces.trace_with(Telemetry(provider))
    return provider


def _named() -> Resource:
    found = Resource.create()
    is_named = not str(found.attributes.get(SERVICE_NAME, "")).startswith("unknown_service")
    return found if is_named else Resource({k: v for k, v in found.attributes.items() if k != SERVICE_NAME})


class Telemetry:
    """Makes the spans."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("integration-hub")

    @contextmanager
    def span(
        self,
        name: str,
        *,
        kind: traces.Kind,
        parent: traces.Parent | None,
        attributes: dict[str, traces.Attribute],
    ) -> Iterator[traces.Span]:
        """A span; an exception that leaves the block marks it by its code, never by its text."""
        with self._tracer.start_as_current_span(
            name,
            context=None if parent is None else set_span_in_context(NonRecordingSpan(_context(parent))),
            kind=KINDS[kind],
            attributes=_named_well(attributes),
            record_exception=False,
            set_status_on_exception=False,
        ) as made:
            try:
                yield _Span(made)
            except Exception as error:
                made.set_attribute("error.type", str(getattr(error, "code", type(error).__name__)))
                made.set_status(StatusCode.ERROR)
                raise


class _Span:
    def __init__(self, made: OtelSpan) -> None:
        self._made = made

    @property
    def ids(self) -> tuple[str, str]:
        context = self._made.get_span_context()
        return format_trace_id(context.trace_id), format_span_id(context.span_id)

    def rename(self, name: str) -> None:
        self._made.update_name(name)

    def note(self, **attributes: traces.Attribute) -> None:
        self._made.set_attributes(_named_well(attributes))
        if "error" in attributes:
            self._made.set_status(StatusCode.ERROR)


def _context(parent: traces.Parent) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if parent.sampled else TraceFlags.DEFAULT)
    return SpanContext(int(parent.trace_id, 16), int(parent.span_id, 16), is_remote=True, trace_flags=flags)


def _named_well(attributes: dict[str, traces.Attribute]) -> dict[str, traces.Attribute]:
    return {NAMES.get(name, f"hub.{name}"): value for name, value in attributes.items()}
