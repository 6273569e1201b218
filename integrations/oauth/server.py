"""An authorization server in RFC 8414's words, and its dialect: every departure from the RFCs as data.

Dialect's defaults are the RFC. Paths are dotted (`authed_user.access_token`); alternatives are separated by
`|`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

type Text = Mapping[str, str]
type Metadata = Mapping[str, str | bool | list[str]]
type TokenEndpointAuthMethod = Literal["client_secret_basic", "client_secret_post", "none"]
type RevocationAuthentication = Literal["client", "client_secret_basic", "client_secret_post", "bearer", "none"]

ENDPOINTS = (
    "authorization_endpoint",
    "token_endpoint",
    "revocation_endpoint",
    "introspection_endpoint",
    "userinfo_endpoint",
    "jwks_uri",
    "device_authorization_endpoint",
)
_BEARER = frozenset({"bearer"})
_RS256 = frozenset({"RS256"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Revocation:
    """How tokens are revoked. The defaults are RFC 7009.

    `client` authenticates as at the token endpoint; `query-free` sends no parameters at all (the token is
    the bearer's); `tokens` are revoked in this order; `gone_statuses` also mean that the token is no more.
    `reach`: what one revocation ends. `account`: every token this client has for the account, those of other
    connections to it too. `authorization`: only the tokens of the same authorization, so tokens that newer ones
    replaced can be revoked and the newer ones live. Empty: not known.
    """

    method: Literal["POST", "DELETE", "GET"] = "POST"
    authentication: RevocationAuthentication = "client"
    format: Literal["form", "json", "query-free"] = "form"
    parameter: str = "token"
    hint: bool = True
    tokens: tuple[str, ...] = ("refresh_token", "access_token")
    headers: Text = field(default_factory=dict)
    gone_statuses: frozenset[int] = frozenset()
    reach: Literal["account", "authorization", ""] = ""

    @property
    def spares_newer(self) -> bool:
        """Whether tokens that newer ones replaced can be revoked without ending the newer ones."""
        return self.reach == "authorization"

    @property
    def needs_access_token(self) -> bool:
        """Whether only a live access token ends the grant: an expired one is refreshed first."""
        return "refresh_token" not in self.tokens


@dataclass(frozen=True, kw_only=True, slots=True)
class Userinfo:
    """How to ask whose account it is, and where the answer stands. The defaults are OpenID Connect Core
    §5.3.

    `subject_namespace_path` is for a subject that is unique only within something, such as a workspace: the
    id of that goes before it.
    """

    method: Literal["GET", "POST"] = "GET"
    headers: Text = field(default_factory=dict)
    body: str = ""
    subject_path: str = "sub"
    subject_namespace_path: str = ""
    label_paths: tuple[str, ...] = ("email", "preferred_username", "name")
    claim_paths: Text = field(default_factory=lambda: {"name": "name", "email": "email", "picture": "picture"})
    error_path: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialect:
    """How one provider departs from the RFCs.

    Mappings of parameter names go from the RFC's name to the provider's; the empty name leaves the parameter
    out. `token_paths` and `kept_paths` go from a member of TokenResponse, or a name of ours, to a path in
    the response. `errors` maps the provider's error to the RFC's, `scope_aliases` its spelling of a scope to
    the one that is asked for.
    """

    scope_separator: str = " "
    granted_scope_separator: str = ""
    scope_aliases: Text = field(default_factory=dict)
    user_scope_parameter: str = ""
    empty_scope_sent: bool = False
    pkce: Literal["required", "unsupported"] = "required"
    authorization_parameters: Text = field(default_factory=dict)
    offline_parameters: Text = field(default_factory=dict)
    incremental_parameters: Text = field(default_factory=dict)
    parameter_names: Text = field(default_factory=dict)
    token_endpoint_auth_method: TokenEndpointAuthMethod = "client_secret_basic"
    token_request_format: Literal["form", "json"] = "form"
    token_parameter_names: Text = field(default_factory=dict)
    token_parameters: Text = field(default_factory=dict)
    token_headers: Text = field(default_factory=dict)
    refresh_parameters: Text = field(default_factory=dict)
    refresh_sends_scope: bool = False
    refresh_sends_secret: bool = True
    token_paths: Text = field(default_factory=dict)
    kept_paths: Text = field(default_factory=dict)
    token_types: frozenset[str] = _BEARER
    token_type_optional: bool = False
    expires_in_unit: Literal["seconds", "milliseconds"] = "seconds"
    default_expires_in: int | None = None
    refresh_expires_in: int | None = None
    success_path: str = ""
    error_path: str = "error"
    error_description_path: str = "error_description"
    errors: Text = field(default_factory=dict)
    token_header_name: str = "Authorization"
    token_header_template: str = "Bearer {token}"
    refresh_token_rotates: bool = True
    refresh_token_reuse_seconds: int = 0
    keepalive_days: int = 0
    token_requests_per_minute: int = 0
    revocation: Revocation = field(default_factory=Revocation)
    userinfo: Userinfo = field(default_factory=Userinfo)


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthorizationServer:
    """Where a provider's endpoints are and what they can do; the empty text is "has none".

    `refresh_endpoint` empty is the token endpoint. `code_challenge_methods_supported` None is "does not
    publish any metadata"; metadata that names none is the empty set (RFC 8414 §2).
    `id_token_signing_alg_values_supported` are those the hub accepts.
    """

    authorization_endpoint: str
    token_endpoint: str
    issuer: str = ""
    revocation_endpoint: str = ""
    introspection_endpoint: str = ""
    userinfo_endpoint: str = ""
    jwks_uri: str = ""
    device_authorization_endpoint: str = ""
    refresh_endpoint: str = ""
    authorization_response_iss_parameter_supported: bool = False
    code_challenge_methods_supported: frozenset[str] | None = None
    token_endpoint_auth_methods_supported: frozenset[str] | None = None
    id_token_signing_alg_values_supported: frozenset[str] = _RS256
    dialect: Dialect = field(default_factory=Dialect)

    @property
    def account_issuer(self) -> str:
        """Who vouches for the accounts here: the issuer, else the token endpoint's origin."""
        return self.issuer or "/".join(self.token_endpoint.split("/")[:3])

    def metadata(self) -> dict[str, str | bool | list[str]]:
        """Write the server down in RFC 8414's names, to be stored; the dialect is not metadata."""
        found: dict[str, str | bool | list[str]] = {name: getattr(self, name) for name in ("issuer", *ENDPOINTS)}
        found["authorization_response_iss_parameter_supported"] = self.authorization_response_iss_parameter_supported
        for name in _SETS:
            values: frozenset[str] | None = getattr(self, name)
            if values is not None:
                found[name] = sorted(values)
        return {name: value for name, value in found.items() if value != ""}


def from_metadata(metadata: Metadata, *, dialect: Dialect) -> AuthorizationServer:
    """Read back what `AuthorizationServer.metadata` wrote. It trusts it: a document from outside goes to
    discovery."""
    texts = {name: str(metadata.get(name, "")) for name in ("issuer", *ENDPOINTS)}
    signing = _values(metadata, "id_token_signing_alg_values_supported")
    return AuthorizationServer(
        **texts,
        authorization_response_iss_parameter_supported=bool(
            metadata.get("authorization_response_iss_parameter_supported", False)
        ),
        code_challenge_methods_supported=_values(metadata, "code_challenge_methods_supported"),
        token_endpoint_auth_methods_supported=_values(metadata, "token_endpoint_auth_methods_supported"),
        id_token_signing_alg_values_supported=_RS256 if signing is None else signing,
        dialect=dialect,
    )


_SETS = (
    "code_challenge_methods_supported",
    "token_endpoint_auth_methods_supported",
    "id_token_signing_alg_values_supported",
)


def _values(metadata: Metadata, name: str) -> frozenset[str] | None:
    value = metadata.get(name)
    return frozenset(value) if isinstance(value, list) else None
