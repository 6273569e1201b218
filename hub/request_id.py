"""One code per request: on every line of the log that it causes, and on the page that says what went wrong.

Behind a proxy that is trusted (HUB_TRUSTED_PROXY_COUNT) its X-Request-ID is taken over, so that its log has it too.
"""

import re
import secrets
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from structlog.contextvars import bound_contextvars

#: Where the code stands in request.META; not a name that a header of the request could have.
KEY = "hub.request_id"
WELL_FORMED = re.compile(r"[A-Za-z0-9-]{8,64}\Z")


class RequestId:
    """Middleware, the outermost one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.META[KEY] = code = _from_proxy(request) or secrets.token_hex(5)
        with bound_contextvars(request_id=code):
            return self._get_response(request)


def support_code(request: HttpRequest) -> dict[str, str]:
    """For templates: what somebody who asks for help tells an operator, who finds it in the log."""
    return {"support_code": str(request.META.get(KEY, ""))}


def _from_proxy(request: HttpRequest) -> str:
    given = request.headers.get("X-Request-ID", "")
    return given if settings.ALLAUTH_TRUSTED_PROXY_COUNT and WELL_FORMED.match(given) else ""
