"""Which grants exist. What is not here cannot be switched on by a client's registration."""

import re
from typing import Any

from oauthlib.common import Request
from oauthlib.oauth2.rfc6749 import errors
from oauthlib.oauth2.rfc6749.endpoints.authorization import AuthorizationEndpoint
from oauthlib.oauth2.rfc6749.endpoints.resource import ResourceEndpoint
from oauthlib.oauth2.rfc6749.endpoints.revocation import RevocationEndpoint
from oauthlib.oauth2.rfc6749.endpoints.token import TokenEndpoint
from oauthlib.oauth2.rfc6749.grant_types import (
    AuthorizationCodeGrant,
    ClientCredentialsGrant,
    RefreshTokenGrant,
)
from oauthlib.oauth2.rfc6749.grant_types.authorization_code import code_challenge_method_s256
from oauthlib.oauth2.rfc6749.request_validator import RequestValidator
from oauthlib.oauth2.rfc6749.tokens import BearerToken

from hub.authorization_server import device_grant, token_exchange
from hub.authorization_server.resource import refuse_other_resources, values_of

S256_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
#: Parameters of extensions that the hub does not have, and the error that says so (RFC 9101 §6, RFC 9396 §5).
REFUSED = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "authorization_details": "invalid_authorization_details",
}


class S256CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
    """The authorization code grant with S256 alone (RFC 7636 §4.2), refused before anyone is asked to consent."""

    _code_challenge_methods = {"S256": code_challenge_method_s256}

    def validate_authorization_request(self, request: Request) -> tuple[list[str], dict[str, Any]]:
        response_mode, request.response_mode = request.response_mode, None
        # OpenID Connect's, which would be stored.
        request.nonce = request.claims = None
        scope, credentials = super().validate_authorization_request(request)
        if not S256_CHALLENGE.fullmatch(request.code_challenge):
            raise errors.InvalidRequestError("code_challenge is not an S256 challenge", request=request)
        if response_mode not in (None, "query"):
            raise errors.InvalidRequestError("response_mode is not query", request=request)
        if set(request.duplicate_params) - {"resource"}:
            raise errors.InvalidRequestError("A parameter is repeated", request=request)
        for name, error in REFUSED.items():
            if getattr(request, name, None) is not None:
                raise errors.CustomOAuth2Error(error, request=request)
        request.resource = refuse_other_resources(values_of(request), request)
        return scope, credentials


class HubServer(AuthorizationEndpoint, TokenEndpoint, ResourceEndpoint, RevocationEndpoint):  # type: ignore[misc]
    """Authorization code, refresh token, client credentials and device grant. No implicit and no password grant."""

    def __init__(
        self,
        request_validator: RequestValidator,
        *,
        token_expires_in: int,
        token_generator: None = None,
        refresh_token_generator: None = None,
        **_: object,
    ) -> None:
        code = S256CodeGrant(request_validator)
        self.device_grant = device_grant.DeviceGrant(request_validator)
        bearer = BearerToken(request_validator, token_generator, token_expires_in, refresh_token_generator)
        AuthorizationEndpoint.__init__(
            self, default_response_type="code", default_token_type=bearer, response_types={"code": code}
        )
        TokenEndpoint.__init__(
            self,
            default_grant_type="authorization_code",
            default_token_type=bearer,
            grant_types={
                "authorization_code": code,
                "refresh_token": RefreshTokenGrant(request_validator),
                "client_credentials": ClientCredentialsGrant(request_validator),
                token_exchange.GRANT_TYPE: token_exchange.TokenExchangeGrant(request_validator),
                device_grant.GRANT_TYPE: self.device_grant,
            },
        )
        ResourceEndpoint.__init__(self, default_token="Bearer", token_types={"Bearer": bearer})
        RevocationEndpoint.__init__(self, request_validator)
