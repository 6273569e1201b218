"""Which address a request was for, without what stands in it: the pattern, not the path.

A path may hold a secret (a link to reset a password) or a person; the pattern that it fits holds neither, and there
are only so many of them.
"""

from django.conf import settings
from django.http import HttpRequest

UNMATCHED = "(unmatched)"
STATIC = "(static)"
METHODS = frozenset(("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"))
OTHER = "other"


def route_of(request: HttpRequest) -> str:
    """The pattern, as in `connections/<uuid:uuid>/`."""
    match = getattr(request, "resolver_match", None)
    if match is not None:
        return f"/{match.route}"
    return STATIC if request.path_info.startswith(settings.STATIC_URL) else UNMATCHED


def method_of(request: HttpRequest) -> str:
    """The method, if it is one of those there are."""
    return request.method if request.method in METHODS else OTHER
