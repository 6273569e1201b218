"""What goes wrong, told as RFC 9457 wants it, with a `code` that stays the same when the words change."""

from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from ninja.errors import HttpError, ValidationError

from integrations.api.caller import BearerRefused, PersonRequired
from integrations.api.codes import CODES
from integrations.api.quota import QuotaSpent
from integrations.api.strict_json import Refused
from integrations.flows.answered import InProgress, KeyReused
from integrations.flows.errors import CallRefused, NotLent, ScopeMissing, TooManyCalls
from integrations.oauth.errors import OAuthError, Remedy, printable

MEDIA_TYPE = "application/problem+json"
#: Whose answer it is: `hub`, or `upstream` where a provider's is passed on.
ANSWER = "Hub-Answer"
#: What a provider asks us to wait, where it does not say.
RETRY_AFTER_SECONDS = 30
_BY_REMEDY = {
    Remedy.REAUTHORIZE: (409, "needs_reauthorization"),
    Remedy.RETRY: (503, "temporarily_unavailable"),
    Remedy.OPERATOR: (502, "operator_needed"),
}


class NoSuchProvider(Exception):
    """Nothing of that name can be connected here."""


class Misfit(Exception):
    """A parameter that is well-formed and not to be had: `name` in `where` (body or query), and why."""

    def __init__(self, where: str, name: str, why: str) -> None:
        self.errors = [{"in": where, "name": name, "detail": why}]
        super().__init__(where, name)


def problem(status: int, code: str, detail: str, **more: object) -> JsonResponse:
    """A response that says what went wrong, in words and by a stable `code`. It is stored nowhere."""
    body = {
        "type": f"{settings.SITE_URL}{reverse('api-v1:docs')}#{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    headers = {"Cache-Control": "no-store", ANSWER: "hub"}
    return JsonResponse({**body, **more}, status=status, content_type=MEDIA_TYPE, headers=headers)


def coded(code: str, **more: object) -> JsonResponse:
    """A problem in the words of its code."""
    kind = CODES[code]
    return problem(kind.status, code, kind.meaning, **more)


def bearer_refused(request: HttpRequest, refused: BearerRefused) -> JsonResponse:
    """401, or 403 for want of scope, with the challenge of RFC 6750 §3 and where to learn more (RFC 9728 §5.1)."""
    status = 403 if refused.error == "insufficient_scope" else 401
    parts = ['Bearer realm="hub"']
    if refused.error:
        parts += [f'error="{refused.error}"', f'error_description="{refused.description}"']
    if refused.scope:
        parts.append(f'scope="{refused.scope}"')
    parts.append(f'resource_metadata="{settings.SITE_URL}/.well-known/oauth-protected-resource/api/v1"')
    detail = refused.description or CODES["token_missing"].meaning
    more = {"scope": refused.scope} if refused.scope else {}
    response = problem(status, refused.error or "token_missing", detail, **more)
    response["WWW-Authenticate"] = ", ".join(parts)
    return response


def flow_stopped(request: HttpRequest, error: OAuthError) -> JsonResponse:
    """Why a flow stopped, and what its caller can do about it."""
    if isinstance(error, NotLent):
        return problem(404, error.code, error.description)
    if isinstance(error, ScopeMissing):
        more = {"scope": " ".join(sorted(error.scope)), "consent_url": absolute(error.consent_path)}
        return problem(403, error.code, error.description, **more)
    if isinstance(error, CallRefused):
        return problem(error.status, error.code, error.description)
    if isinstance(error, TooManyCalls):
        return _busy(error)
    status, code = _BY_REMEDY[error.remedy]
    found = {"reconnect_url": reconnect_url(request)} if status == 409 else {}
    response = problem(status, code, error.description or CODES[code].meaning, reason=error.code, **found)
    if status == 503:
        response["Retry-After"] = str(error.retry_after or RETRY_AFTER_SECONDS)
    return response


def _busy(error: TooManyCalls) -> JsonResponse:
    response = problem(429 if error.is_theirs else 503, error.code, error.description)
    response["Retry-After"] = str(error.retry_after or 1)
    return response


def absolute(path: str) -> str | None:
    """A page of ours as an address for another program; None where there is none."""
    return f"{settings.SITE_URL}{path}" if path else None


def reconnect_url(request: HttpRequest) -> str | None:
    """The page where the owner of the connection that a request names connects it again; of the hub's own, none."""
    match, caller = request.resolver_match, getattr(request, "auth", None)
    uuid = match.kwargs.get("uuid") if match else None
    if uuid is None or caller is None or caller.borrower.person_id is None:
        return None
    return absolute(reverse("integrations:connection", kwargs={"uuid": uuid}))


def person_required(request: HttpRequest, _: PersonRequired) -> JsonResponse:
    return coded("person_required")


def quota_spent(request: HttpRequest, spent: QuotaSpent) -> JsonResponse:
    response = coded("rate_limited")
    spent.quota.tell(response)
    response["Retry-After"] = str(spent.quota.reset_seconds)
    return response


def unreadable(request: HttpRequest, error: HttpError) -> JsonResponse:
    """A body that cannot be read: ours says why, and ninja wraps it."""
    cause = error.__cause__
    return coded(cause.code if isinstance(cause, Refused) else "request_malformed")


def invalid(request: HttpRequest, error: ValidationError) -> JsonResponse:
    """Which parameters are wrong. An address with an id that is none is the address of nothing."""
    if any(found["loc"][0] == "path" for found in error.errors):
        return coded("not_found")
    return coded("invalid_parameters", errors=[_told(found) for found in error.errors])


def misfit(request: HttpRequest, error: Misfit) -> JsonResponse:
    return coded("invalid_parameters", errors=error.errors)


def no_such_provider(request: HttpRequest, _: NoSuchProvider) -> JsonResponse:
    return coded("unknown_provider")


def key_reused(request: HttpRequest, _: KeyReused) -> JsonResponse:
    return coded("idempotency_key_reused")


def in_progress(request: HttpRequest, _: InProgress) -> JsonResponse:
    response = coded("request_in_progress")
    response["Retry-After"] = "1"
    return response


def _told(found: dict[str, object]) -> dict[str, str]:
    loc = found["loc"]
    where, *names = map(str, loc) if isinstance(loc, tuple | list) else ("body",)
    # The first name in a body is our own for all of it.
    inside = names[1:] if where == "body" else names
    return {"in": where, "name": printable(".".join(inside)), "detail": str(found["msg"])}
