"""Calls through the hub: an application calls a provider's API, and the hub adds the token.

Nothing of what a provider answers is for a browser to show on the hub's origin, and nothing of it acts there.
`Hub-Answer` tells whose answer it is: `upstream`, whatever its status, or `hub`, which passed nothing on or heard
nothing.
"""

import os
from collections.abc import Iterator
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from ninja import Path, Router

from integrations.api.caller import CallerRequest, Scoped
from integrations.api.connections import Id
from integrations.api.document import OF_PROVIDERS, described
from integrations.api.problem import ANSWER
from integrations.flows.errors import CallRefused
from integrations.flows.pass_on import Asked, Passed, pass_on

router = Router(tags=["calls"])

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
WITH_BODY = frozenset(("POST", "PUT", "PATCH"))
PREFIX = b"/proxy"
FIXED = {
    ANSWER: "upstream",
    "Cache-Control": "private, no-store",
    "Content-Disposition": "attachment",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
#: What WSGI has under names of its own, so this is another one, spelled with an underscore.
NO_HEADERS = frozenset(("HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"))
UNKNOWN_TYPE = "application/octet-stream"
DESCRIPTION = """Call the provider's API with the connection's access token.

What stands after `/proxy` is the path below the provider's API address, the query goes along. Method, body and most
headers are passed on, and so is the answer; redirects are not followed. A body needs a Content-Length. `Hub-Answer` is
`upstream` where the provider answers, `hub` where the hub does, as problem+json with a `code`.
"""
ANSWERS: dict[str, Any] = {
    "default": {
        "description": "What the provider answers (Hub-Answer: upstream), or why it was not asked (Hub-Answer: hub).",
        "headers": {
            ANSWER: {"schema": {"type": "string", "enum": ["upstream", "hub"]}, "description": "Whose answer it is."},
        },
        "content": {"*/*": {"example": "…"}},
    }
}
PROBLEMS = (
    *("path_refused", "framing_refused", "body_incomplete", "call_not_allowed", "unknown_connection"),
    *("length_required", "body_too_large", "too_many_calls", "provider_busy", "hub_busy"),
    *OF_PROVIDERS,
)


Rest = Annotated[str, Path(description="The path below the provider's API address.")]


def call(request: CallerRequest, uuid: Id, rest: Rest) -> HttpResponseBase:
    return call_root(request, uuid)


def call_root(request: CallerRequest, uuid: Id) -> HttpResponseBase:
    return _response(pass_on(request.auth.borrower, uuid, _asked(request), seen=request.auth.seen))


for _method in METHODS:
    router.api_operation(
        [_method],
        "/connections/{uuid}/proxy/{path:rest}",
        auth=Scoped("connections:call"),
        operation_id=f"call_{_method.lower()}",
        summary=f"{_method} through the hub",
        description=DESCRIPTION,
        openapi_extra=described(
            *PROBLEMS,
            responses=ANSWERS,
            **({"requestBody": {"content": {"*/*": {}}}} if _method in WITH_BODY else {}),
        ),
    )(call)
    # The API's address itself: two ways to write it, and some providers tell them apart.
    for _root in ("", "/"):
        router.api_operation(
            [_method],
            "/connections/{uuid}/proxy" + _root,
            auth=Scoped("connections:call"),
            operation_id=f"call_{_method.lower()}_root",
            include_in_schema=False,
        )(call_root)


def _asked(request: CallerRequest) -> Asked:
    """The call as it came, its framing judged.

    Raises:
        CallRefused: its body has no length, or two.
    """
    return Asked(
        method=str(request.method),
        # As the server decoded it, once. What was no UTF-8, Django has encoded again, and nothing decodes it any more.
        path=request.path_info.encode().partition(PREFIX)[2],
        query=request.META.get("QUERY_STRING", ""),
        headers=tuple(_headers(request)),
        length=_length(request),
        read=request.read,
        may_borrow="connections:borrow" in request.auth.scope,
    )


def _length(request: HttpRequest) -> int | None:
    meta = request.META
    told = meta.get("CONTENT_LENGTH") or ""
    if "HTTP_TRANSFER_ENCODING" in meta and told:
        raise CallRefused("Content-Length and Transfer-Encoding contradict each other.", code="framing_refused")
    if "HTTP_TRANSFER_ENCODING" in meta:
        # The server does not tell a body that ended from a sender that hung up: half of one would go on as whole.
        raise CallRefused("Send the body with a Content-Length.", code="length_required", status=411)
    if not told and request.method in WITH_BODY and meta["SERVER_PROTOCOL"].startswith("HTTP/2"):
        # There a body needs no length, and whether there is one only reading it would tell.
        raise CallRefused("Send the body with a Content-Length.", code="length_required", status=411)
    if not told:
        return 0 if request.method in WITH_BODY else None
    if not (told.isascii() and told.isdigit()):
        raise CallRefused("The Content-Length is no number.", code="framing_refused")
    return int(told)


def _headers(request: HttpRequest) -> Iterator[tuple[str, str]]:
    for key, value in request.META.items():
        # A server may put its own environment among them: HTTP_PROXY is no header, and has a password.
        if key.startswith("HTTP_") and key not in NO_HEADERS and key not in os.environ:
            yield key[5:].replace("_", "-").title(), value
    if content_type := request.META.get("CONTENT_TYPE"):
        yield "Content-Type", content_type


def _response(passed: Passed) -> HttpResponseBase:
    headers: dict[str, str] = {}
    for name, value in passed.headers:
        key = name.title()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    content_type = headers.pop("Content-Type", UNKNOWN_TYPE)
    response: HttpResponseBase
    if passed.pieces is None:
        response = HttpResponse(passed.body, status=passed.status, content_type=content_type)
    else:
        response = StreamingHttpResponse(passed.pieces, status=passed.status, content_type=content_type)
    for name, value in (headers | FIXED).items():
        response[name] = value
    if passed.not_retried:
        response["Hub-Not-Retried"] = "body"
    return response
