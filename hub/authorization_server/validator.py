"""Who gets a token, and who no longer does: what django-oauth-toolkit 3.4.1 leaves open."""

import hashlib
from typing import Any

from oauth2_provider.models import RefreshToken
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.common import Request
from oauthlib.oauth2.rfc6749 import errors

from hub.authorization_server.stored_token import PreparedTokenValidator


class HashedCodeValidator(OAuth2Validator):  # type: ignore[misc]
    """Store a hash in a code's place, in every method of the toolkit that writes one or looks one up.

    A code carries 180 bits of chance and lives for a minute: nothing is gained by a salt or by many rounds.
    """

    def _create_authorization_code(self, request: Request, code: dict[str, Any], expires: Any = None) -> Any:
        return super()._create_authorization_code(request, {**code, "code": _hashed(code["code"])}, expires)

    def validate_code(self, client_id: str, code: str, *args: Any, **kwargs: Any) -> bool:
        return bool(super().validate_code(client_id, _hashed(code), *args, **kwargs))

    def confirm_redirect_uri(self, client_id: str, code: str, *args: Any, **kwargs: Any) -> bool:
        return bool(super().confirm_redirect_uri(client_id, _hashed(code), *args, **kwargs))

    def invalidate_authorization_code(self, client_id: str, code: str, *args: Any, **kwargs: Any) -> None:
        super().invalidate_authorization_code(client_id, _hashed(code), *args, **kwargs)

    def get_code_challenge(self, code: str, request: Request) -> Any:
        return super().get_code_challenge(_hashed(code), request)

    def get_code_challenge_method(self, code: str, request: Request) -> Any:
        return super().get_code_challenge_method(_hashed(code), request)

    def get_authorization_code_scopes(self, client_id: str, code: str, *args: Any, **kwargs: Any) -> Any:
        return super().get_authorization_code_scopes(client_id, _hashed(code), *args, **kwargs)

    def _check_and_set_request_resource(self, request: Request) -> None:
        # This one takes the code from the request, and would let any resource pass where it finds no grant.
        code = request.code
        request.code = _hashed(code) if code else code
        try:
            super()._check_and_set_request_resource(request)
        finally:
            request.code = code


class HubValidator(PreparedTokenValidator, HashedCodeValidator):
    """Refuse the code and tokens of a person who may no longer sign in, and let one of two parallel refreshes win."""

    def validate_code(
        self, client_id: str, code: str, client: Any, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        valid = super().validate_code(client_id, code, client, request, *args, **kwargs)
        return bool(valid and request.user.is_active)

    def validate_refresh_token(
        self, refresh_token: str, client: Any, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        valid = super().validate_refresh_token(refresh_token, client, request, *args, **kwargs)
        return bool(valid and request.user.is_active)

    def validate_bearer_token(self, token: str, scopes: list[str], request: Request) -> bool:
        if not super().validate_bearer_token(token, scopes, request):
            return False
        if request.user is None or request.user.is_active:
            return True
        request.oauth2_error = {"error": "invalid_token"}
        return False

    def _save_bearer_token(self, token: dict[str, Any], request: Request, *args: Any, **kwargs: Any) -> None:
        # Inside the toolkit's transaction. Tokens are stored hashed, so the pair that another request just
        # made of this refresh token cannot be answered a second time, as the toolkit goes on to do.
        if request.grant_type == "refresh_token":
            spent = request.refresh_token_instance
            locked = RefreshToken.objects.select_for_update().filter(pk=spent.pk, revoked__isnull=True)
            if not locked.values_list("pk", flat=True):
                raise errors.InvalidGrantError(request=request)
        super()._save_bearer_token(token, request, *args, **kwargs)


def _hashed(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
