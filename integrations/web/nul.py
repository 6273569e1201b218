"""No NUL reaches a view: PostgreSQL cannot hold one, and fails even where nothing would have been found."""

import base64
import binascii
from collections.abc import Callable, Iterable
from urllib.parse import unquote_plus

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseBase

NUL = "\x00"


class RefuseNul:
    """Middleware: 400 for a NUL in the path, the query, a form, a cookie or Basic credentials.

    A body that is no form is left to whoever reads it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if any(NUL in text for text in _texts(request)):
            raise BadRequest("The request contains a NUL.")
        return self._get_response(request)


def _texts(request: HttpRequest) -> Iterable[str]:
    yield request.path
    yield from request.COOKIES.values()
    yield _basic_credentials(request)
    for form in (request.GET, request.POST):
        for name, values in form.lists():
            yield name
            yield from values


def _basic_credentials(request: HttpRequest) -> str:
    """Client ID and client secret; each is encoded once more inside (RFC 6749 §2.3.1)."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return unquote_plus(base64.b64decode(credentials).decode())
    except (binascii.Error, ValueError):
        return ""
