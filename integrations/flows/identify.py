"""Whose account was connected: proven by an id_token where there is one, else by asking the provider."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from integrations.flows.clients import jwks, provider_of, transport, variables_of
from integrations.models import ClientRegistration
from integrations.oauth import id_token
from integrations.oauth.client import Client
from integrations.oauth.errors import IdentityRefused, OAuthError
from integrations.oauth.message import Request, at_path, read_json, text_at
from integrations.oauth.token import TokenResponse
from integrations.providers import ApiUrlRefused

logger = logging.getLogger(__name__)

NAMES = ("email", "preferred_username", "name")


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """An account at a provider: who vouches for it, its lasting id there, and what its owner knows it by."""

    issuer: str
    subject: str
    label: str


def identify(
    client: Client,
    answer: TokenResponse,
    *,
    nonce: str | None,
    asked: frozenset[str],
    now: datetime,
) -> Account:
    """Tell whose account a token response is for (OpenID Connect Core §3.1.3.7, §5.3.2).

    The instance that the client speaks to vouches for it: the same id at another one is another account.

    Raises:
        IdentityRefused: it could not be proven. Store nothing.
        ProviderUnavailable: the provider did not answer. Store nothing; start again.
    """
    server = client.server
    claims = None
    if "openid" in asked and server.jwks_uri:
        claims = _validated(client, answer, nonce=nonce, now=now)
    if not server.userinfo_endpoint:
        if claims is None:
            raise IdentityRefused("The provider offers no way to tell whose account it is.", code="sub_missing")
        label = next((claims.texts[name] for name in NAMES if claims.texts.get(name)), claims.subject)
        return Account(issuer=claims.issuer, subject=claims.subject, label=label)
    response = transport().send(client.userinfo_request(answer.access_token))
    found = client.judge_userinfo(response, expected_subject=claims.subject if claims else None)
    issuer = claims.issuer if claims else server.account_issuer
    return Account(issuer=issuer, subject=found.subject, label=found.label)


def _validated(client: Client, answer: TokenResponse, *, nonce: str | None, now: datetime) -> id_token.Claims:
    if answer.id_token is None:
        raise IdentityRefused("The provider sent no ID token.", code="id_token_missing")
    return id_token.validate(
        answer.id_token,
        jwks=jwks().at(client.server.jwks_uri),
        issuer=client.server.issuer,
        client_id=client.client_id,
        algorithms=client.server.id_token_signing_alg_values_supported,
        nonce=nonce,
        access_token=answer.access_token,
        now=now,
        leeway_seconds=client.leeway_seconds,
    )


def look_up(
    registration: ClientRegistration, client: Client, answer: TokenResponse, *, variables: Mapping[str, str]
) -> Mapping[str, str]:
    """What the API's addresses need and only the API itself tells, such as a site id; empty when it does not."""
    provider = provider_of(registration)
    if provider.lookup is None:
        return {}
    try:
        url = provider.api_url(provider.lookup.path, variables_of(registration, variables), answer.extra)
        sent: Request = client.api_request(
            "GET", url, answer.access_token, headers=provider.api_headers, idempotent=True
        )
        document = read_json(transport().send(sent))
    except (OAuthError, ApiUrlRefused) as error:
        logger.warning("look-up failed", extra={"registration": registration.slug, "code": error.code})
        return {}
    paths = provider.lookup.kept_paths.items()
    return {name: text_at(document, path) for name, path in paths if at_path(document, path) is not None}
