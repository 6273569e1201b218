"""What the provider publishes about itself, held against what the hub goes by. Nothing of it is stored."""

from collections.abc import Iterator
from dataclasses import dataclass

from integrations.flows.check_finding import Finding, found
from integrations.flows.check_visits import Visits, problem_of
from integrations.oauth import discovery
from integrations.oauth.errors import AddressRefused, DiscoveryRefused, OAuthError, ProviderUnavailable
from integrations.oauth.message import Json, read_object
from integrations.oauth.server import ENDPOINTS, AuthorizationServer


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """The provider's metadata as it is now; no `server`: none that may be used."""

    findings: tuple[Finding, ...] = ()
    server: AuthorizationServer | None = None
    scopes_supported: frozenset[str] | None = None


def check_metadata(server: AuthorizationServer, visits: Visits, *, expected: bool) -> Published:
    """Fetch and judge the issuer's metadata (RFC 8414 §3.3); `expected`: the endpoints in use came from it.

    Raises:
        OutOfTime
    """
    issuer = server.issuer
    if not issuer:
        return Published(findings=(found("metadata_absent"),))
    document: dict[str, Json] = {}
    try:
        response = discovery.fetch(issuer, visits)
        document = read_object(response)
        now = discovery.judge(response, issuer=issuer, policy=visits.policy, dialect=server.dialect)
    except (DiscoveryRefused, AddressRefused, ProviderUnavailable) as error:
        is_absent = isinstance(error, ProviderUnavailable) or error.code == "metadata_missing"
        if is_absent and not expected:
            return Published(findings=(found("metadata_absent"),))
        return Published(findings=(_refused(error, issuer=issuer, named=document.get("issuer")),))
    listed = document.get("scopes_supported")
    scopes = frozenset(scope for scope in listed if isinstance(scope, str)) if isinstance(listed, list) else None
    moved = _moved(server, now) if expected else ()
    return Published(findings=(found("metadata_ok", issuer=issuer), *moved), server=now, scopes_supported=scopes)


def _refused(error: OAuthError, *, issuer: str, named: Json) -> Finding:
    match error:
        case AddressRefused():
            return found("address_refused", about="An address in the metadata")
        case ProviderUnavailable():
            return found("metadata_unavailable", issuer=issuer, problem=problem_of(error))
        case OAuthError(code="issuer_mismatch"):
            return found("issuer_mismatch", issuer=issuer, named=named if isinstance(named, str) else "none")
        case OAuthError(code="metadata_missing"):
            return found("metadata_missing", issuer=issuer)
    return found("metadata_unusable", issuer=issuer, problem=error.description)


def _moved(stored: AuthorizationServer, now: AuthorizationServer) -> Iterator[Finding]:
    """Endpoints that the metadata has elsewhere by now: a stored secret does not follow them by itself."""
    for name in ENDPOINTS:
        before, after = getattr(stored, name), getattr(now, name)
        if before and after and before != after:
            yield found("metadata_moved", about=name, now=after, stored=before)
