"""One line, one count and one span for each request.

Who asked is not on the line: that would cost a query, and a log is no place for it. What a person did that matters is
an event in the database.
"""

import logging
from collections.abc import Callable
from contextlib import nullcontext
from time import perf_counter

from django.http import HttpRequest, HttpResponseBase
from structlog.contextvars import bound_contextvars

from hub.request_id import PARENT_KEY
from hub.watching.route import method_of, route_of
from integrations import measures, traces

logger = logging.getLogger(__name__)


class Requests:
    """Middleware, within that which names the request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began, method = perf_counter(), method_of(request)
        with traces.span(method, kind="serving", parent=request.META.get(PARENT_KEY), method=method) as span:
            ids = span.ids
            with bound_contextvars(trace_id=ids[0], span_id=ids[1]) if ids else nullcontext():
                response = self._get_response(request)
                self._tell(request, response, seconds=perf_counter() - began, span=span)
        return response

    def _tell(self, request: HttpRequest, response: HttpResponseBase, *, seconds: float, span: traces.Span) -> None:
        method, route, status = method_of(request), route_of(request), response.status_code
        measures.count(measures.REQUESTS, method, route, str(status))
        measures.observe(measures.REQUEST_SECONDS, seconds, route)
        span.rename(f"{method} {route}")
        span.note(route=route, status=status, **({"error": str(status)} if status >= 500 else {}))
        milliseconds = round(seconds * 1000, 1)
        logger.info("request", extra={"method": method, "route": route, "status": status, "ms": milliseconds})
