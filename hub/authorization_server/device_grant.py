"""The device grant at the token endpoint (RFC 8628 §3.4, §3.5), in place of oauthlib's, which looks no device up."""

import json

from django.utils import timezone
from oauth2_provider.models import Application
from oauthlib.common import Request
from oauthlib.oauth2.rfc6749 import errors
from oauthlib.oauth2.rfc6749.grant_types.base import GrantTypeBase
from oauthlib.oauth2.rfc6749.tokens import BearerToken
from oauthlib.oauth2.rfc8628.errors import AccessDenied, AuthorizationPendingError, ExpiredTokenError, SlowDownError

from hub.authorization_server import devices
from hub.authorization_server.models import DeviceAuthorization

GRANT_TYPE: str = Application.GRANT_DEVICE_CODE
Status = DeviceAuthorization.Status


class DeviceGrant(GrantTypeBase):  # type: ignore[misc]
    """Give a device its tokens once a person has allowed it; the validator sees to it that it gets them once."""

    def create_token_response(self, request: Request, token_handler: BearerToken) -> tuple[dict[str, str], str, int]:
        headers: dict[str, str] = self._get_default_headers()
        try:
            request.device = self._approved(request)
            request.user = request.device.person
            request.scopes = request.device.scope.split()
            token = token_handler.create_token(request, refresh_token=True)
            self.request_validator.save_token(token, request)
        except errors.OAuth2Error as error:
            headers.update(error.headers)
            return headers, error.json, error.status_code
        return headers, json.dumps(token), 200

    def validate_device_request(self, request: Request) -> None:
        """Find out who asks for codes, and for which scope (RFC 8628 §3.1).

        Raises:
            OAuth2Error: invalid_client, unauthorized_client or invalid_scope.
        """
        request.grant_type = GRANT_TYPE
        self._authenticate(request)
        self.validate_scopes(request)

    def _approved(self, request: Request) -> DeviceAuthorization:
        self._authenticate(request)
        device_code = getattr(request, "device_code", None)
        if not device_code:
            raise errors.InvalidRequestError("Missing device_code parameter.", request=request)
        now = timezone.now()
        device = DeviceAuthorization.objects.select_related("person").filter(
            device_code_hash=devices.hashed_device_code(device_code), application=request.client
        )
        found = device.first()
        if found is None:
            raise errors.InvalidGrantError(request=request)
        if found.expires_at <= now:
            raise ExpiredTokenError(request=request)
        if found.status == Status.DENIED:
            raise AccessDenied(request=request)
        if found.status == Status.PENDING:
            raise (AuthorizationPendingError if devices.poll(found, now=now) else SlowDownError)(request=request)
        if found.person is None or not found.person.is_active:
            raise errors.InvalidGrantError(request=request)
        return found

    def _authenticate(self, request: Request) -> None:
        validator = self.request_validator
        if validator.client_authentication_required(request):
            if not validator.authenticate_client(request):
                raise errors.InvalidClientError(request=request)
        elif not validator.authenticate_client_id(request.client_id, request):
            raise errors.InvalidClientError(request=request)
        request.client_id = request.client_id or request.client.client_id
        self.validate_grant_type(request)
