"""Where bytes move, one call at a time: requests, with rules that a provider cannot bend.

One deadline for the whole exchange, however slowly the bytes trickle; a cap on the body; no redirects, no
cookies, no proxies or passwords from the environment; TLS checked by name; and each address judged at the
moment of connecting to it.
"""

import contextlib
import time
from collections.abc import Mapping
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.exceptions import HTTPError, ReadTimeoutError

from integrations.oauth.address import AddressPolicy, Resolve, resolve
from integrations.oauth.certificate import Handshake, shake_hands
from integrations.oauth.connection import pool_classes
from integrations.oauth.deadline import new_context
from integrations.oauth.errors import ProviderUnavailable
from integrations.oauth.message import USER_AGENT, Request, Response

DEADLINE_SECONDS = 10.0
BODY_LIMIT_BYTES = 1024 * 1024
POOLED_HOSTS = 64
POOLED_CONNECTIONS = 64


class GuardedAdapter(HTTPAdapter):
    """An adapter for any requests session: whatever the caller passes, the address, the deadline and TLS are
    ours."""

    def __init__(
        self, policy: AddressPolicy, *, deadline_seconds: float, ca_file: str = "", resolve: Resolve = resolve
    ) -> None:
        self.policy = policy
        self.deadline_seconds = deadline_seconds
        self._ca_file = ca_file or DEFAULT_CA_BUNDLE_PATH
        self._resolve = resolve
        super().__init__(pool_connections=POOLED_HOSTS, pool_maxsize=POOLED_CONNECTIONS, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        context = new_context(self._ca_file)
        super().init_poolmanager(connections, maxsize, block, ssl_context=context, **pool_kwargs)
        self.poolmanager.pool_classes_by_scheme = pool_classes(self.policy, self._resolve)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        conn.cert_reqs = "CERT_REQUIRED"

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send one request; redirects are the session's business, and each hop comes through here.

        Raises:
            AddressRefused: not an address to call.
        """
        self.policy.check_url(request.url or "")
        total: Any = urllib3.Timeout(total=_shorter(timeout, self.deadline_seconds))
        return super().send(request, stream=stream, timeout=total, verify=True, cert=None, proxies=None)


class Transport:
    """Sends a request and brings the whole response. Thread-safe; keeps connections open."""

    def __init__(
        self,
        policy: AddressPolicy,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
        body_limit: int = BODY_LIMIT_BYTES,
        ca_file: str = "",
        resolve: Resolve = resolve,
    ) -> None:
        self.policy = policy
        self.deadline_seconds = deadline_seconds
        self.body_limit = body_limit
        self._ca_file, self._resolve = ca_file or DEFAULT_CA_BUNDLE_PATH, resolve
        self._adapter = GuardedAdapter(policy, deadline_seconds=deadline_seconds, ca_file=ca_file, resolve=resolve)

    def mount(self, session: requests.Session) -> None:
        """Let a session send by the same rules; it still reads bodies without a cap and follows redirects if
        told to."""
        session.trust_env = False
        session.mount("https://", self._adapter)
        session.mount("http://", self._adapter)

    def close(self) -> None:
        """Close the kept connections."""
        self._adapter.close()

    def shake_hands(self, url: str, *, seconds: float = DEADLINE_SECONDS) -> Handshake:
        """Connect to a URL's host and send nothing; see `certificate.shake_hands`, also for what it raises."""
        self.policy.check_url(url)
        return shake_hands(
            url,
            policy=self.policy,
            resolve=self._resolve,
            ca_file=self._ca_file,
            deadline=time.monotonic() + min(seconds, self.deadline_seconds),
        )

    def send(self, request: Request, *, seconds: float | None = None) -> Response:
        """Send, and read the whole answer before the deadline; an idempotent request is sent again when it
        was lost. `seconds` is for who has less time than the transport's own deadline.

        Raises:
            AddressRefused: not an address to call.
            ProviderUnavailable: no answer, or none that may be read (codes timeout, connection_failed,
            tls_failed,
                connection_lost, response_too_large, unreadable_response).
        """
        deadline = time.monotonic() + min(self.deadline_seconds, seconds or self.deadline_seconds)
        try:
            return self._exchange(request, deadline)
        except ProviderUnavailable as error:
            if not request.idempotent or error.code != "connection_lost":
                raise
        return self._exchange(request, deadline)

    def _exchange(self, request: Request, deadline: float) -> Response:
        self.policy.check_url(request.url)
        headers = {"User-Agent": USER_AGENT, **request.headers, "Accept-Encoding": "identity"}
        try:
            prepared = requests.Request(request.method, request.url, headers=headers, data=request.body).prepare()
            left = max(0.001, deadline - time.monotonic())
            with contextlib.closing(self._adapter.send(prepared, stream=True, timeout=left)) as answer:
                return self._read(answer, request.url)
        except (requests.RequestException, HTTPError, OSError) as error:
            # The chain could hold a URL with a query, or a header.
            raise unavailable(error, late=time.monotonic() >= deadline) from None

    def _read(self, answer: requests.Response, url: str) -> Response:
        headers = {name.lower(): value for name, value in answer.headers.items()}
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise ProviderUnavailable("The body is compressed, unasked.", code="unreadable_response")
        body = b""
        # A short read is told apart from a truncated body only by asking again.
        while piece := answer.raw.read(self.body_limit + 1 - len(body), decode_content=False):
            body += piece
        if len(body) > self.body_limit:
            raise ProviderUnavailable("The body is too large.", code="response_too_large")
        answer.raw.release_conn()
        return Response(status=answer.status_code, headers=headers, body=body, url=url.partition("?")[0])


def _shorter(timeout: Any, deadline_seconds: float) -> float:
    seconds = [part for part in (timeout if isinstance(timeout, tuple) else (timeout,)) if part is not None]
    return (
        min([deadline_seconds, *seconds])
        if all(isinstance(part, int | float) for part in seconds)
        else deadline_seconds
    )


def unavailable(error: Exception, *, late: bool) -> ProviderUnavailable:
    """What an exception of requests or urllib3 means; raise it `from None`: the cause could hold a URL or a header."""
    # What interrupts the reading of a body, requests wraps into a plain ConnectionError.
    cause = error.args[0] if error.args else None
    if late or any(isinstance(found, requests.Timeout | ReadTimeoutError | TimeoutError) for found in (error, cause)):
        return ProviderUnavailable("No answer in time.", code="timeout")
    if isinstance(error, requests.exceptions.SSLError):
        return ProviderUnavailable("No trusted TLS connection.", code="tls_failed")
    reason = getattr(cause, "reason", None)
    if isinstance(reason, urllib3.exceptions.NewConnectionError):
        return ProviderUnavailable("No connection.", code="connection_failed")
    return ProviderUnavailable("The connection was lost.", code="connection_lost")
