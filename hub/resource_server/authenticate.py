"""Who calls the API, by the token in the Authorization header (RFC 6750 §2.1); in one query, or by a JWT in none."""

from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from oauth2_provider.settings import oauth2_settings
from oauthlib.common import Request

from hub.resource_server.trusted import Trusted
from integrations.api.caller import BearerRefused, Caller
from integrations.flows.lend import Borrower

SCHEME = "bearer"
_trusted = Trusted()


def authenticate(request: HttpRequest) -> Caller:
    """The caller; a token in the query or in a form is not looked at.

    Raises:
        BearerRefused: no token, or one that is unknown, expired, revoked, for another audience or of somebody who may
            no longer sign in.
        ProviderUnavailable: the issuer of a JWT does not answer. Later.
    """
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != SCHEME:
        raise BearerRefused
    # Our own tokens are letters and digits; three parts make a JWT.
    if value.count(".") == 2:
        return _trusted.caller(value.strip(), now=timezone.now())
    # By the name that tokens are bound to (RFC 8707), whatever host was called.
    found = by_stored_token(value.strip(), f"{settings.SITE_URL}{quote(request.path)}")
    if found is None:
        raise BearerRefused("invalid_token", "The access token is unknown, expired or revoked.")
    return found


def by_stored_token(value: str, resource: str) -> Caller | None:
    """The caller by a token that this hub issued, at an address of the API; None: it is not good there."""
    asked = Request(resource, headers={})
    if not oauth2_settings.OAUTH2_VALIDATOR_CLASS().validate_bearer_token(value, [], asked):
        return None
    borrower = Borrower(
        issuer="",
        client_id=asked.client.client_id,
        client_name=asked.client.name,
        person_id=None if asked.user is None else asked.user.pk,
        consent_path="" if asked.user is None else reverse("applications:authorized", args=[asked.client.client_id]),
    )
    return Caller(
        borrower=borrower,
        person=asked.user,
        scope=frozenset(asked.scopes),
        redirect_uris=tuple(asked.client.redirect_uris.split()),
    )
