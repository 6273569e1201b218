"""Authorization codes: stored as hashes, redeemed once, and remembered afterwards (RFC 6749 §4.1.2)."""

import hashlib
from datetime import timedelta
from typing import Any

from django.utils import timezone
from oauth2_provider.models import Grant, RefreshToken
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.common import Request
from oauthlib.oauth2.rfc6749 import errors

from hub.authorization_server.configuration import REFRESH_TOKEN_EXPIRE_SECONDS
from hub.authorization_server.models import SpentCode
from hub.authorization_server.stored_token import hashed_token

#: As long as what a code bought can be used without being used once in between.
REMEMBERED = timedelta(seconds=REFRESH_TOKEN_EXPIRE_SECONDS)


class CodeValidator(OAuth2Validator):  # type: ignore[misc]
    """Store a hash in a code's place, look a code up once, and redeem it in the transaction that stores its tokens.

    A code carries 180 bits of chance and lives for a minute: nothing is gained by a salt or by many rounds.
    """

    def _create_authorization_code(self, request: Request, code: dict[str, Any], expires: Any = None) -> Any:
        return super()._create_authorization_code(request, {**code, "code": hashed(code["code"])}, expires)

    def validate_code(
        self, client_id: str, code: str, client: Any, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        """Whether the code is good, by a row that this request keeps: another may redeem it before we are done."""
        grant = Grant.objects.select_related("user").filter(code=hashed(code), application=client).first()
        if grant is None:
            end_what_came_of(code, client)
            return False
        if grant.is_expired() or not grant.user.is_active:
            return False
        request.grant = grant
        request.user = grant.user
        request.scopes = grant.scope.split()
        return True

    def confirm_redirect_uri(
        self, client_id: str, code: str, redirect_uri: str, client: Any, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        return bool(request.grant.redirect_uri_allowed(redirect_uri))

    def get_code_challenge(self, code: str, request: Request) -> str | None:
        return request.grant.code_challenge or None

    def get_code_challenge_method(self, code: str, request: Request) -> str | None:
        return request.grant.code_challenge_method or None

    def invalidate_authorization_code(self, client_id: str, code: str, request: Request, *args: Any, **kw: Any) -> None:
        """Nothing is left to do: `redeem` did it."""


def redeem(request: Request, refresh_token: str) -> None:
    """Spend the code of a request whose tokens have just been stored, in the same transaction.

    Raises:
        InvalidGrantError: another request was faster. Have the transaction undone.
    """
    deleted, _ = Grant.objects.filter(pk=request.grant.pk).delete()
    if not deleted:
        raise errors.InvalidGrantError(request=request)
    checksum = hashed_token(refresh_token)
    SpentCode.objects.create(
        application=request.client,
        code_hash=request.grant.code,
        token_family=RefreshToken.objects.values_list("token_family", flat=True).get(token_checksum=checksum),
        expires_at=timezone.now() + REMEMBERED,
    )


def end_what_came_of(code: str, client: Any) -> None:
    """Revoke the tokens that a spent code bought, and those that followed (RFC 6749 §4.1.2, §10.5)."""
    families = SpentCode.objects.filter(code_hash=hashed(code), application=client)
    for family in families.values_list("token_family", flat=True):
        RefreshToken.revoke_family(family)


def hashed(code: str) -> str:
    """What stands in a row."""
    return hashlib.sha256(code.encode()).hexdigest()
