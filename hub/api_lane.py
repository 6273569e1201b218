"""Requests of programs, `/api/`, go a shorter way than pages: no session, no person signed in, no language, no form.

What is for every request stays around: request id, log and figures, https, security headers. What else pages go through
is passed by, so that no cookie can count at the API, no body is read before its turn, and a call costs less.
"""

from collections.abc import Callable
from typing import cast

from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.csp import ContentSecurityPolicyMiddleware
from django.utils import translation

from integrations.api.problem import coded
from integrations.api.proxy import FIXED

PREFIX = "/api/"
#: What stands there and is a page, for people.
PAGES = frozenset({"/api/v1/docs"})
#: The same addresses, with errors that programs read.
URLS = "hub.api_urls"
NUL = "\x00"
POLICY = "Content-Security-Policy"


def _is_of_program(request: HttpRequest) -> bool:
    return request.path_info.startswith(PREFIX) and request.path_info not in PAGES


class ContentSecurityPolicy(ContentSecurityPolicyMiddleware):
    """Middleware: tells browsers what a page may do; and of whatever a program is answered, to show nothing."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if _is_of_program(request):
            response.headers.setdefault(POLICY, FIXED[POLICY])
        return super().process_response(request, response)


class ApiHandler(BaseHandler):
    """Resolves and calls a view, and nothing around it."""

    def load_middleware(self, is_async: bool = False) -> None:
        self._view_middleware: list[object] = []
        self._template_response_middleware: list[object] = []
        self._exception_middleware: list[object] = []

    def answer(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = self._get_response(request)  # type: ignore[attr-defined]
        return response


class ApiLane:
    """Middleware: the last one that a request of a program goes through, and one that pages do not notice."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response
        handler = ApiHandler()
        handler.load_middleware()
        self._answer = handler.answer

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not _is_of_program(request):
            return self._get_response(request)
        request.urlconf = URLS
        # As this thread was left by whoever's page came before.
        translation.activate(settings.LANGUAGE_CODE)
        # Refuses a Host that is not ours.
        request.get_host()
        if NUL in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            return coded("request_malformed")
        response = self._answer(request)
        has_body = request.method != "HEAD" and response.status_code not in (204, 304)
        if has_body and not response.streaming and "Content-Length" not in response.headers:
            response.headers["Content-Length"] = str(len(cast(HttpResponse, response).content))
        return response
