"""The toolkit's endpoints that programs call, tightened: token, introspection."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import View
from oauth2_provider import views
from oauth2_provider.models import AccessToken, Application
from oauth2_provider.settings import oauth2_settings
from oauth2_provider.views.mixins import OAuthLibMixin
from oauthlib.common import Request

from hub.authorization_server import token_exchange


class TokenView(views.TokenView):  # type: ignore[misc]
    """Answer token requests (RFC 6749 §3.2). The toolkit's separate path for the device grant is closed."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.POST.get("grant_type") == token_exchange.GRANT_TYPE:
            # What is borrowed is no token of ours, which the toolkit would look for.
            _, headers, body, status = self.create_token_response(request)
            return HttpResponse(body, status=status, headers=headers)
        try:
            response: HttpResponse = self.authorization_flow_token_response(request)
        except AccessToken.DoesNotExist:
            # Issued, and ended with its family at once: the refresh token it was made of was used by two.
            return _json({"error": "invalid_grant"}, status=400)
        # Missing where oauthlib raises after it has judged the request.
        response["Content-Type"] = "application/json"
        response["Cache-Control"] = "no-store"
        return response


@method_decorator(csrf_exempt, name="dispatch")
class IntrospectView(OAuthLibMixin, View):  # type: ignore[misc]
    """Say whether a token is active, to the confidential client that it was issued to (RFC 7662)."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> JsonResponse:
        client = self._client(request)
        if client is None:
            return _json({"error": "invalid_client"}, status=401, challenge='Basic realm="introspection"')
        if "token" not in request.POST:
            return _json({"error": "invalid_request"}, status=400)
        return _json(_introspection(request.POST["token"], client))

    def _client(self, request: HttpRequest) -> Application | None:
        headers = self.get_oauthlib_core().extract_headers(request)
        asked = Request(request.get_full_path(), "POST", request.POST.urlencode(), headers)
        if not oauth2_settings.OAUTH2_VALIDATOR_CLASS().authenticate_client(asked):
            return None
        return asked.client if asked.client.client_type == Application.CLIENT_CONFIDENTIAL else None


def _introspection(value: str, client: Application) -> dict[str, object]:
    asked = Request("", headers={})
    valid = oauth2_settings.OAUTH2_VALIDATOR_CLASS().validate_bearer_token(value, [], asked)
    if not valid or asked.client != client:
        return {"active": False}
    token: AccessToken = asked.access_token
    return {
        "active": True,
        "client_id": client.client_id,
        "scope": token.scope,
        "exp": int(token.expires.timestamp()),
        "iss": oauth2_settings.OIDC_ISS_ENDPOINT,
        "token_type": "Bearer",
        **({"sub": str(token.user_id), "username": token.user.get_username()} if token.user else {}),
    }


def _json(body: dict[str, object], *, status: int = 200, challenge: str = "") -> JsonResponse:
    headers = {"Cache-Control": "no-store"} | ({"WWW-Authenticate": challenge} if challenge else {})
    return JsonResponse(body, status=status, headers=headers)
