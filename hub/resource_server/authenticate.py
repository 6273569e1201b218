"""Who calls the API, by the token in the Authorization header (RFC 6750 §2.1); in one query."""

from django.conf import settings
from django.http import HttpRequest
from oauth2_provider.settings import oauth2_settings
from oauthlib.common import Request

from integrations.api.caller import BearerRefused, Caller
from integrations.flows.lend import Borrower

SCHEME = "bearer"


def authenticate(request: HttpRequest) -> Caller:
    """The caller; a token in the query or in a form is not looked at.

    Raises:
        BearerRefused: no token, or one that is unknown, expired, revoked, for another audience or of somebody who may
            no longer sign in.
    """
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != SCHEME:
        raise BearerRefused
    return _by_stored_token(request, value.strip())


def _by_stored_token(request: HttpRequest, value: str) -> Caller:
    # By the name that tokens are bound to (RFC 8707), whatever host was called.
    asked = Request(f"{settings.SITE_URL}{request.path}", headers={})
    if not oauth2_settings.OAUTH2_VALIDATOR_CLASS().validate_bearer_token(value, [], asked):
        raise BearerRefused("invalid_token", "The access token is unknown, expired or revoked.")
    borrower = Borrower(
        issuer="",
        client_id=asked.client.client_id,
        client_name=asked.client.name,
        person_id=None if asked.user is None else asked.user.pk,
    )
    return Caller(borrower=borrower, person=asked.user, scope=frozenset(asked.scopes))
