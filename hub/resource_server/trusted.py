"""JWT access tokens of the issuers that an operator trusts (RFC 9068)."""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from django.conf import settings
from oauth2_provider.scopes import get_scopes_backend

from hub.resource_server.identifier import api_identifier
from integrations.api.caller import BearerRefused, Caller
from integrations.flows import clients
from integrations.flows.lend import Borrower
from integrations.oauth.discovery import discover_jwks_uri
from integrations.oauth.errors import AccessTokenRefused, OAuthError, ProviderUnavailable
from integrations.oauth.jwt_access_token import JwtVerifier, issuer_of
from integrations.oauth.single_flight import HURRIED, SingleFlight

logger = logging.getLogger(__name__)

#: How long an issuer's metadata is good, and how soon one that failed is asked again.
KEEP = timedelta(hours=1)
WAIT = timedelta(seconds=15)


@dataclass(slots=True)
class _Known:
    verifier: JwtVerifier | None = None
    asked_at: datetime | None = None
    failed: bool = False
    flight: SingleFlight = field(default_factory=SingleFlight)


class Trusted:
    """The verifiers of the trusted issuers, made when a token first asks for one. Shared by threads."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._lock = Lock()

    def caller(self, token: str, *, now: datetime) -> Caller:
        """Who calls with a JWT: an application, for itself or for the subject, with as much scope as is known here.

        A subject is never a person of the hub: it has what an operator opened to the application for it.

        Raises:
            BearerRefused: the token is not good here.
            ProviderUnavailable: its issuer does not answer. Later.
        """
        issuer = issuer_of(token)
        if issuer is None or issuer not in settings.HUB_TRUSTED_ISSUERS:
            raise BearerRefused("invalid_token", "The access token is of nobody that is trusted here.")
        try:
            claims = self._verifier(issuer, now=now).verify(token, now=now)
        except AccessTokenRefused as refused:
            raise BearerRefused("invalid_token", f"The access token is not accepted: {refused.code}.") from None
        borrower = Borrower(
            issuer=issuer,
            client_id=claims.client_id,
            client_name=claims.client_id,
            person_id=None,
            # RFC 9068 §2.2: where no resource owner is involved, the subject is the client.
            subject="" if claims.subject == claims.client_id else claims.subject,
        )
        return Caller(borrower=borrower, person=None, scope=claims.scope & set(get_scopes_backend().get_all_scopes()))

    def _verifier(self, issuer: str, *, now: datetime) -> JwtVerifier:
        with self._lock:
            known = self._known.setdefault(issuer, _Known())

        def is_due() -> bool:
            return known.asked_at is None or now - known.asked_at >= (WAIT if known.failed else KEEP)

        # One thread asks, and the others go on with what is known; without that, a few wait for a while.
        known.flight.renew(
            lambda: self._discover(issuer, known, now=now), is_due=is_due, patience=None if known.verifier else HURRIED
        )
        if known.verifier is None:
            raise ProviderUnavailable("The issuer of the access token does not answer.", code="issuer_unavailable")
        return known.verifier

    def _discover(self, issuer: str, known: _Known, *, now: datetime) -> None:
        """Find the issuer's keys; what was known before is good for longer while it does not answer."""
        known.asked_at, known.failed = now, True
        try:
            keys = clients.jwks().at(discover_jwks_uri(issuer, clients.transport()), patience=HURRIED)
        except OAuthError as error:
            logger.warning("an issuer's keys are not to be found", extra={"issuer": issuer, "code": error.code})
            return
        known.verifier, known.failed = JwtVerifier(issuer=issuer, audience=api_identifier(), jwks=keys), False
