"""What the authorization server answers, and nothing else of the toolkit."""

from django.urls import path
from oauth2_provider import views as toolkit

from hub.authorization_server import consent, endpoints

app_name = "oauth2_provider"

WELL_KNOWN = ".well-known/oauth-authorization-server"

urlpatterns = [
    path("oauth/authorize/", consent.AuthorizationView.as_view(), name="authorize"),
    path("oauth/token/", endpoints.TokenView.as_view(), name="token"),
    path("oauth/revoke_token/", toolkit.RevokeTokenView.as_view(), name="revoke-token"),
    path("oauth/introspect/", endpoints.IntrospectView.as_view(), name="introspect"),
    # RFC 8414 §3.1 inserts the well-known path before the issuer's own; many clients append it.
    path(f"{WELL_KNOWN}/oauth", toolkit.OAuthServerMetadataView.as_view(), name="oauth-server-metadata"),
    path(f"oauth/{WELL_KNOWN}", toolkit.OAuthServerMetadataView.as_view(), name="oauth-server-metadata-appended"),
]
