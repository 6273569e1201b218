"""The answers to a request that cannot be read and for our own mistakes, which need no database, session or person."""

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseServerError
from django.template.loader import render_to_string

from hub.request_id import support_code
from integrations.api.problem import coded

API = "/api/"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path_info.startswith(API):
        return coded("request_malformed", **support_code(request))
    return HttpResponseBadRequest(render_to_string("400.html", support_code(request)))


def server_error(request: HttpRequest) -> HttpResponse:
    if request.path_info.startswith(API):
        return coded("internal_error", **support_code(request))
    return HttpResponseServerError(render_to_string("500.html", support_code(request)))
