"""What the hub says about itself to programs: as an authorization server (RFC 8414), as a resource (RFC 9728).

Every field is true: tests use each method that is named and are refused with each that is not.
"""

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_safe
from oauth2_provider.scopes import get_scopes_backend
from oauth2_provider.settings import oauth2_settings

from hub.authorization_server import token_exchange
from hub.authorization_server.configuration import GRANT_TYPES, SCOPE
from hub.resource_server.identifier import api_identifier

SECRET_METHODS = ["client_secret_basic", "client_secret_post"]
#: `none`: a public client names itself, and shows no secret.
METHODS = [*SECRET_METHODS, "none"]


@require_safe
def authorization_server(request: HttpRequest) -> JsonResponse:
    """RFC 8414 §2. Anybody may read it, pages of other origins too."""
    return _public(
        {
            "issuer": oauth2_settings.OIDC_ISS_ENDPOINT,
            "authorization_endpoint": _url("authorize"),
            "token_endpoint": _url("token"),
            "revocation_endpoint": _url("revoke-token"),
            "introspection_endpoint": _url("introspect"),
            "device_authorization_endpoint": _url("device-authorization"),
            **({"registration_endpoint": _url("register")} if settings.HUB_CLIENT_REGISTRATION_TOKEN else {}),
            "scopes_supported": sorted(get_scopes_backend().get_all_scopes()),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": [*GRANT_TYPES, token_exchange.GRANT_TYPE],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": METHODS,
            "revocation_endpoint_auth_methods_supported": METHODS,
            "introspection_endpoint_auth_methods_supported": SECRET_METHODS,
            "authorization_response_iss_parameter_supported": True,
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
            "protected_resources": [api_identifier()],
        }
    )


@require_safe
def protected_resource(request: HttpRequest) -> JsonResponse:
    """RFC 9728 §2: the API under `/api/v1`."""
    return _public(
        {
            "resource": api_identifier(),
            "resource_name": "Integration Hub",
            "authorization_servers": [oauth2_settings.OIDC_ISS_ENDPOINT],
            "scopes_supported": sorted(SCOPE),
            "bearer_methods_supported": ["header"],
        }
    )


def _url(name: str) -> str:
    return f"{settings.SITE_URL}{reverse(f'oauth2_provider:{name}')}"


def _public(document: dict[str, object]) -> JsonResponse:
    return JsonResponse(document, headers={"Access-Control-Allow-Origin": "*"})
