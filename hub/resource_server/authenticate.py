"""Who calls the API, by the token in the Authorization header (RFC 6750 §2.1); in one query, or by a JWT in none.

What opens a connection that an address names is read in the same query.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.urls import get_script_prefix, reverse
from django.utils import timezone
from oauth2_provider.settings import oauth2_settings

from hub.resource_server.trusted import Trusted
from integrations.api.caller import BearerRefused, Caller
from integrations.flows.lend import Borrower, Seen

SCHEME = "bearer"
_trusted = Trusted()


@dataclass(slots=True)
class Asked:
    """As much of an oauthlib request as the bearer check reads, and room for what it finds."""

    uri: str
    client: Any = None
    user: Any = None
    scopes: Any = None
    access_token: Any = field(default=None, repr=False)
    oauth2_error: Any = None


def authenticate(request: HttpRequest) -> Caller:
    """The caller; a token in the query or in a form is not looked at.

    Raises:
        BearerRefused: no token, or one that is unknown, expired, revoked, for another audience or of somebody who may
            no longer sign in.
        ProviderUnavailable: the issuer of a JWT does not answer. Later.
    """
    scheme, _, value = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != SCHEME:
        raise BearerRefused
    # Our own tokens are letters and digits; three parts make a JWT.
    if value.count(".") == 2:
        return _trusted.caller(value.strip(), now=timezone.now())
    # By the name that tokens are bound to (RFC 8707), whatever host was called.
    address = f"{settings.SITE_URL}{quote(request.path)}"
    found = by_stored_token(value.strip(), address, connection=_connection_of(request))
    if found is None:
        raise BearerRefused("invalid_token", "The access token is unknown, expired or revoked.")
    return found


def by_stored_token(value: str, resource: str, *, connection: UUID | None = None) -> Caller | None:
    """The caller by a token that this hub issued, at an address of the API; None: it is not good there.

    What opens a `connection` to it is read along.
    """
    asked = Asked(resource)
    validator = oauth2_settings.OAUTH2_VALIDATOR_CLASS()
    validator.connection = connection
    if not validator.validate_bearer_token(value, [], asked):
        return None
    borrower = Borrower(
        issuer="",
        client_id=asked.client.client_id,
        client_name=asked.client.name,
        person_id=None if asked.user is None else asked.user.pk,
        consent_path="" if asked.user is None else _consent_path(asked.client.client_id, get_script_prefix()),
    )
    return Caller(
        borrower=borrower,
        person=asked.user,
        scope=frozenset(asked.scopes),
        redirect_uris=tuple(asked.client.redirect_uris.split()),
        seen=None if validator.rule is None else Seen(rule=validator.rule),
    )


def _connection_of(request: HttpRequest) -> UUID | None:
    """The connection that an address names."""
    match = request.resolver_match
    named = match.kwargs.get("uuid") if match else None
    try:
        return None if named is None else UUID(str(named))
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def _consent_path(client_id: str, script_prefix: str) -> str:
    return reverse("applications:authorized", args=[client_id])
