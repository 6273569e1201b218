"""What goes wrong, told as RFC 9457 wants it, with a `code` that stays the same when the words change."""

from http import HTTPStatus

from django.http import HttpRequest, JsonResponse

from integrations.api.caller import BearerRefused
from integrations.flows.errors import CallRefused, NotLent, ScopeMissing, TooManyCalls
from integrations.oauth.errors import OAuthError, Remedy

MEDIA_TYPE = "application/problem+json"


def problem(status: int, code: str, detail: str, **more: object) -> JsonResponse:
    """A response that says what went wrong, in words and by a stable `code`. It is stored nowhere."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "code": code, "detail": detail}
    return JsonResponse({**body, **more}, status=status, content_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"})


def bearer_refused(request: HttpRequest, refused: BearerRefused) -> JsonResponse:
    """401, or 403 for want of scope, with the challenge of RFC 6750 §3."""
    status = {"insufficient_scope": 403, "invalid_request": 400}.get(refused.error, 401)
    parts = ['Bearer realm="hub"']
    if refused.error:
        parts += [f'error="{refused.error}"', f'error_description="{refused.description}"']
    if refused.scope:
        parts.append(f'scope="{refused.scope}"')
    detail = refused.description or "Send an access token in the Authorization header."
    response = problem(status, refused.error or "token_missing", detail)
    response["WWW-Authenticate"] = ", ".join(parts)
    return response


def flow_stopped(request: HttpRequest, error: OAuthError) -> JsonResponse:
    """Why a flow stopped, and what its caller can do about it."""
    if isinstance(error, NotLent):
        return problem(404, error.code, error.description)
    if isinstance(error, ScopeMissing):
        consent_url = request.build_absolute_uri(error.consent_path) if error.consent_path else None
        more = {"scope": " ".join(sorted(error.scope)), "consent_url": consent_url}
        return problem(403, error.code, error.description, **more)
    if isinstance(error, CallRefused):
        return problem(error.status, error.code, error.description)
    status = {Remedy.REAUTHORIZE: 409, Remedy.RETRY: 503, Remedy.OPERATOR: 502}[error.remedy]
    if isinstance(error, TooManyCalls) and error.is_theirs:
        status = 429
    response = problem(status, error.code, error.description)
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    return response
