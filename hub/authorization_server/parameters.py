"""What of a request reaches oauthlib, which takes any parameter's name for one of its own attributes."""

from django.http import HttpRequest
from oauth2_provider.oauth2_backends import OAuthLibCore

FORM = "application/x-www-form-urlencoded"
#: RFC 8707 §2 and RFC 8693 §2.1 let them be repeated.
MAY_REPEAT = frozenset({"resource", "audience"})
KNOWN = MAY_REPEAT | {
    "actor_token",
    "actor_token_type",
    "client_id",
    "client_secret",
    "code",
    "code_verifier",
    "device_code",
    "grant_type",
    "redirect_uri",
    "refresh_token",
    "requested_token_type",
    "scope",
    "subject_token",
    "subject_token_type",
    "token",
    "token_type_hint",
}


class HubCore(OAuthLibCore):  # type: ignore[misc]
    """Hand on the parameters that are known, and of those the ones that have a value (RFC 6749 §3.2)."""

    def _get_escaped_full_path(self, request: HttpRequest) -> str:
        """The path with the query as Django has read it: oauthlib raises on what it would write otherwise."""
        query = request.GET.urlencode()
        return f"{request.path}?{query}" if query else request.path

    def extract_body(self, request: HttpRequest) -> list[tuple[str, str]]:
        return [
            (name, value)
            for name, values in request.POST.lists()
            if name in KNOWN
            for value in values
            if isinstance(value, str) and value
        ]


def fault_of(request: HttpRequest) -> str:
    """What is wrong with a request to an endpoint that programs call, before anything is looked at; or nothing."""
    is_empty = not request.content_type and not request.body
    if request.content_type != FORM and not is_empty:
        return f"The body has to be {FORM}"
    if request.META.get("QUERY_STRING"):
        return "URL query parameters are not allowed"
    repeated = {name for name, values in request.POST.lists() if len(values) > 1} & KNOWN - MAY_REPEAT
    return f"Repeated: {', '.join(sorted(repeated))}" if repeated else ""
