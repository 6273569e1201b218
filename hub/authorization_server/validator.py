"""Who gets a token, and who no longer does: what django-oauth-toolkit 3.4.1 leaves open."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils import timezone
from oauth2_provider.models import RefreshToken
from oauthlib.common import Request
from oauthlib.oauth2.rfc6749 import errors

from hub.applications.suspension import EnabledClients
from hub.authorization_server import device_grant
from hub.authorization_server.client_authentication import ClientValidator
from hub.authorization_server.codes import CodeValidator, end_what_came_of, redeem
from hub.authorization_server.models import DeviceAuthorization
from hub.authorization_server.resource import refuse_other_resources, values_of
from hub.authorization_server.stored_token import PreparedTokenValidator, hashed_token

#: When a request came, among its headers.
RECEIVED = "hub.received_at"


class HubValidator(PreparedTokenValidator, EnabledClients, CodeValidator, ClientValidator):
    """Refuse the tokens of a person who may no longer sign in; let each code and refresh token be used once."""

    def validate_refresh_token(
        self, refresh_token: str, client: Any, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        """Whether a refresh token is good. One that was spent before this request came ends its family.

        One that was good when this request came, and was spent since, was sent twice at once: the first has won, and
        nothing is ended.
        """
        received: datetime = request.headers.get(RECEIVED) or timezone.now()
        if RefreshToken.objects.filter(token_checksum=hashed_token(refresh_token), revoked__gte=received).exists():
            return False
        valid = super().validate_refresh_token(refresh_token, client, request, *args, **kwargs)
        return bool(valid and request.user.is_active)

    def validate_bearer_token(self, token: str, scopes: list[str], request: Request) -> bool:
        if not super().validate_bearer_token(token, scopes, request):
            return False
        if request.user is None or request.user.is_active:
            return True
        request.oauth2_error = {"error": "invalid_token"}
        return False

    def save_bearer_token(self, token: dict[str, Any], request: Request, *args: Any, **kwargs: Any) -> None:
        try:
            super().save_bearer_token(token, request, *args, **kwargs)
        except errors.InvalidGrantError:
            if request.grant_type == "authorization_code":
                end_what_came_of(request.code, request.client)
            raise

    def _save_bearer_token(self, token: dict[str, Any], request: Request, *args: Any, **kwargs: Any) -> None:
        """Store tokens and spend what they were given for, in the toolkit's transaction."""
        if request.grant_type == "refresh_token":
            _lock_unspent(request)
        super()._save_bearer_token(token, request, *args, **kwargs)
        if request.grant_type == "authorization_code":
            redeem(request, token["refresh_token"])
        if request.grant_type == device_grant.GRANT_TYPE:
            _spend_device(request)

    def _check_and_set_request_resource(self, request: Request) -> None:
        """Bind the tokens to what was asked for; what a grant is bound to cannot be widened (RFC 8707 §2.2)."""
        held: list[str] = _HELD.get(request.grant_type, lambda _: [])(request)
        asked = refuse_other_resources(values_of(request), request, held=held)
        request.resource = asked or held


_HELD: dict[str, Callable[[Request], list[str]]] = {
    "authorization_code": lambda request: request.grant.resource,
    "refresh_token": lambda request: request.refresh_token_instance.resource,
    device_grant.GRANT_TYPE: lambda request: request.device.resource,
}


def _lock_unspent(request: Request) -> None:
    # Tokens are stored hashed, so the pair that another request just made of this refresh token cannot be
    # answered a second time, as the toolkit goes on to do.
    spent = request.refresh_token_instance
    locked = RefreshToken.objects.select_for_update().filter(pk=spent.pk, revoked__isnull=True)
    if not locked.values_list("pk", flat=True):
        raise errors.InvalidGrantError(request=request)


def _spend_device(request: Request) -> None:
    rows = DeviceAuthorization.objects.filter(pk=request.device.pk, status=DeviceAuthorization.Status.APPROVED)
    if not rows.delete()[0]:
        raise errors.InvalidGrantError(request=request)
