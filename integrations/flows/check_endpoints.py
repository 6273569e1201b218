"""Whether a provider's endpoints are there: a handshake with each host, then one harmless request to each endpoint.

No request carries the client's credentials or a token; what an endpoint says to that is an answer all the same.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from integrations.flows.check_finding import Finding, Level, found
from integrations.flows.check_visits import Visits, problem_of
from integrations.oauth.address import origin
from integrations.oauth.certificate import Handshake
from integrations.oauth.errors import AddressRefused, OAuthError, ProviderUnavailable
from integrations.oauth.jwks import read_keys
from integrations.oauth.message import FORM, Request, Response
from integrations.oauth.server import ENDPOINTS, AuthorizationServer
from integrations.providers.template import names_in

EXPIRES_SOON_DAYS = 21
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_CONNECTION_CODES = {"timeout": "connection_timeout", "name_not_found": "name_not_found"}
_SENT_ON_BY_BROWSER = "authorization_endpoint"


def endpoints_of(server: AuthorizationServer, *, client_id: str) -> dict[str, str]:
    """The endpoints that are known, by name; those with a person's variable in them are left out."""
    urls = {name: getattr(server, name) for name in (*ENDPOINTS, "refresh_endpoint")}
    return {name: url.replace("{client_id}", client_id) for name, url in urls.items() if url and not names_in(url)}


def check_hosts(endpoints: Mapping[str, str], visits: Visits) -> dict[str, Finding]:
    """Shake hands with each host of the endpoints, once; by origin.

    Raises:
        OutOfTime
    """
    return {place: _host(place, visits) for place in dict.fromkeys(map(origin, endpoints.values()))}


def check_endpoint(name: str, url: str, server: AuthorizationServer, visits: Visits) -> Iterator[Finding]:
    """Ask one endpoint something that changes nothing.

    Raises:
        OutOfTime
    """
    try:
        response = visits.send(_request(name, url, server))
    except AddressRefused:
        yield found("address_refused", about=name)
        return
    except ProviderUnavailable as error:
        yield found("endpoint_unreachable", about=name, url=url, problem=problem_of(error))
        return
    yield judge(name, url, response, server)
    if name == "jwks_uri" and response.status < 300:
        yield _keys(url, response)


def judge(name: str, url: str, response: Response, server: AuthorizationServer) -> Finding:
    """What an endpoint's status says about whether it is there."""
    status = response.status
    is_api = name == "revocation_endpoint" and server.dialect.revocation.method != "POST"
    if status == 429:
        return found("endpoint_busy", about=name, status=status)
    if status >= 500:
        return found("endpoint_failing", about=name, status=status, url=url)
    if 300 <= status < 400 and name != _SENT_ON_BY_BROWSER:
        return found("endpoint_redirects", about=name, status=status, url=url)
    # Where a revocation is a call of the API, "no such thing" is what a stranger is told.
    if status in (404, 410) and not is_api:
        return found("endpoint_not_found", about=name, status=status, url=url)
    return found("endpoint_ok", about=name, url=url)


def is_reachable(host: Finding) -> bool:
    """Whether it makes sense to ask an endpoint at this host."""
    return host.level is not Level.FAILURE


def _request(name: str, url: str, server: AuthorizationServer) -> Request:
    headers, body, method = {"Accept": "application/json"}, b"", "POST"
    match name:
        case "authorization_endpoint":
            method, headers = "GET", {"Accept": "text/html"}
        case "jwks_uri":
            method = "GET"
        case "userinfo_endpoint":
            asked = server.dialect.userinfo
            method, headers, body = asked.method, {**headers, **asked.headers}, asked.body.encode()
        case "revocation_endpoint" if server.dialect.revocation.method != "POST":
            method = "GET"
        case _:
            headers["Content-Type"] = FORM
    return Request(method=method, url=url, headers=headers, body=body)


def _host(place: str, visits: Visits) -> Finding:
    try:
        return _judge_handshake(place, visits.shake_hands(place), now=visits.clock())
    except AddressRefused:
        return found("address_refused", about=place)
    except ProviderUnavailable as error:
        return found(_CONNECTION_CODES.get(error.code, "connection_failed"), about=place)


def _judge_handshake(place: str, seen: Handshake, *, now: datetime) -> Finding:
    if not place.startswith("https:"):
        host = place.partition("://")[2].rpartition(":")[0] or place.partition("://")[2]
        return found("host_on_loopback" if host in LOOPBACK else "host_without_tls", about=place)
    issuer = seen.issuer or "unknown"
    if seen.fault == "no_tls":
        return found("tls_failed", about=place)
    if seen.fault:
        ended = f"{seen.expires_at:%Y-%m-%d}" if seen.expires_at else "a day that is not known"
        return found(f"certificate_{seen.fault}", about=place, issuer=issuer, ended=ended)
    left = (seen.expires_at - now) if seen.expires_at else timedelta()
    code = "certificate_expires_soon" if left < timedelta(days=EXPIRES_SOON_DAYS) else "host_ok"
    return found(code, about=place, days=max(0, left.days), issuer=issuer)


def _keys(url: str, response: Response) -> Finding:
    try:
        count = len(read_keys(response))
    except OAuthError:
        count = 0
    return found("keys_ok", count=count) if count else found("keys_unusable", url=url)
