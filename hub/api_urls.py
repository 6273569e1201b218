"""The hub's addresses as its API answers: all that there are, for links to pages, and errors that programs read."""

from django.http import HttpRequest, HttpResponse

from hub import error_pages
from hub.urls import urlpatterns as urlpatterns
from integrations.api.problem import coded


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """There is nothing at this address, or the view found nothing."""
    return coded("not_found")


handler400, handler404, handler500 = error_pages.bad_request, not_found, error_pages.server_error
