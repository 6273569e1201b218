"""The API's own description (OpenAPI 3.1): every status that a route can answer, and the scope that it wants."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.urls import reverse

from integrations.api.codes import CODES
from integrations.api.problem import MEDIA_TYPE

type Part = dict[str, Any]

SCHEME = "hub"
#: Where a route says which of CODES it answers, beside those that every route of its kind does.
PROBLEMS = "x-problems"
OF_ALL = ("request_malformed",)
#: The last two: whose token it is may have to be asked of its issuer.
OF_SCOPED = (
    *("token_missing", "invalid_token", "insufficient_scope", "rate_limited"),
    *("operator_needed", "temporarily_unavailable"),
)
OF_BODIES = ("body_too_large", "media_type_unsupported", "invalid_parameters")
#: What any call of a provider can come to, beside those.
OF_PROVIDERS = ("needs_reauthorization",)
OF_KEYS = ("idempotency_key_invalid", "request_in_progress", "idempotency_key_reused")
IDEMPOTENCY_KEY: Part = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "schema": {"type": "string", "pattern": "^[ -~]{1,255}$"},
    "description": "Repeat a request with the same key within 24 hours, and it is answered as the first time.",
}
_HEADERS: Mapping[str, Part] = {
    "RateLimit": {"schema": {"type": "string"}, "description": 'What is left: `"api";r=599;t=42`, in seconds.'},
    "RateLimit-Policy": {"schema": {"type": "string"}, "description": 'How many there are: `"api";q=600;w=60`.'},
    "ETag": {"schema": {"type": "string"}, "description": "Send it as If-None-Match."},
    "WWW-Authenticate": {"schema": {"type": "string"}, "description": "RFC 6750 §3, with resource_metadata."},
    "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."},
    "Allow": {"schema": {"type": "string"}, "description": "The methods that there are."},
}
_OF_STATUS = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",), 405: ("Allow",)}
PROBLEM: Part = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457). `code` stays the same when the words change.",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "Where the code is explained."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "enum": list(CODES)},
        "detail": {"type": "string"},
        "reason": {"type": "string", "description": "More exactly; one of an open list."},
        "scope": {"type": "string", "description": "What is missing, space-separated."},
        "consent_url": {"type": ["string", "null"], "description": "Where the person grants it."},
        "reconnect_url": {"type": ["string", "null"], "description": "Where the person connects again."},
        "support_code": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["in", "name", "detail"],
                "properties": {name: {"type": "string"} for name in ("in", "name", "detail")},
            },
        },
    },
}


def described(*codes: str, example: object = None, request_example: object = None, **more: Any) -> Part:
    """What a route says of itself, for ninja's `openapi_extra`: its problems, and an example of each way."""
    extra: Part = {PROBLEMS: list(codes), **more}
    if example is not None:
        extra["responses"] = {200: {"content": {"application/json": {"example": example}}}}
    if request_example is not None:
        extra["requestBody"] = {"content": {"application/json": {"example": request_example}}}
    return extra


def complete(schema: Part, *, scope_of: Mapping[tuple[str, str], str], titles: Mapping[str, str]) -> None:
    """Say of each operation what ninja does not know: its scope, by path and method, and how it says no."""
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            _complete(operation, method=method, scope=scope_of.get((path, method), ""))
    components = schema["components"]
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    components["securitySchemes"] = {SCHEME: _security(titles)}


def _complete(operation: Part, *, method: str, scope: str) -> None:
    responses: dict[int | str, Part] = operation["responses"]
    codes = [*operation.pop(PROBLEMS, ()), *OF_ALL]
    headers = ("RateLimit", "RateLimit-Policy") if scope else ()
    if scope:
        operation["security"] = [{SCHEME: [scope]}]
        codes += OF_SCOPED
    if "application/json" in operation.get("requestBody", {}).get("content", {}):
        codes += OF_BODIES
    if any(parameter["in"] == "query" for parameter in operation["parameters"]):
        codes.append("invalid_parameters")
    if any(parameter["in"] == "path" for parameter in operation["parameters"]):
        codes.append("not_found")
    for details in responses.values():
        of_answer = (*headers, *(("ETag",) if method == "get" else ()))
        details["headers"] = _named(of_answer) | details.get("headers", {})
    if method == "get":
        responses[304] = {"description": "Not Modified: as the ETag in If-None-Match says."}
    for status in sorted({CODES[code].status for code in codes}):
        of_status = sorted({code for code in codes if CODES[code].status == status})
        responses[status] = _answer(of_status, headers=(*headers, *_OF_STATUS.get(status, ())))
        if "default" in responses:
            # The answer may be somebody else's, with this status too.
            responses[status]["content"] |= responses["default"]["content"]


def _answer(codes: list[str], *, headers: tuple[str, ...]) -> Part:
    schema = {
        "allOf": [{"$ref": "#/components/schemas/Problem"}, {"properties": {"code": {"enum": codes}}}],
    }
    return {
        "description": "; ".join(f"`{code}`" for code in codes),
        "headers": _named(headers),
        "content": {MEDIA_TYPE: {"schema": schema, "examples": {code: {"value": _example(code)} for code in codes}}},
    }


def _example(code: str) -> Part:
    kind = CODES[code]
    address = f"{settings.SITE_URL}{reverse('api-v1:docs')}#{code}"
    return {"type": address, "title": "…", "status": kind.status, "code": code, "detail": kind.meaning}


def _named(names: tuple[str, ...]) -> Part:
    return {name: _HEADERS[name] for name in names}


def _security(titles: Mapping[str, str]) -> Part:
    scopes = dict(titles)
    urls = {
        "authorizationUrl": f"{settings.SITE_URL}/oauth/authorize/",
        "tokenUrl": f"{settings.SITE_URL}/oauth/token/",
    }
    return {
        "type": "oauth2",
        "description": "An access token of this hub, in the Authorization header (RFC 6750 §2.1).",
        "flows": {
            "authorizationCode": {**urls, "refreshUrl": urls["tokenUrl"], "scopes": scopes},
            "clientCredentials": {"tokenUrl": urls["tokenUrl"], "scopes": scopes},
        },
    }
