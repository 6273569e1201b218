"""Token responses (RFC 6749 §5): one function judges them all, and trusts none.

A response that cannot be understood is never a reason to give a grant up: only an error the provider named,
in a 2xx or 4xx response, is. A wrong minor member is dropped rather than the response, for a rotated refresh
token may be in it.
"""

import codecs
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from integrations.oauth.errors import (
    InvalidClient,
    InvalidGrant,
    OAuthError,
    ProviderUnavailable,
    RequestRefused,
    printable,
)
from integrations.oauth.message import (
    Json,
    Response,
    at_path,
    read_object,
    refuse_unless_answered,
    retry_after,
    text_at,
)
from integrations.oauth.scope import read_scope
from integrations.oauth.server import Dialect

LIFETIME_LIMIT_SECONDS = 10 * 365 * 86_400
KEPT_LIMIT = 2_000
_GRANT_ERRORS = frozenset({"invalid_grant"})
_CLIENT_ERRORS = frozenset({"invalid_client", "unauthorized_client"})
_REQUEST_ERRORS = frozenset({"invalid_request", "invalid_scope", "unsupported_grant_type", "invalid_target"})
PASSING_ERRORS = frozenset({"server_error", "temporarily_unavailable", "rate_limited", "slow_down"})


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenResponse:
    """A successful token response (§5.1).

    `expires_in` None is unknown, neither never nor now; `scope` None is "as requested"; `extra` holds only
    what the dialect's `kept_paths` name.
    """

    access_token: str = field(repr=False)
    token_type: str
    expires_in: int | None = None
    refresh_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)
    scope: frozenset[str] | None = None
    refresh_expires_in: int | None = None
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)


def parse(response: Response, *, dialect: Dialect) -> TokenResponse:
    """Judge a response of the token endpoint.

    Raises:
        InvalidGrant: the provider says that the grant is gone.
        InvalidClient: the provider does not accept our registration.
        RequestRefused: the provider refuses the request as such.
        ProviderUnavailable: nothing was said that can be relied on. Later.
    """
    refuse_unless_answered(response)
    members = _members(response)
    refuse_error(members, response=response, dialect=dialect)
    if response.status >= 400:
        raise ProviderUnavailable(f"HTTP status {response.status} without an error.", code="unreadable_response")
    return _token_response(members, dialect)


def refuse_error(members: Json, *, response: Response, dialect: Dialect) -> None:
    """Raise what an error object says (§5.2), whatever the status: some providers send it with 200."""
    failed = bool(dialect.success_path) and at_path(members, dialect.success_path) is False
    if not failed and not at_path(members, dialect.error_path):
        return
    said = text_at(members, dialect.error_path)
    error = dialect.errors.get(said, said)
    description = text_at(members, dialect.error_description_path) or said
    raise _failure(error, description, response).quoting()


def error_named(response: Response, *, dialect: Dialect) -> str:
    """The error that a response names in the provider's own spelling; the empty text: none, or it cannot be read."""
    try:
        return printable(text_at(_members(response), dialect.error_path))
    except OAuthError:
        return ""


def _failure(error: str, description: str, response: Response) -> OAuthError:
    if error in _GRANT_ERRORS:
        return InvalidGrant(description, code=error)
    if error in _CLIENT_ERRORS:
        return InvalidClient(description, code=error)
    if error in _REQUEST_ERRORS:
        return RequestRefused(description, code=error)
    code = error if error in PASSING_ERRORS else "unreadable_response"
    return ProviderUnavailable(description, code=code, retry_after=retry_after(response))


def _members(response: Response) -> dict[str, Json]:
    # GitHub, and Facebook before it, answer with a form unless asked for JSON: the content type decides.
    content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in ("application/x-www-form-urlencoded", "text/plain") or _is_object(response.body):
        return read_object(response)
    try:
        pairs = parse_qsl(response.body.decode("utf-8"), strict_parsing=True, max_num_fields=100)
    except ValueError:
        raise ProviderUnavailable("The body is not a form.", code="unreadable_response") from None
    members: dict[str, Json] = dict(pairs)
    if len(members) != len(pairs):
        raise ProviderUnavailable("A form field is repeated.", code="unreadable_response")
    return members


def _is_object(body: bytes) -> bool:
    return body[:200].removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"{"


def _token_response(members: dict[str, Json], dialect: Dialect) -> TokenResponse:
    expires_in = _seconds(_member(members, "expires_in", dialect), dialect.expires_in_unit)
    refresh_expires_in = _seconds(_member(members, "refresh_expires_in", dialect), dialect.expires_in_unit)
    return TokenResponse(
        access_token=_access_token(members, dialect),
        token_type=_token_type(members, dialect),
        expires_in=dialect.default_expires_in if expires_in is None else expires_in,
        refresh_token=_token(_member(members, "refresh_token", dialect)),
        id_token=_token(_member(members, "id_token", dialect)),
        scope=read_scope(
            _member(members, "scope", dialect),
            separator=dialect.granted_scope_separator,
            aliases=dialect.scope_aliases,
        ),
        # Keycloak says 0 for an offline token, which means that it does not end.
        refresh_expires_in=refresh_expires_in or dialect.refresh_expires_in,
        extra=_extra(members, dialect),
    )


def _member(members: dict[str, Json], name: str, dialect: Dialect) -> Json:
    path = dialect.token_paths.get(name)
    return members.get(name) if path is None else at_path(members, path)


def _access_token(members: dict[str, Json], dialect: Dialect) -> str:
    token = _token(_member(members, "access_token", dialect))
    if token is None:
        raise ProviderUnavailable("No usable access_token in the response.", code="unreadable_response")
    return token


def _token(value: Json) -> str | None:
    # Printable ASCII (RFC 6749 appendix A.12, A.17): a line break in a token would end up in a header.
    return value if isinstance(value, str) and value.isascii() and value.isprintable() and value.strip() else None


def _token_type(members: dict[str, Json], dialect: Dialect) -> str:
    value = _member(members, "token_type", dialect)
    if value in (None, "") and dialect.token_type_optional:
        return min(dialect.token_types)
    token_type = value.lower() if isinstance(value, str) else ""
    if token_type not in dialect.token_types:
        raise ProviderUnavailable("No token_type in the response that was asked for.", code="unreadable_response")
    return token_type


def _seconds(value: Json, unit: str) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return LIFETIME_LIMIT_SECONDS if isinstance(value, int) and value > 0 else None
    if math.isnan(number):
        return None
    number = number / 1_000 if unit == "milliseconds" else number
    return int(max(0.0, min(number, float(LIFETIME_LIMIT_SECONDS))))


def _extra(members: dict[str, Json], dialect: Dialect) -> dict[str, str]:
    # Printable: PostgreSQL takes no NUL, and a rotated refresh token must not be lost over that.
    found = {name: printable(text_at(members, path), limit=KEPT_LIMIT) for name, path in dialect.kept_paths.items()}
    return {name: text for name, text in found.items() if text}
