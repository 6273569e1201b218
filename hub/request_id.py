"""One code per request: on every line of the log that it causes, and on the page that says what went wrong.

Beside it stand the ids of the trace and the span that the request is (W3C Trace Context), on the lines only. Behind a
proxy that is trusted (HUB_TRUSTED_PROXY_COUNT) its X-Request-ID and the trace of its traceparent are taken over, so
that its log has them too. Neither is handed on to a provider.
"""

import re
import secrets
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from structlog.contextvars import bound_contextvars

from integrations.traces import Parent

#: Where the code stands in request.META; not a name that a header of the request could have.
KEY = "hub.request_id"
#: Where the span that the request comes from stands, if a trusted proxy told; else None.
PARENT_KEY = "hub.trace_parent"
WELL_FORMED = re.compile(r"[A-Za-z0-9-]{8,64}\Z")
# https://www.w3.org/TR/trace-context/#traceparent-header-field-values: later versions may append more.
TRACEPARENT = re.compile(
    r"(?!ff)(?P<version>[0-9a-f]{2})-(?!0{32})(?P<trace_id>[0-9a-f]{32})-(?!0{16})(?P<span_id>[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?\Z"
)


class RequestId:
    """Middleware, around all that may log."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.META[KEY] = code = _from_proxy(request) or secrets.token_hex(5)
        request.META[PARENT_KEY] = parent = _parent(request)
        trace_id = parent.trace_id if parent else secrets.token_hex(16)
        with bound_contextvars(request_id=code, trace_id=trace_id, span_id=secrets.token_hex(8)):
            return self._get_response(request)


def support_code(request: HttpRequest) -> dict[str, str]:
    """For templates: what somebody who asks for help tells an operator, who finds it in the log."""
    return {"support_code": str(request.META.get(KEY, ""))}


def _from_proxy(request: HttpRequest) -> str:
    if not settings.ALLAUTH_TRUSTED_PROXY_COUNT:
        return ""
    given = request.headers.get("X-Request-ID", "")
    return given if WELL_FORMED.match(given) else ""


def _parent(request: HttpRequest) -> Parent | None:
    if not settings.ALLAUTH_TRUSTED_PROXY_COUNT:
        return None
    found = TRACEPARENT.match(request.headers.get("traceparent", ""))
    if found is None or (found["version"] == "00" and found["more"]):
        return None
    return Parent(trace_id=found["trace_id"], span_id=found["span_id"], sampled=bool(int(found["flags"], 16) & 1))
