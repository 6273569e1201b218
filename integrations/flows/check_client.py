"""Whether the provider accepts us: a code exchange with a made-up code, and what its metadata says of our ways.

A provider looks at who asks before it looks at the code, so what it refuses tells which of the two is wrong.
"""

import re
from collections.abc import Iterator

from integrations.flows.check_finding import Finding, found
from integrations.flows.check_visits import Visits
from integrations.oauth.client import Client
from integrations.oauth.errors import (
    AddressRefused,
    InvalidClient,
    InvalidGrant,
    OAuthError,
    ProviderUnavailable,
    RequestRefused,
    redacted,
)
from integrations.oauth.message import Response
from integrations.oauth.pkce import new_code_verifier
from integrations.oauth.server import AuthorizationServer
from integrations.oauth.token import error_named

MADE_UP_CODE = "check-up-of-the-hub-not-a-code"
_NOT_ALLOWED = frozenset({"unauthorized_client", "unsupported_grant_type"})
_REDIRECT_URI = re.compile(r"redirect_?uri", re.IGNORECASE)
_NOT_IN_A_CODE = re.compile(r"[^A-Za-z0-9_.:-]")


def probe(client: Client, visits: Visits) -> tuple[Response | None, Finding]:
    """Send a made-up code to the token endpoint; the answer, and what it says of our registration.

    Raises:
        OutOfTime
        InvalidClient: there is no secret to send.
    """
    verifier = new_code_verifier() if _may_use_pkce(client) else None
    request = client.exchange_request(MADE_UP_CODE, code_verifier=verifier)
    try:
        response = visits.send(request)
    except AddressRefused:
        return None, found("address_refused", about="token_endpoint")
    except ProviderUnavailable as error:
        return None, found("client_undecided", said=error.code)
    return response, judge(response, client)


def judge(response: Response, client: Client) -> Finding:
    """What a refusal of the made-up code means."""
    said = _said(response, client)
    if _REDIRECT_URI.search(said):
        return found("redirect_uri_refused", said=said, uri=client.redirect_uri)
    try:
        client.judge_token(response)
    except InvalidGrant as error:
        return found("client_accepted", said=said or error.code)
    except InvalidClient as error:
        code = "client_not_allowed" if error.code in _NOT_ALLOWED else "client_refused"
        return found(code, said=said or error.code)
    except RequestRefused as error:
        if error.code in _NOT_ALLOWED:
            return found("client_not_allowed", said=said or error.code)
        if _REDIRECT_URI.search(error.description):
            return found("redirect_uri_refused", said=error.code, uri=client.redirect_uri)
        return found("client_undecided", said=said or error.code)
    except OAuthError as error:
        return found("client_undecided", said=said or f"{error.code}, status {response.status}")
    return found("made_up_code_taken")


def check_authentication(server: AuthorizationServer, published: AuthorizationServer | None) -> Iterator[Finding]:
    """Our way of authenticating, held against the ways that the metadata lists."""
    listed = published.token_endpoint_auth_methods_supported if published else None
    if listed is None:
        return
    method = server.dialect.token_endpoint_auth_method
    code = "auth_method_ok" if method in listed else "auth_method_not_listed"
    yield found(code, method=method, listed=", ".join(sorted(listed)) or "none")


def check_pkce(
    server: AuthorizationServer, published: AuthorizationServer | None, *, switched_off: bool
) -> Iterator[Finding]:
    """Whether PKCE is used and offered."""
    listed = (published or server).code_challenge_methods_supported
    if server.dialect.pkce == "unsupported":
        if listed and "S256" in listed:
            yield found("pkce_unused")
        elif switched_off:
            yield found("pkce_switched_off")
        else:
            yield found("pkce_off_here")
    elif listed is None:
        yield found("pkce_untold")
    elif "S256" in listed:
        yield found("pkce_ok")
    else:
        yield found("pkce_not_offered", listed=", ".join(sorted(listed)) or "no method at all")


def _may_use_pkce(client: Client) -> bool:
    try:
        return client.uses_pkce
    except OAuthError:
        return False


def _said(response: Response, client: Client) -> str:
    """The provider's own code, without anything that it may have put there of what it was sent."""
    named = error_named(response, dialect=client.server.dialect)
    said = redacted(named)
    sent = [value for value in (MADE_UP_CODE, client.client_secret) if value]
    return "" if any(value in text for value in sent for text in (named, said)) else _NOT_IN_A_CODE.sub("", said)[:64]
