"""Dynamic client registration (RFC 7591): off, unless an operator sets HUB_CLIENT_REGISTRATION_TOKEN.

The toolkit's own takes grants that the hub does not have, and gives a token with which clients change themselves; here
a registration is made once, and changed by an operator.
"""

import json
import secrets
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from oauth2_provider.models import Application

from hub.applications import redirect_uris
from hub.authorization_server import limits
from hub.authorization_server.configuration import GRANT_TYPES
from hub.authorization_server.device_grant import GRANT_TYPE as DEVICE_CODE
from hub.authorization_server.endpoints import Endpoint, refused
from hub.authorization_server.limits import EVERYBODY, Limit, TooOften
from hub.authorization_server.metadata import METHODS
from integrations.flows.clients import address_policy
from integrations.oauth.errors import AddressRefused, printable
from integrations.web.visitor import client_address

BY_ADDRESS = Limit(name="registration.address", count=20, seconds=600)
BY_EVERYBODY = Limit(name="registration.everybody", count=200, seconds=3600)
BODY_BYTES = 64 * 1024
NAME_LIMIT = 120
REDIRECT_URIS_AT_MOST = 10
REDIRECT_URI_RULE = (
    "A redirect URI is https and plain, without a fragment; for a client without a secret, "
    "http at 127.0.0.1 or [::1] will do"
)
REFRESH_TOKEN = "refresh_token"
GRANTS: dict[str, str] = {
    "authorization_code": Application.GRANT_AUTHORIZATION_CODE,
    "client_credentials": Application.GRANT_CLIENT_CREDENTIALS,
    DEVICE_CODE: DEVICE_CODE,
}
#: What a client says of itself and the hub neither shows nor calls; it is looked at all the same, and not kept.
URIS = ("client_uri", "logo_uri", "policy_uri", "tos_uri", "jwks_uri", "initiate_login_uri")


class Refused(Exception):
    """What is wrong with client metadata, by RFC 7591 §3.2.2."""

    def __init__(self, error: str, description: str) -> None:
        self.error = error
        self.description = description
        super().__init__(error, description)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What of a client's metadata counts here."""

    name: str
    grant_type: str
    method: str
    redirect_uris: list[str]


class RegistrationEndpoint(Endpoint):
    """Take a client in, for whoever has the operator's token (RFC 7591 §3)."""

    challenge = 'Bearer realm="hub", error="invalid_token"'

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.HUB_CLIENT_REGISTRATION_TOKEN:
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest) -> HttpResponse:
        now = timezone.now()
        try:
            limits.spend(BY_ADDRESS, limits.network(client_address(request)), now=now)
            if not _is_allowed(request):
                return refused("invalid_token", "An initial access token is needed.", status=401)
            limits.spend(BY_EVERYBODY, EVERYBODY, now=now)
            return JsonResponse(_register(read(request)), status=201)
        except TooOften as often:
            response = refused("temporarily_unavailable", "Too many registrations.", status=429)
            response["Retry-After"] = str(often.retry_after)
            return response
        except Refused as fault:
            return refused(fault.error, fault.description)


def read(request: HttpRequest) -> Asked:
    """What a client asks for in the body.

    Raises:
        Refused: it cannot have that, or says something that no client of ours can be.
    """
    metadata = _document(request)
    grant_type = _grant_type(metadata)
    method = _one_of(metadata, "token_endpoint_auth_method", METHODS, default="client_secret_basic")
    if grant_type == "client_credentials" and method == "none":
        raise _invalid("client_credentials needs a client that has a secret")
    wanted = {"code"} if grant_type == "authorization_code" else set()
    if set(_texts(metadata, "response_types", default=sorted(wanted))) != wanted:
        raise _invalid("response_types does not fit grant_types")
    for name in URIS:
        _check_uri(metadata, name)
    if "jwks" in metadata:
        raise _invalid("jwks: keys of clients are not used here")
    return Asked(
        name=printable(_text(metadata, "client_name"), limit=NAME_LIMIT),
        grant_type=grant_type,
        method=method,
        redirect_uris=_redirect_uris(
            metadata, are_needed=grant_type == "authorization_code", loopback=method == "none"
        ),
    )


