"""The endpoints that programs call: token, revocation, introspection, device authorization."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import View
from oauth2_provider.models import AccessToken, Application
from oauth2_provider.oauth2_backends import get_oauthlib_core
from oauth2_provider.settings import oauth2_settings
from oauthlib.common import Request
from oauthlib.oauth2.rfc6749.errors import OAuth2Error

from hub.authorization_server import devices
from hub.authorization_server.limits import TooOften
from hub.authorization_server.parameters import fault_of
from hub.authorization_server.resource import refuse_other_resources, values_of
from hub.authorization_server.stored_token import hashed_token
from hub.authorization_server.validator import RECEIVED
from integrations.web.visitor import client_address

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


@method_decorator([csrf_exempt, sensitive_post_parameters()], name="dispatch")
class Endpoint(View):
    """Answer a form with JSON that no cache keeps and no page of another origin reads."""

    http_method_names = ["post"]
    challenge = 'Basic realm="hub"'

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().dispatch(request, *args, **kwargs)  # type: ignore[assignment]
        for name, value in NO_STORE.items():
            response[name] = value
        if response.status_code == 401:
            response["WWW-Authenticate"] = self.challenge
        return response

    def post(self, request: HttpRequest) -> HttpResponse:
        if fault := fault_of(request):
            return refused("invalid_request", fault)
        request.META[RECEIVED] = timezone.now()
        core = get_oauthlib_core()
        try:
            return self.answer(request, core)
        except OAuth2Error as error:
            return HttpResponse(error.json, status=error.status_code, content_type="application/json")

    def answer(self, request: HttpRequest, core: Any) -> HttpResponse:
        raise NotImplementedError


class TokenEndpoint(Endpoint):
    """Give tokens for a grant (RFC 6749 §3.2)."""

    def answer(self, request: HttpRequest, core: Any) -> HttpResponse:
        grant_type = request.POST.get("grant_type")
        if not grant_type:
            return refused("invalid_request", "Missing grant_type parameter.")
        if grant_type not in core.server.grant_types:
            return refused("unsupported_grant_type")
        _, headers, body, status = core.create_token_response(request)
        response = HttpResponse(body, status=status, content_type="application/json")
        if after := headers.get("Retry-After"):
            response["Retry-After"] = after
        return response


class RevocationEndpoint(Endpoint):
    """End a token of the client that asks, and the one that came with it (RFC 7009)."""

    def answer(self, request: HttpRequest, core: Any) -> HttpResponse:
        _, _, body, status = core.create_revocation_response(request)
        return HttpResponse(body, status=status, content_type="application/json")


class IntrospectionEndpoint(Endpoint):
    """Say whether an access token is active, to the confidential client that it was issued to (RFC 7662)."""

    def answer(self, request: HttpRequest, core: Any) -> HttpResponse:
        asked = _asked(request, core)
        if not core.server.request_validator.authenticate_client(asked):
            return refused("invalid_client", status=401)
        if asked.token is None:
            return refused("invalid_request", "Missing token parameter.")
        return JsonResponse(_introspection(asked.token, asked.client))


class DeviceAuthorizationEndpoint(Endpoint):
    """Give a device its codes (RFC 8628 §3.1)."""

    def answer(self, request: HttpRequest, core: Any) -> HttpResponse:
        asked = _asked(request, core)
        core.server.device_grant.validate_device_request(asked)
        try:
            begun = devices.begin(
                asked.client,
                scope=asked.scopes,
                resource=refuse_other_resources(values_of(asked), asked),
                address=client_address(request),
                now=timezone.now(),
            )
        except TooOften as often:
            response = refused("temporarily_unavailable", "Too many devices are waiting.", status=429)
            response["Retry-After"] = str(often.retry_after)
            return response
        page = f"{settings.SITE_URL}{reverse('oauth2_provider:device')}"
        return JsonResponse(
            {
                "device_code": begun.device_code,
                "user_code": begun.user_code,
                "verification_uri": page,
                "verification_uri_complete": f"{page}?user_code={begun.user_code}",
                "expires_in": int(devices.LIFETIME.total_seconds()),
                "interval": devices.INTERVAL_SECONDS,
            }
        )


def refused(error: str, description: str = "", *, status: int = 400) -> JsonResponse:
    """An error as RFC 6749 §5.2 has it."""
    return JsonResponse({"error": error} | ({"error_description": description} if description else {}), status=status)


def _asked(request: HttpRequest, core: Any) -> Request:
    uri, method, body, headers = core._extract_params(request)
    return Request(uri, method, body, headers)


def _introspection(value: str, client: Application) -> dict[str, object]:
    rows = AccessToken.objects.select_related("user").filter(token_checksum=hashed_token(value), application=client)
    token = rows.first()
    if token is None or token.is_expired() or (token.user and not token.user.is_active):
        return {"active": False}
    return {
        "active": True,
        "client_id": client.client_id,
        "scope": token.scope,
        "exp": int(token.expires.timestamp()),
        "iat": int(token.created.timestamp()),
        "iss": oauth2_settings.OIDC_ISS_ENDPOINT,
        "token_type": "Bearer",
        **({"aud": token.resource} if token.resource else {}),
        **({"sub": str(token.user_id)} if token.user else {}),
        **({"username": token.user.get_username()} if token.user and "profile" in token.scope.split() else {}),
    }
