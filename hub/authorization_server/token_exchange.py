"""Token exchange at the token endpoint (RFC 8693): the standard way to borrow what the API lends at `…/token`.

A client shows its own access token of this hub, names a connection, and is given that connection's access token.

    grant_type=urn:ietf:params:oauth:grant-type:token-exchange
    subject_token=<its access token> & subject_token_type=urn:ietf:params:oauth:token-type:access_token
    resource=<SITE_URL>/api/v1/connections/<uuid>          or audience=urn:uuid:<uuid>
    scope=<scope at the provider>                          if it must be good for something
"""

import json
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from oauthlib.common import Request
from oauthlib.oauth2.rfc6749 import errors
from oauthlib.oauth2.rfc6749.grant_types.base import GrantTypeBase
from oauthlib.oauth2.rfc6749.tokens import BearerToken

from hub.resource_server.authenticate import by_stored_token
from hub.resource_server.identifier import api_identifier
from integrations.api.caller import Caller
from integrations.api.quota import QuotaSpent, spend
from integrations.flows import lend
from integrations.flows.borrow import AccessToken
from integrations.flows.errors import NotLent, ScopeMissing
from integrations.oauth.errors import OAuthError, Remedy

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
SCOPE = "connections:borrow"
RETRY_AFTER_SECONDS = 30


class Refusal(errors.OAuth2Error):  # type: ignore[misc]
    """An error of this grant, with the page where a person can mend it (RFC 6749 §5.2, RFC 8693 §2.2.2)."""

    def __init__(
        self, error: str, description: str, *, page: str = "", status: int = 400, retry_after: int = 0
    ) -> None:
        self.error = error
        self.retry_after = retry_after
        uri = f"{settings.SITE_URL}{page}" if page else None
        super().__init__(description=description, uri=uri, status_code=status)

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after)} if self.retry_after else {}


class TokenExchangeGrant(GrantTypeBase):  # type: ignore[misc]
    """For confidential clients, of their own tokens alone: nobody is impersonated."""

    def create_token_response(self, request: Request, token_handler: BearerToken) -> tuple[dict[str, str], str, int]:
        headers: dict[str, str] = self._get_default_headers()
        try:
            token = self._exchange(request)
        except errors.OAuth2Error as error:
            headers.update(error.headers)
            return headers, error.json, error.status_code
        left = None if token.expires_at is None else int((token.expires_at - timezone.now()).total_seconds())
        answer = {
            "access_token": token.value,
            "issued_token_type": ACCESS_TOKEN,
            "token_type": "Bearer" if token.token_type.lower() == "bearer" else token.token_type,
            "scope": " ".join(sorted(token.scope)),
            **({} if left is None else {"expires_in": max(left, 0)}),
        }
        return headers, json.dumps(answer), 200

    def _exchange(self, request: Request) -> AccessToken:
        validator = self.request_validator
        if not validator.client_authentication_required(request):
            # A public client, which is right to show no secret.
            raise errors.UnauthorizedClientError("Token exchange is for clients with a secret.", request=request)
        if not validator.authenticate_client(request):
            raise errors.InvalidClientError(request=request)
        fields = _Fields(request)
        fields.require_access_tokens()
        caller = _caller(fields.one("subject_token"), request)
        return _borrow(caller, fields.connection(), fields.one("scope", default="").split())


class _Fields:
    """The parameters as they were sent; oauthlib's own view of them holds the last of each name."""

    def __init__(self, request: Request) -> None:
        self._pairs = [(name, value) for name, value in request.decoded_body or [] if value]

    def all(self, name: str) -> list[str]:
        return [value for found, value in self._pairs if found == name]

    def one(self, name: str, *, default: str | None = None) -> str:
        values = self.all(name)
        if len(values) > 1 or (not values and default is None):
            raise Refusal("invalid_request", f"{name} has to be sent once.")
        return values[0] if values else str(default)

    def require_access_tokens(self) -> None:
        if self.one("subject_token_type") != ACCESS_TOKEN:
            raise Refusal("invalid_request", "The only subject_token_type here is an access token.")
        if self.one("requested_token_type", default=ACCESS_TOKEN) != ACCESS_TOKEN:
            raise Refusal("invalid_request", "The only requested_token_type here is an access token.")
        if self.all("actor_token") or self.all("actor_token_type"):
            raise Refusal("invalid_request", "The actor is the client itself: send no actor_token.")

    def connection(self) -> UUID:
        """The connection that is named, once; without a name there is no default."""
        resources, audiences = self.all("resource"), self.all("audience")
        if not resources and not audiences:
            raise Refusal("invalid_request", "Name a connection by resource or audience.")
        prefix = f"{api_identifier()}/connections/"
        named = {value.removeprefix(prefix) if value.startswith(prefix) else "" for value in resources}
        named |= {value.removeprefix("urn:uuid:") if value.startswith("urn:uuid:") else "" for value in audiences}
        try:
            (uuid,) = {UUID(value) for value in named}
        except ValueError:
            raise Refusal("invalid_target", "This names no connection, or more than one.") from None
        return uuid


def _caller(subject_token: str, request: Request) -> Caller:
    """Whose token it is: the client's own, alive, and good for borrowing."""
    caller = by_stored_token(subject_token, f"{api_identifier()}/connections")
    if caller is None or caller.borrower.client_id != request.client.client_id:
        # Another client's token is told from none by nothing.
        raise Refusal("invalid_request", "The subject_token is no live access token of this client.")
    if SCOPE not in caller.scope:
        raise Refusal("invalid_scope", f"The subject_token lacks the scope {SCOPE}.")
    try:
        spend(caller.borrower, now=timezone.now())
    except QuotaSpent as spent:
        wait = spent.quota.reset_seconds
        raise Refusal("temporarily_unavailable", "Too many requests.", status=429, retry_after=wait) from None
    return caller


def _borrow(caller: Caller, uuid: UUID, scope: list[str]) -> AccessToken:
    try:
        return lend.token(caller.borrower, uuid, scope=scope)
    except NotLent as error:
        raise Refusal("invalid_target", error.description) from None
    except ScopeMissing as error:
        raise Refusal("invalid_scope", error.description, page=error.consent_path) from None
    except OAuthError as error:
        raise _unusable(error, uuid, caller) from None


def _unusable(error: OAuthError, uuid: UUID, caller: Caller) -> Refusal:
    if error.remedy is Remedy.RETRY:
        wait = error.retry_after or RETRY_AFTER_SECONDS
        return Refusal("temporarily_unavailable", error.description, status=503, retry_after=wait)
    if error.remedy is Remedy.REAUTHORIZE:
        page = "" if caller.person is None else f"/connections/{uuid}/"
        return Refusal("invalid_grant", error.description or "The connection's access has ended.", page=page)
    return Refusal("invalid_target", error.description or "Only an operator of the hub can mend it.")
