"""Who a client is: by its secret, in a header or in the form, in the same time whether it exists or not."""

import base64
import re
import secrets
from functools import cache
from typing import Any
from urllib.parse import unquote_plus

from django.contrib.auth.hashers import make_password
from oauth2_provider.models import Application
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.settings import oauth2_settings
from oauthlib.common import Request

_LOOPBACK = re.compile(r"http://(?P<host>127\.0\.0\.1|\[::1\])(?::(?P<port>[0-9]{1,5}))?(?P<rest>[/?][^#]*)?")
PORTS_UP_TO = 65535


class ClientValidator(OAuth2Validator):  # type: ignore[misc]
    """Ask for a secret that was given to a confidential client, in one place, and for an address as it was registered.

    The toolkit takes an empty secret for a client that has none, and a header that is no base64 for a fault of ours.
    """

    def authenticate_client(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Whether the request shows the secret of a confidential client (RFC 6749 §2.3.1)."""
        credentials = _credentials(request, self._extract_basic_auth(request))
        client_id, secret = credentials or ("", "")
        client = self._load_application(client_id, request) if client_id else None
        is_confidential = client is not None and client.client_type == Application.CLIENT_CONFIDENTIAL
        stored = client.client_secret if client is not None and is_confidential else ""
        is_right = self._check_secret(secret, stored or _nobodys_secret())
        return bool(stored and is_right)

    def _extract_basic_auth(self, request: Request) -> str | None:
        scheme, _, value = str(request.headers.get("HTTP_AUTHORIZATION") or "").strip().partition(" ")
        return value.strip() if scheme.lower() == "basic" else None

    def client_authentication_required(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Whoever shows a secret, even an empty one, is asked whether it is right."""
        if self._extract_basic_auth(request) is not None or request.client_secret:
            return True
        client = self._load_application(request.client_id, request)
        return client is None or client.client_type == Application.CLIENT_CONFIDENTIAL

    def validate_redirect_uri(
        self, client_id: str, redirect_uri: str, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        return is_registered_redirect_uri(request.client, redirect_uri)

    def validate_response_type(self, client_id: str, response_type: str, client: Application, *args: Any) -> bool:
        """`code`, and not one of the hybrid ones, whatever an application was registered for (RFC 9700 §2.1.2)."""
        return response_type == "code" and bool(client.allows_grant_type(Application.GRANT_AUTHORIZATION_CODE))


def is_registered_redirect_uri(application: Application, redirect_uri: str) -> bool:
    """Whether it is one that was registered, to the letter; on this machine, at any port (RFC 8252 §7.3)."""
    registered = application.redirect_uris.split()
    if redirect_uri in registered:
        return "#" not in redirect_uri
    asked = _LOOPBACK.fullmatch(redirect_uri)
    if not asked or int(asked["port"] or 0) > PORTS_UP_TO:
        return False
    known = filter(None, map(_LOOPBACK.fullmatch, registered))
    return any((each["host"], each["rest"]) == (asked["host"], asked["rest"]) for each in known)


def _credentials(request: Request, basic: str | None) -> tuple[str, str] | None:
    """Client ID and secret; None where there are none, two, or such that cannot be read."""
    if basic is None:
        return (request.client_id, request.client_secret) if request.client_id and request.client_secret else None
    try:
        decoded = base64.b64decode(basic, validate=True).decode()
    except ValueError:
        return None
    client_id, colon, secret = decoded.partition(":")
    client_id, secret = unquote_plus(client_id), unquote_plus(secret)
    if not colon or request.client_secret or request.client_id not in (None, client_id):
        return None
    return client_id, secret


@cache
def _nobodys_secret() -> str:
    return make_password(secrets.token_urlsafe(), hasher=oauth2_settings.CLIENT_SECRET_HASHER)
