"""Who calls the API, by the token in the Authorization header (RFC 6750 §2.1); in one query."""

from django.http import HttpRequest
from django.urls import reverse
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
    asked = Request(request.build_absolute_uri(request.path), headers={})
    if not oauth2_settings.OAUTH2_VALIDATOR_CLASS().validate_bearer_token(value, [], asked):
        raise BearerRefused("invalid_token", "The access token is unknown, expired or revoked.")
    borrower = Borrower(
        issuer="",
        client_id=asked.client.client_id,
        client_name=asked.client.name,
        person_id=None if asked.user is None else asked.user.pk,
        consent_path="" if asked.user is None else reverse("applications:authorized", args=[asked.client.client_id]),
    )
    return Caller(borrower=borrower, person=asked.user, scope=frozenset(asked.scopes))
