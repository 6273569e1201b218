"""The hub's addresses as its API answers: all that there are, for links to pages, and errors that programs read."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from hub.urls import urlpatterns as urlpatterns
from integrations.api.problem import problem


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem(HTTPStatus.BAD_REQUEST, "invalid_request", "The request cannot be read.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem(HTTPStatus.FORBIDDEN, "forbidden", "This is not allowed.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem(HTTPStatus.NOT_FOUND, "not_found", "There is nothing at this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "The hub made a mistake. The log has the request."
    )


handler400, handler403, handler404, handler500 = bad_request, forbidden, not_found, server_error
