"""What holds for every address of the API, whatever answers there: methods, caching, what is left of the quota."""

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers

from integrations.api.problem import ANSWER, coded

type View = Callable[..., HttpResponseBase]


def guarded(view: View) -> View:
    """Let HEAD be answered as GET without the body, OPTIONS by Allow; say in JSON that a method is not known."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if response.headers.get(ANSWER) == "upstream":
            # A provider's answer: its 405 is not ours, nor its caching.
            return response
        if response.status_code == 405 and response.has_header("Allow"):
            response = _other_method(view, request, _allowed(response), *args, **kwargs)
        elif request.method == "GET" and isinstance(response, HttpResponse):
            response = _cached(request, response)
        if quota := getattr(request, "quota", None):
            quota.tell(response)
        return response

    return wrapper


def nowhere(request: HttpRequest, rest: str = "") -> HttpResponse:
    """There is nothing at this address."""
    return coded("not_found")


def _allowed(response: HttpResponseBase) -> list[str]:
    methods = {name.strip() for name in response["Allow"].split(",")}
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()) | {"OPTIONS"})


def _other_method(view: View, request: HttpRequest, allowed: list[str], *args: Any, **kwargs: Any) -> HttpResponseBase:
    if request.method == "HEAD" and "GET" in allowed:
        request.method = "GET"
        response = view(request, *args, **kwargs)
        return _without_body(_cached(request, response)) if isinstance(response, HttpResponse) else response
    is_options = request.method == "OPTIONS"
    response = HttpResponse(status=204, headers={ANSWER: "hub"}) if is_options else coded("method_not_allowed")
    response["Allow"] = ", ".join(allowed)
    return response


def _cached(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Name what was answered, so that whoever has it already need not be sent it again (RFC 9110 §8.8.3, §13.1.2)."""
    if response.status_code == 200 and not response.has_header("Cache-Control"):
        response["Cache-Control"] = "private, no-cache"
        patch_vary_headers(response, ("Authorization",))
        etag = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
        response["ETag"] = etag
        response = get_conditional_response(request, etag=etag, response=response) or response
    return response


def _without_body(response: HttpResponse) -> HttpResponse:
    length = len(response.content)
    response.content = b""
    response["Content-Length"] = str(length)
    return response
