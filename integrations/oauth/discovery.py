"""An authorization server's metadata (RFC 8414, OpenID Connect Discovery): found by its issuer, and distrusted."""

from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

from integrations.oauth.address import AddressPolicy
from integrations.oauth.errors import DiscoveryRefused
from integrations.oauth.jws import ALGORITHMS
from integrations.oauth.message import Json, Request, Response, Sender, read_object, refuse_unless_answered
from integrations.oauth.server import ENDPOINTS, AuthorizationServer, Dialect

OPENID = "openid-configuration"
OAUTH = "oauth-authorization-server"


def well_known_urls(issuer: str) -> list[str]:
    """Where an issuer's metadata may be, in the order to try.

    OpenID Connect Discovery §4 appends to the path; RFC 8414 §3.1 inserts before it, under its own name and (§5)
    under the older one.
    """
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    paths = (f"{path}/.well-known/{OPENID}", f"/.well-known/{OAUTH}{path}", f"/.well-known/{OPENID}{path}")
    return list(dict.fromkeys(urlunsplit((parts.scheme, parts.netloc, found, "", "")) for found in paths))


def discover(issuer: str, transport: Sender, *, dialect: Dialect | None = None) -> AuthorizationServer:
    """Fetch and judge an issuer's metadata.

    Raises:
        DiscoveryRefused: there is none, or it must not be used.
        AddressRefused: the issuer or one of its endpoints is not an address to call.
        ProviderUnavailable: no answer. Later.
    """
    return judge(fetch(issuer, transport), issuer=issuer, policy=transport.policy, dialect=dialect)


def discover_jwks_uri(issuer: str, transport: Sender) -> str:
    """Where an issuer of access tokens publishes its keys, which is all that whoever takes its tokens needs to know.

    Raises:
        DiscoveryRefused: there is no metadata, or it must not be used.
        AddressRefused: the issuer or its `jwks_uri` is not an address to call.
        ProviderUnavailable: no answer. Later.
    """
    document = _document(fetch(issuer, transport), issuer=issuer)
    jwks_uri = _endpoint(document, "jwks_uri", policy=transport.policy)
    if not jwks_uri:
        raise DiscoveryRefused("The metadata has no jwks_uri.", code="metadata_incomplete")
    return jwks_uri


def fetch(issuer: str, transport: Sender) -> Response:
    """Fetch an issuer's metadata from the first place that has any, unjudged.

    Raises:
        DiscoveryRefused: there is none, or the issuer is none.
        AddressRefused: the issuer is not an address to call.
        ProviderUnavailable: no answer. Later.
    """
    transport.policy.check_url(issuer)
    if "?" in issuer:
        raise DiscoveryRefused("An issuer has no query (RFC 8414 §2).", code="issuer_malformed")
    for url in well_known_urls(issuer):
        request = Request(method="GET", url=url, headers={"Accept": "application/json"}, idempotent=True)
        response = transport.send(request)
        if _is_document(response):
            return response
    raise DiscoveryRefused("The issuer publishes no metadata.", code="metadata_missing")


def judge(
    response: Response, *, issuer: str, policy: AddressPolicy, dialect: Dialect | None = None
) -> AuthorizationServer:
    """Judge a metadata document: it must name exactly the issuer it was asked for (RFC 8414 §3.3).

    Raises:
        DiscoveryRefused: another issuer, or a member that is missing or wrong.
        AddressRefused: an endpoint is not an address to call.
        ProviderUnavailable: no document. Later.
    """
    document = _document(response, issuer=issuer)
    endpoints = {name: _endpoint(document, name, policy=policy) for name in ENDPOINTS}
    for name in ("authorization_endpoint", "token_endpoint"):
        if not endpoints[name]:
            raise DiscoveryRefused(f"The metadata has no {name}.", code="metadata_incomplete")
    signing = _texts(document, "id_token_signing_alg_values_supported") or frozenset({"RS256"})
    return AuthorizationServer(
        **endpoints,
        issuer=issuer,
        authorization_response_iss_parameter_supported=(
            document.get("authorization_response_iss_parameter_supported") is True
        ),
        # Absent means that the server does not do PKCE (RFC 8414 §2).
        code_challenge_methods_supported=_texts(document, "code_challenge_methods_supported") or frozenset(),
        token_endpoint_auth_methods_supported=_texts(document, "token_endpoint_auth_methods_supported"),
        id_token_signing_alg_values_supported=signing & ALGORITHMS,
        dialect=dialect or Dialect(),
    )


def _document(response: Response, *, issuer: str) -> dict[str, Json]:
    refuse_unless_answered(response)
    if response.status != 200:
        raise DiscoveryRefused("The issuer publishes no metadata.", code="metadata_missing")
    document = read_object(response)
    if document.get("issuer") != issuer:
        raise DiscoveryRefused("The metadata is of another issuer.", code="issuer_mismatch")
    return document


def _is_document(response: Response) -> bool:
    """Whether to judge this answer rather than to try the next place; a web page with 200 is how some say no."""
    refuse_unless_answered(response)
    return response.status == 200 and response.body.lstrip()[:1] != b"<"


def _endpoint(document: Mapping[str, Json], name: str, *, policy: AddressPolicy) -> str:
    url = document.get(name, "")
    if not isinstance(url, str):
        raise DiscoveryRefused(f"The metadata's {name} is not a URL.", code="metadata_malformed")
    if url:
        policy.check_url(url)
    return url


def _texts(document: Mapping[str, Json], name: str) -> frozenset[str] | None:
    values = document.get(name)
    return frozenset(value for value in values if isinstance(value, str)) if isinstance(values, list) else None
