"""What is counted, and what its labels may say."""

from collections.abc import Mapping
from dataclasses import dataclass, field

OTHER = "other"

REASONS = frozenset(
    (
        "address_refused",
        "connection_failed",
        "connection_lost",
        "identity_refused",
        "internal_error",
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "no_refresh_token",
        "rate_limited",
        "refresh_in_progress",
        "registration_broken",
        "response_too_large",
        "rotation_uncertain",
        "server_error",
        "temporarily_unavailable",
        "timeout",
        "tls_failed",
        "unauthorized_client",
        "unreadable_response",
        "unsupported_grant_type",
    )
)
METHODS = frozenset(("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"))
CALL_SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
WAIT_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
RUN_SECONDS = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """A counter, or with `bounds` (in seconds) a histogram. `known` are the values that a label may have."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    known: Mapping[str, frozenset[str]] = field(default_factory=dict)


REFRESHES = Measure(
    name="hub_refreshes",
    help="Refreshes that were attempted, by what became of them.",
    labels=("provider", "outcome"),
)
REFRESH_FAILURES = Measure(
    name="hub_refresh_failures",
    help="Refreshes that failed, by error code.",
    labels=("provider", "reason"),
    known={"reason": REASONS},
)
TOKEN_ENDPOINT = Measure(
    name="hub_token_endpoint_seconds",
    help="How long a provider's token endpoint took to answer, or not to.",
    labels=("provider", "grant"),
    bounds=CALL_SECONDS,
)
LEASE_WAITS = Measure(
    name="hub_lease_wait_seconds",
    help="How long callers waited for a refresh that somebody else was making.",
    bounds=WAIT_SECONDS,
)
BORROWS = Measure(
    name="hub_borrows",
    help="Access tokens handed out, to programs and to the console.",
    labels=("provider",),
)
API_CALLS = Measure(
    name="hub_api_calls",
    help="Calls of providers' APIs through the hub, by whom and by the answer's class.",
    labels=("provider", "by", "status"),
    known={"status": frozenset(("1xx", "2xx", "3xx", "4xx", "5xx"))},
)
SWEEPS = Measure(
    name="hub_sweeps",
    help="Sweeps that came to an end, by how: done, or failed.",
    labels=("result",),
)
SWEEP_SECONDS = Measure(
    name="hub_sweep_seconds",
    help="How long sweeps took.",
    bounds=RUN_SECONDS,
)
REQUESTS = Measure(
    name="hub_http_requests",
    help="Requests answered, by route as in the URL patterns.",
    labels=("method", "route", "status"),
    known={"method": METHODS},
)
REQUEST_SECONDS = Measure(
    name="hub_http_request_seconds",
    help="How long requests took.",
    labels=("route",),
    bounds=CALL_SECONDS,
)
WEBHOOKS = Measure(
    name="hub_webhook_attempts",
    help="Attempts to send a message to an application, by how they ended.",
    labels=("outcome",),
    known={
        "outcome": frozenset(
            (
                *("delivered", "refused", "redirected", "gone", "secret_unreadable", "internal_error"),
                *("timeout", "connection_failed", "connection_lost", "tls_failed"),
                *("url_refused", "port_refused", "host_refused", "address_refused"),
            )
        )
    },
)
CACHE_FAILURES = Measure(
    name="hub_cache_failures",
    help="Times that the cache did not answer, and the API's requests were counted in one process.",
)
ALL = (
    REFRESHES,
    REFRESH_FAILURES,
    TOKEN_ENDPOINT,
    LEASE_WAITS,
    BORROWS,
    API_CALLS,
    SWEEPS,
    SWEEP_SECONDS,
    REQUESTS,
    REQUEST_SECONDS,
    WEBHOOKS,
    CACHE_FAILURES,
)
