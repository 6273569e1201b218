"""`/healthz`, `/readyz`, `/metrics`: answered before anything else sees the request.

Whoever asks is a machine on its own network: a load balancer that knows this process by number and calls it by plain
HTTP, a collector of metrics. So neither the Host that they name nor https is asked for here, no session is opened and
no person looked up; and nothing that is answered depends on the Host. What is off, or not for whoever asks, is passed
on, and answered like any address that does not exist.
"""

import ipaddress
import logging
from collections.abc import Callable
from hmac import compare_digest

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, JsonResponse

from hub.watching.exposition import CONTENT_TYPE, exposition
from hub.watching.readiness import Readiness
from integrations.web.visitor import client_address

logger = logging.getLogger(__name__)

type Answer = Callable[[HttpRequest], HttpResponse | None]

BEARER = "bearer"


class Addresses:
    """Middleware, the outermost one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response
        self._readiness = Readiness()
        self._answers: dict[str, Answer] = {"/healthz": self._alive, "/readyz": self._ready, "/metrics": self._metrics}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        answer = self._answers.get(request.path_info)
        return (answer and answer(request)) or self._get_response(request)

    def _alive(self, request: HttpRequest) -> HttpResponse:
        """Whether this process answers; nothing else is looked at, for nothing else is mended by ending it."""
        return _only_read(request) or _plain(JsonResponse({"status": "ok"}))

    def _ready(self, request: HttpRequest) -> HttpResponse:
        """Whether requests can be served here. Why not is in the log."""
        if refused := _only_read(request):
            return refused
        is_ready, checks = self._readiness.now()
        told = {name: "ok" if ok else "failed" for name, ok in checks.items()}
        status = "ok" if is_ready else "failed"
        return _plain(JsonResponse({"status": status, "checks": told}, status=200 if is_ready else 503))

    def _metrics(self, request: HttpRequest) -> HttpResponse | None:
        token, networks = settings.HUB_METRICS_TOKEN, settings.HUB_METRICS_ALLOWED_ADDRESSES
        if not (token or networks) or (networks and not _is_among(request, networks)):
            return None
        if token and not compare_digest(_bearer(request).encode(), token.encode()):
            response = HttpResponse("Unauthorized\n", status=401, content_type="text/plain")
            response.headers["WWW-Authenticate"] = 'Bearer realm="metrics"'
            return _plain(response)
        return _only_read(request) or _plain(_told())


def _told() -> HttpResponse:
    try:
        return HttpResponse(exposition(), content_type=CONTENT_TYPE)
    except OSError as error:
        logger.warning("counts cannot be read", extra={"errno": error.errno})
        return HttpResponse("The counts cannot be read.\n", status=503, content_type="text/plain")


def _only_read(request: HttpRequest) -> HttpResponse | None:
    return None if request.method in ("GET", "HEAD") else _plain(HttpResponseNotAllowed(["GET", "HEAD"]))


def _plain(response: HttpResponse) -> HttpResponse:
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _bearer(request: HttpRequest) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == BEARER else ""


def _is_among(request: HttpRequest, networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]) -> bool:
    """Whether the request comes from one of these networks.

    One that was forwarded by a proxy that nobody told us to trust, or by fewer than we trust, comes from nowhere: its
    peer is the proxy.
    """
    forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    proxies: int = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    if forwarded and not 0 < proxies <= len(request.headers.get("X-Forwarded-For", "").split(",")):
        return False
    text = client_address(request) if forwarded else request.META.get("REMOTE_ADDR", "")
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return any((mapped or address) in network for network in networks)
