"""What the authorization server answers, and nothing else of the toolkit."""

from django.urls import path

from hub.authorization_server import consent, device_page, endpoints, metadata, registration
from hub.resource_server.identifier import API_PATH

app_name = "oauth2_provider"

WELL_KNOWN = ".well-known/oauth-authorization-server"
PROTECTED_RESOURCE = f".well-known/oauth-protected-resource{API_PATH}"

urlpatterns = [
    path("oauth/authorize/", consent.AuthorizationView.as_view(), name="authorize"),
    path("oauth/token/", endpoints.TokenEndpoint.as_view(), name="token"),
    path("oauth/revoke_token/", endpoints.RevocationEndpoint.as_view(), name="revoke-token"),
    path("oauth/introspect/", endpoints.IntrospectionEndpoint.as_view(), name="introspect"),
    path("oauth/device_authorization/", endpoints.DeviceAuthorizationEndpoint.as_view(), name="device-authorization"),
    path("oauth/register/", registration.RegistrationEndpoint.as_view(), name="register"),
    path("device/", device_page.enter, name="device"),
    path("device/<int:pk>/", device_page.decide, name="device-decision"),
    path("device/allowed/", device_page.allowed, name="device-allowed"),
    path("device/denied/", device_page.denied, name="device-denied"),
    # RFC 8414 §3.1 inserts the well-known path before the issuer's own; many clients append it.
    path(f"{WELL_KNOWN}/oauth", metadata.authorization_server, name="oauth-server-metadata"),
    path(f"oauth/{WELL_KNOWN}", metadata.authorization_server, name="oauth-server-metadata-appended"),
    path(PROTECTED_RESOURCE, metadata.protected_resource, name="protected-resource-metadata"),
]
