"""Where bytes move, many calls at a time: aiohttp, for sweeps, with the rules of `transport`.

It is written for its overhead: one session and one pool, no cookies, no tracing, no decompression, no redirects.
"""

import asyncio
import ssl
from types import TracebackType
from typing import Any, Self

import aiohttp
import uvloop
from aiohttp.abc import AbstractResolver, ResolveResult
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from integrations.oauth.address import AddressPolicy, Resolve, resolve
from integrations.oauth.errors import ProviderUnavailable
from integrations.oauth.message import USER_AGENT, Request, Response
from integrations.oauth.transport import BODY_LIMIT_BYTES, DEADLINE_SECONDS

KEEPALIVE_SECONDS = 15
_HEADERS = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}


class _Resolver(AbstractResolver):
    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        addresses = await loop.run_in_executor(None, self._resolve, host, port)
        return [_result(host, address=address, port=port) for address in addresses]

    async def close(self) -> None:
        pass


class _GuardedConnector(aiohttp.TCPConnector):
    """Judges each address it is about to connect to, those in the URL itself included."""

    def __init__(self, policy: AddressPolicy, **options: Any) -> None:
        super().__init__(**options)
        self._policy = policy

    async def _resolve_host(self, host: str, port: int, traces: Any = None) -> list[ResolveResult]:
        found = await super()._resolve_host(host, port, traces)
        for result in found:
            self._policy.check_address(host, result["host"], port=port)
        return found


def new_event_loop() -> asyncio.AbstractEventLoop:
    """The loop that carries thousands of requests best: libuv's."""
    return uvloop.new_event_loop()


class AsyncTransport:
    """Sends requests and brings whole responses; one event loop, used as `async with`."""

    def __init__(
        self,
        policy: AddressPolicy,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
        body_limit: int = BODY_LIMIT_BYTES,
        limit: int = 256,
        ca_file: str = "",
        resolve: Resolve = resolve,
    ) -> None:
        self.policy = policy
        self.deadline_seconds = deadline_seconds
        self.body_limit = body_limit
        self._limit = limit
        self._ca_file = ca_file or DEFAULT_CA_BUNDLE_PATH
        self._resolve = resolve
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = _GuardedConnector(
            self.policy,
            limit=self._limit,
            resolver=_Resolver(self._resolve),
            ssl=ssl.create_default_context(cafile=self._ca_file),
            keepalive_timeout=KEEPALIVE_SECONDS,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self.deadline_seconds),
            headers=_HEADERS,
            trust_env=False,
            auto_decompress=False,
        )
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, request: Request) -> Response:
        """Send, and read the whole answer before the deadline.

        Raises:
            AddressRefused: not an address to call.
            ProviderUnavailable: as `transport.Transport.send`.
        """
        self.policy.check_url(request.url)
        if self._session is None:
            raise RuntimeError("AsyncTransport is used outside of `async with`.")
        try:
            async with self._session.request(
                request.method,
                request.url,
                data=request.body,
                headers=request.headers,
                allow_redirects=False,
            ) as answer:
                return await self._read(answer, request.url)
        except (aiohttp.ClientError, OSError) as error:
            # The chain could hold a URL with a query, or a header.
            raise _unavailable(error) from None

    async def _read(self, answer: aiohttp.ClientResponse, url: str) -> Response:
        headers = {name.lower(): value for name, value in answer.headers.items()}
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise ProviderUnavailable("The body is compressed, unasked.", code="unreadable_response")
        body = bytearray()
        async for chunk in answer.content.iter_any():
            body += chunk
            if len(body) > self.body_limit:
                answer.close()
                raise ProviderUnavailable("The body is too large.", code="response_too_large")
        return Response(status=answer.status, headers=headers, body=bytes(body), url=url.partition("?")[0])


def _result(host: str, *, address: str, port: int) -> ResolveResult:
    return ResolveResult(hostname=host, host=address, port=port, family=0, proto=0, flags=0)


def _unavailable(error: Exception) -> ProviderUnavailable:
    if isinstance(error, TimeoutError):
        return ProviderUnavailable("No answer in time.", code="timeout")
    if isinstance(error, aiohttp.ClientSSLError | aiohttp.ClientConnectorCertificateError):
        return ProviderUnavailable("No trusted TLS connection.", code="tls_failed")
    if isinstance(error, aiohttp.ClientConnectorError):
        return ProviderUnavailable("No connection.", code="connection_failed")
    return ProviderUnavailable("The connection was lost.", code="connection_lost")
