"""Every way an exchange with a provider can fail.

    OAuthError
    ├── InvalidGrant           the grant is gone: expired, revoked or used            → the person reconnects
    ├── InvalidClient          the provider does not accept our registration          → an operator
    ├── AccessDenied           the person said no                                     → the person
    ├── ResponseRefused        an authorization response that must not be trusted     → start again
    ├── AuthorizationFailed    the authorization endpoint reported another error      → depends on its code
    ├── ProviderUnavailable    no answer, or none that can be understood              → time
    ├── RequestRefused         our request was wrong                                  → an operator
    ├── IdentityRefused        an id_token or userinfo that must not be trusted       → the person reconnects
    ├── AccessTokenRefused     a JWT that is no access token for us                   → whoever sent it
    ├── DiscoveryRefused       metadata that must not be used                         → an operator
    └── AddressRefused         an address the hub does not call                       → an operator

Callers branch on `remedy`; `code` is stored, logged and sent. `description` may be the provider's own words,
made harmless by `printable`; `said_by_provider` tells. It is never a body, a URL with a query or a secret.
"""

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, Self

DESCRIPTION_LIMIT = 200
CODE_LIMIT = 64
_NOT_IN_A_CODE = re.compile(r"[^A-Za-z0-9_.-]")
# A whole UUID stays, for it is the trace id that a provider's support asks for; so does a link's host and path.
_RUN = re.compile(r"[\w\-.~+/=%]{20,}")
_TOKEN_LIKE = re.compile(
    r"(?!//)(?![0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z)(?=.*\d|.*[a-z].*[A-Z]|.*[A-Z].*[a-z]).+"
)


class Remedy(StrEnum):
    """Who or what can make the exchange succeed."""

    RETRY = "retry"
    REAUTHORIZE = "reauthorize"
    OPERATOR = "operator"


def printable(text: str, *, limit: int = DESCRIPTION_LIMIT) -> str:
    """Make another party's text harmless to log and show; it is still text, which a page must escape.

    What is left is one line without control or bidirectional characters, at most `limit` long.
    """
    kept = (" " if character.isspace() else character for character in text[: limit * 4])
    visible = "".join(character for character in kept if unicodedata.category(character)[0] != "C")
    return " ".join(visible.split())[:limit]


def redacted(text: str) -> str:
    """Leave out what may be a token or a code: a provider may repeat the secret it was sent in its error."""
    return _RUN.sub(
        lambda run: "[redacted]" if _TOKEN_LIKE.fullmatch(run[0]) else run[0], text[: DESCRIPTION_LIMIT * 4]
    )


class OAuthError(Exception):
    """The root: something between us and a provider failed."""

    code: str = "oauth_error"
    remedy: Remedy = Remedy.OPERATOR
    remedies: ClassVar[Mapping[str, Remedy]] = {}
    said_by_provider: bool = False

    def __init__(self, description: str = "", *, code: str = "", retry_after: int | None = None) -> None:
        self.code = _NOT_IN_A_CODE.sub("", code)[:CODE_LIMIT] or type(self).code
        self.description = printable(redacted(description))
        self.retry_after = retry_after
        self.remedy = self.remedies.get(self.code, type(self).remedy)
        super().__init__(self.code, self.description)

    def __str__(self) -> str:
        return f"{self.code}: {self.description}"

    def quoting(self) -> Self:
        """Mark the description as the provider's own words."""
        self.said_by_provider = True
        return self


class InvalidGrant(OAuthError):
    """The code or refresh token is expired, revoked, used or not ours (RFC 6749 §5.2)."""

    code = "invalid_grant"
    remedy = Remedy.REAUTHORIZE


class InvalidClient(OAuthError):
    """The provider does not accept our client registration; no person's grant is to blame (RFC 6749 §5.2)."""

    code = "invalid_client"


class AccessDenied(OAuthError):
    """The person, or a policy acting for them, refused (RFC 6749 §4.1.2.1)."""

    code = "access_denied"
    remedy = Remedy.REAUTHORIZE


class ResponseRefused(OAuthError):
    """An authorization response that does not belong to the request it claims to answer. No token request
    may follow."""

    code = "response_refused"
    remedy = Remedy.REAUTHORIZE


class AuthorizationFailed(OAuthError):
    """The authorization endpoint reported an error other than access_denied (RFC 6749 §4.1.2.1)."""

    code = "authorization_failed"
    remedy = Remedy.REAUTHORIZE
    remedies = {
        "server_error": Remedy.RETRY,
        "temporarily_unavailable": Remedy.RETRY,
        "invalid_request": Remedy.OPERATOR,
        "invalid_scope": Remedy.OPERATOR,
        "unauthorized_client": Remedy.OPERATOR,
        "unsupported_response_type": Remedy.OPERATOR,
    }


class ProviderUnavailable(OAuthError):
    """No answer, or an answer that says nothing about the grant. It never justifies giving a grant up."""

    code = "server_error"
    remedy = Remedy.RETRY


class RequestRefused(OAuthError):
    """The provider refused the request itself: our parameters or our scope are wrong (RFC 6749 §5.2)."""

    code = "invalid_request"


class IdentityRefused(OAuthError):
    """An id_token or userinfo response that does not prove who the person is (OpenID Connect Core §3.1.3.7,
    §5.3.2)."""

    code = "identity_refused"
    remedy = Remedy.REAUTHORIZE


class AccessTokenRefused(OAuthError):
    """A JWT that does not let its bearer in here (RFC 9068 §4).

    ``code``: malformed, header, token_kind, algorithm, signature, iss, aud, exp, iat, nbf, claims, bound.
    """

    code = "invalid_token"
    remedy = Remedy.REAUTHORIZE


class DiscoveryRefused(OAuthError):
    """A provider's metadata is missing, wrong, or too weak to use (RFC 8414 §3.3)."""

    code = "discovery_refused"


class AddressRefused(OAuthError):
    """The address is not one the hub calls; the answer is the same whether anything listens there or not."""

    code = "address_refused"
