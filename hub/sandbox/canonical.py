"""One address for the demo."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect


class CanonicalAddress:
    """Send who came by another name of this machine to SITE_URL.

    Redirect URIs are made of SITE_URL; a session begun at http://localhost would not be there when the provider
    sends its person back to http://127.0.0.1.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method == "GET" and f"{request.scheme}://{request.get_host()}" != settings.SITE_URL:
            return HttpResponseRedirect(settings.SITE_URL + request.get_full_path())
        return self.get_response(request)