def _is_allowed(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    is_right = compare_digest(token.strip().encode(), settings.HUB_CLIENT_REGISTRATION_TOKEN.encode())
    return scheme.lower() == "bearer" and is_right


def _document(request: HttpRequest) -> dict[str, Any]:
    if request.content_type != "application/json" or len(request.body) > BODY_BYTES:
        raise _invalid("The body has to be application/json, of 64 KiB at most")
    try:
        document = json.loads(request.body)
    except (ValueError, RecursionError):
        raise _invalid("The body is not JSON") from None
    if not isinstance(document, dict):
        raise _invalid("The body is not a JSON object")
    return document


def _grant_type(metadata: dict[str, Any]) -> str:
    asked = set(_texts(metadata, "grant_types", default=["authorization_code"]))
    if asked - set(GRANT_TYPES):
        raise _invalid(f"grant_types may be {', '.join(GRANT_TYPES)}")
    grants = asked - {REFRESH_TOKEN}
    if len(grants) != 1:
        raise _invalid("grant_types has to name one grant, beside refresh_token")
    return grants.pop()


def _redirect_uris(metadata: dict[str, Any], *, are_needed: bool, loopback: bool) -> list[str]:
    uris = _texts(metadata, "redirect_uris", default=[])
    for uri in uris:
        try:
            redirect_uris.check(uri, loopback=loopback)
        except redirect_uris.AddressRefused:
            raise Refused("invalid_redirect_uri", REDIRECT_URI_RULE) from None
    if len(uris) > REDIRECT_URIS_AT_MOST or bool(uris) != are_needed:
        raise Refused("invalid_redirect_uri", "Name 1 to 10 redirect URIs for authorization_code, and else none")
    return uris


def _check_uri(metadata: dict[str, Any], name: str) -> None:
    uri = _text(metadata, name)
    if not uri:
        return
    try:
        address_policy().check_url(uri)
    except AddressRefused as error:
        raise _invalid(f"{name}: {error.description}") from None


def _text(metadata: dict[str, Any], name: str) -> str:
    value = metadata.get(name, "")
    if not isinstance(value, str) or len(value) > 2000 or "\x00" in value:
        raise _invalid(f"{name} is not a text, or too long")
    return value


def _texts(metadata: dict[str, Any], name: str, *, default: list[str]) -> list[str]:
    values = metadata.get(name, default)
    if not isinstance(values, list) or not all(isinstance(value, str) and len(value) <= 2000 for value in values):
        raise _invalid(f"{name} is not a list of texts")
    return values


def _one_of(metadata: dict[str, Any], name: str, choices: list[str], *, default: str) -> str:
    value = metadata.get(name, default)
    if value not in choices:
        raise _invalid(f"{name} may be {', '.join(choices)}")
    return str(value)


def _invalid(description: str) -> Refused:
    return Refused("invalid_client_metadata", description)


def _register(asked: Asked) -> dict[str, object]:
    """Make the client; the only answer that holds its secret."""
    secret = "" if asked.method == "none" else secrets.token_urlsafe(64)
    application = Application(
        name=asked.name,
        client_type=Application.CLIENT_CONFIDENTIAL if secret else Application.CLIENT_PUBLIC,
        client_secret=secret,
        authorization_grant_type=GRANTS[asked.grant_type],
        redirect_uris=" ".join(asked.redirect_uris),
        registration_source=Application.RegistrationSource.DCR,
    )
    # What the toolkit would check now was checked, but that it refuses a client's own machine.
    application.save()
    follows = [] if asked.grant_type == "client_credentials" else [REFRESH_TOKEN]
    return {
        "client_id": application.client_id,
        "client_id_issued_at": int(application.created.timestamp()),
        **({"client_secret": secret, "client_secret_expires_at": 0} if secret else {}),
        "client_name": asked.name,
        "grant_types": [asked.grant_type, *follows],
        "response_types": ["code"] if asked.grant_type == "authorization_code" else [],
        "redirect_uris": asked.redirect_uris,
        "token_endpoint_auth_method": asked.method,
    }
