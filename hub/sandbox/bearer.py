"""Who calls the sandbox, and whether the token allows it (RFC 6750)."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from oauth2_provider.oauth2_backends import get_oauthlib_core

type Endpoint = Callable[[HttpRequest], HttpResponse]
type OwnedEndpoint = Callable[[HttpRequest, User], HttpResponse]

STATUS = {"": 401, "invalid_token": 401, "insufficient_scope": 403}


def requires_scope(scope: str) -> Callable[[OwnedEndpoint], Endpoint]:
    """Let in who holds a token with this scope in the Authorization header, and pass on whose it is.

    A token in the query or in a form is not looked at (RFC 6750 §5.3, RFC 9700 §4.3.2).
    """

    def decorate(endpoint: OwnedEndpoint) -> Endpoint:
        @wraps(endpoint)
        def guarded(request: HttpRequest) -> HttpResponse:
            if not request.headers.get("Authorization", "").lower().startswith("bearer "):
                return _refuse("", scope)
            valid, asked = get_oauthlib_core().verify_request(request, scopes=[scope])
            if valid and asked.user:
                return endpoint(request, asked.user)
            error = getattr(asked, "oauth2_error", None) or {"error": "invalid_token"}
            return _refuse(error["error"], scope)

        return guarded

    return decorate


def _refuse(error: str, scope: str) -> JsonResponse:
    """Say why, as RFC 6750 §3 wants it: no error code where no token was shown."""
    parts = ['Bearer realm="sandbox"']
    if error:
        parts.append(f'error="{error}"')
    if error == "insufficient_scope":
        parts.append(f'scope="{scope}"')
    headers = {"WWW-Authenticate": ", ".join(parts), "Cache-Control": "no-store"}
    return JsonResponse({"error": error or "unauthorized"}, status=STATUS[error], headers=headers)
