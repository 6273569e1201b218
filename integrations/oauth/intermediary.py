"""Which headers an intermediary passes on, and which end with it (RFC 9110 §7.6).

Up, nothing goes that says who the caller is to us or where it came from, that belongs to a connection, that somebody in
front of the provider could take for their own, or that changes what call it is. Down, nothing comes that acts on the
hub's origin, on a browser or on a proxy in front of the hub. Names are compared in lower case, underscores as
hyphens.
"""

from collections.abc import Iterable, Mapping
from urllib.parse import urljoin

from integrations.oauth.exchange import Headers

HOP_BY_HOP = frozenset(
    {
        *("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings"),
        *("proxy-connection", "content-length", "expect", "max-forwards", "via", "early-data"),
    }
)
NEVER_UP = HOP_BY_HOP | {
    *("authorization", "www-authenticate", "authentication-info", "cookie", "cookie2", "set-cookie", "host"),
    *("forwarded", "true-client-ip", "client-ip", "remote-addr", "remote-user", "from", "origin", "referer"),
    *("x-real-ip", "x-client-ip", "x-cluster-client-ip", "x-original-url", "x-rewrite-url", "x-original-host"),
    *("x-original-uri", "x-host", "x-http-host-override", "x-request-id", "traceparent", "tracestate", "baggage"),
    *("x-http-method-override", "x-http-method", "x-method-override", "upgrade-insecure-requests", "dnt", "proxy"),
}
NEVER_UP_FAMILIES = (
    *("proxy-", "sec-", "x-forwarded-", "x-auth-request-", "x-remote-", "x-ssl-", "ssl-", "x-envoy-", "x-amzn-"),
    *("cf-", "fastly-", "cdn-", "hub-", "access-control-"),
)
NEVER_DOWN = HOP_BY_HOP | {
    *("set-cookie", "set-cookie2", "strict-transport-security", "public-key-pins", "expect-ct", "alt-svc"),
    *("content-security-policy", "content-security-policy-report-only", "x-frame-options", "x-content-type-options"),
    *("x-xss-protection", "referrer-policy", "permissions-policy", "feature-policy", "document-policy"),
    *("clear-site-data", "report-to", "reporting-endpoints", "nel", "refresh", "sourcemap", "x-sourcemap"),
    *("service-worker-allowed", "timing-allow-origin", "origin-agent-cluster", "server", "x-powered-by"),
    *("cache-control", "pragma", "expires", "age", "vary", "date", "x-sendfile", "x-send-file"),
    *("content-disposition", "supports-loading-mode", "speculation-rules", "accept-ch", "critical-ch"),
}
NEVER_DOWN_FAMILIES = (
    *("proxy-", "access-control-", "cross-origin-", "x-accel-", "x-lighttpd-", "x-litespeed-", "surrogate-"),
    *("cdn-", "hub-", "sec-", "x-cache"),
)
#: What the provider asks of the hub, not of the caller: told under another name.
CHALLENGE = "www-authenticate"
RENAMED_CHALLENGE = "Hub-Upstream-WWW-Authenticate"


def headers_up(given: Iterable[tuple[str, str]], *, own: Mapping[str, str]) -> Headers:
    """The headers of a call: what may go on of the caller's, and our `own`, which win over theirs."""
    pairs = [(_known_as(name), name, value) for name, value in given]
    dropped = NEVER_UP | _named_by_connection(pairs) | {_known_as(name) for name in own}
    kept = [
        (name, value)
        for known, name, value in pairs
        if known not in dropped and not known.startswith(NEVER_UP_FAMILIES)
    ]
    return (*kept, *own.items())


def headers_down(given: Headers, *, url: str, secret: str) -> Headers:
    """The headers of an answer to a call of `url`. One that repeats the `secret` it was asked with is left out.

    Where it points is passed on as a value, made absolute: behind the hub's own address it would be another place.
    """
    pairs = [(_known_as(name), name, value) for name, value in given]
    dropped = NEVER_DOWN | _named_by_connection(pairs)
    kept: list[tuple[str, str]] = []
    for known, name, given_value in pairs:
        value = given_value.replace("\t", " ")
        if known in dropped or known.startswith(NEVER_DOWN_FAMILIES) or (secret and secret in value):
            continue
        if not value.isprintable():
            continue
        if known == CHALLENGE:
            kept.append((RENAMED_CHALLENGE, value))
        elif known == "location":
            kept.append((name, urljoin(url, value)))
        else:
            kept.append((name, value))
    return tuple(kept)


def _named_by_connection(pairs: Iterable[tuple[str, str, str]]) -> set[str]:
    return {_known_as(name.strip()) for known, _, value in pairs if known == "connection" for name in value.split(",")}


def _known_as(name: str) -> str:
    return name.lower().replace("_", "-")
