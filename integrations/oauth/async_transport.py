"""Where bytes move, many calls at a time, for sweeps: an event loop's connections, with the rules of `transport`.

A sweep is as quick as what one request costs in Python. So there is no session, no redirect, no cookie, no proxy and no
decompression to be switched off, because there is none; and one timer keeps the deadlines of all requests.
"""

import asyncio
import ipaddress
import ssl
from collections import defaultdict, deque
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import uvloop
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from integrations.oauth.address import AddressPolicy, Resolve, resolve
from integrations.oauth.errors import ProviderUnavailable
from integrations.oauth.message import USER_AGENT, Request, Response
from integrations.oauth.transport import BODY_LIMIT_BYTES, DEADLINE_SECONDS
from integrations.oauth.wire import Wire

#: Less than the 5 seconds after which common servers hang up, so that a request does not cross with that.
KEEPALIVE_SECONDS = 4.0
NAMES_KEPT_SECONDS = 10.0
URLS_KEPT = 1024
#: What is said for the request, whatever it says itself.
_OURS = frozenset(("host", "connection", "content-length", "transfer-encoding", "accept-encoding"))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """Where a URL leads, and the first lines of a request to it."""

    host: str
    port: int
    secure: bool
    head: str

    @property
    def origin(self) -> tuple[str, int, bool]:
        return self.host, self.port, self.secure


def new_event_loop() -> asyncio.AbstractEventLoop:
    """The loop that carries thousands of requests best: libuv's."""
    return uvloop.new_event_loop()


class AsyncTransport:
    """Sends requests and brings whole responses; one event loop, used as `async with`.

    It sends as many at a time as it is asked to. `limit` is how many idle connections it keeps, `keepalive_seconds` how
    long.
    """

    def __init__(
        self,
        policy: AddressPolicy,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
        body_limit: int = BODY_LIMIT_BYTES,
        limit: int = 256,
        keepalive_seconds: float = KEEPALIVE_SECONDS,
        ca_file: str = "",
        resolve: Resolve = resolve,
    ) -> None:
        self.policy = policy
        self.deadline_seconds = deadline_seconds
        self.body_limit = body_limit
        self._limit = limit
        self._keepalive_seconds = keepalive_seconds
        self._ca_file = ca_file or DEFAULT_CA_BUNDLE_PATH
        self._resolve = resolve
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._context = ssl.create_default_context(cafile=self._ca_file)
        self._places: dict[str, _Place] = {}
        self._names: dict[tuple[str, int], tuple[float, asyncio.Future[list[str]]]] = {}
        self._idle: defaultdict[tuple[str, int, bool], deque[Wire]] = defaultdict(deque)
        # All of them, in the order in which they were put aside.
        self._waiting: dict[Wire, tuple[str, int, bool]] = {}
        # In the order in which they end, for all are given the same time.
        self._deadlines: dict[asyncio.Future[Response], float] = {}
        self._timer: asyncio.TimerHandle | None = None
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for wire in self._waiting:
            wire.abort()
        self._loop = None

    async def send(self, request: Request) -> Response:
        """Send, and read the whole answer before the deadline. Nothing is sent twice.

        Raises:
            AddressRefused: not an address to call.
            ProviderUnavailable: as `transport.Transport.send`.
        """
        place = self._places.get(request.url) or self._place(request.url)
        loop = self._loop
        if loop is None:
            raise RuntimeError("AsyncTransport is used outside of `async with`.")
        answer: asyncio.Future[Response] = loop.create_future()
        deadline = self._deadlines[answer] = loop.time() + self.deadline_seconds
        if self._timer is None:
            self._timer = loop.call_at(deadline, self._end_late)
        wire: Wire | None = None
        try:
            wire = self._kept(place) or await self._connected(place, deadline=deadline)
            wire.ask(_written(request, place), answer, url=request.url)
            return await answer
        except OSError as error:
            # The chain could hold a URL with a query, or a header.
            raise _unavailable(error) from None
        finally:
            del self._deadlines[answer]
            # Nobody waits for it any more: what it says now is not to be complained of.
            answer.cancel()
            if answer.done() and not answer.cancelled():
                answer.exception()
            if wire is not None:
                self._put_aside(place, wire)

    def _end_late(self) -> None:
        """End what is over its deadline, and come back for the next."""
        self._timer = None
        if self._loop is None:
            return
        now = self._loop.time()
        for answer, deadline in self._deadlines.items():
            if deadline > now:
                self._timer = self._loop.call_at(deadline, self._end_late)
                return
            if not answer.done():
                answer.set_exception(TimeoutError())

    def _place(self, url: str) -> _Place:
        """Read a URL and judge it; once for each, for a policy does not change its mind.

        Raises:
            AddressRefused: not an address to call.
        """
        self.policy.check_url(url)
        parts = urlsplit(url)
        secure = parts.scheme.lower() == "https"
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if len(self._places) >= URLS_KEPT:
            self._places.clear()
        found = self._places[url] = _Place(
            host=parts.hostname or "",
            port=parts.port or (443 if secure else 80),
            secure=secure,
            head=f"{target} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept-Encoding: identity\r\n",
        )
        return found

    # -- connections that wait

    def _kept(self, place: _Place) -> Wire | None:
        """The connection that was put aside last, if the other side should have it open still."""
        wires = self._idle.get(place.origin)
        while wires:
            wire = wires.pop()
            del self._waiting[wire]
            if wire.since + self._keepalive_seconds > self._time() and wire.is_free and not wire.has_unread:
                return wire
            wire.abort()
        return None

    def _put_aside(self, place: _Place, wire: Wire) -> None:
        if not wire.is_free or not self._limit:
            wire.abort()
            return
        if len(self._waiting) >= self._limit:
            self._let_go_of_oldest()
        wire.since = self._time()
        self._idle[place.origin].append(wire)
        self._waiting[wire] = place.origin

    def _let_go_of_oldest(self) -> None:
        """Make room: a provider that is done with must not keep the next one from keeping its connections."""
        oldest, origin = next(iter(self._waiting.items()))
        del self._waiting[oldest]
        wires = self._idle[origin]
        wires.popleft()
        if not wires:
            del self._idle[origin]
        oldest.abort()

    def _time(self) -> float:
        return self._loop.time() if self._loop is not None else 0.0

    # -- connections to be made

    async def _connected(self, place: _Place, *, deadline: float) -> Wire:
        """Connect to an address that was judged.

        Raises:
            AddressRefused: one of the host's addresses is not to be called.
            OSError
        """
        async with asyncio.timeout_at(deadline):
            addresses = await self._addresses(place)
            for address in addresses:
                self.policy.check_address(place.host, address, port=place.port)
            failure = OSError("The host has no address.")
            for index, address in enumerate(addresses):
                share = (deadline - self._time()) / (len(addresses) - index)
                try:
                    async with asyncio.timeout(share):
                        return await self._connect(place, address)
                except OSError as error:
                    failure = error
            raise failure

    async def _connect(self, place: _Place, address: str) -> Wire:
        loop = asyncio.get_running_loop()
        _, wire = await loop.create_connection(
            lambda: Wire(body_limit=self.body_limit),
            address,
            place.port,
            ssl=self._context if place.secure else None,
            server_hostname=place.host if place.secure else None,
        )
        return wire

    async def _addresses(self, place: _Place) -> list[str]:
        """Look a host up in a thread, once for all who ask at the same time and shortly after."""
        if _is_address(place.host):
            return [place.host]
        now, name = self._time(), (place.host, place.port)
        until, looking_up = self._names.get(name, (0.0, None))
        if looking_up is None or until < now or (looking_up.done() and looking_up.exception() is not None):
            looking_up = asyncio.get_running_loop().run_in_executor(None, self._resolve, *name)
            self._names = {known: found for known, found in self._names.items() if found[0] >= now}
            self._names[name] = (now + NAMES_KEPT_SECONDS, looking_up)
        return await asyncio.shield(looking_up)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _written(request: Request, place: _Place) -> bytes:
    """The request as it goes over the wire."""
    names = set[str]()
    lines = [f"{request.method} {place.head}"]
    for name, value in request.headers.items():
        lower = name.lower()
        if lower not in _OURS:
            names.add(lower)
            lines.append(f"{name}: {value}\r\n")
    if "user-agent" not in names:
        lines.append(f"User-Agent: {USER_AGENT}\r\n")
    head = "".join(lines)
    # The method's line ends in one, the lines that a place begins with in two more.
    if head.count("\n") != len(lines) + 2 or head.count("\r") != len(lines) + 2 or "\0" in head:
        raise ValueError("A header holds a line break.")
    return f"{head}Content-Length: {len(request.body)}\r\n\r\n".encode("latin-1") + request.body


def _unavailable(error: OSError) -> ProviderUnavailable:
    if isinstance(error, TimeoutError):
        return ProviderUnavailable("No answer in time.", code="timeout")
    if isinstance(error, ssl.SSLError):
        return ProviderUnavailable("No trusted TLS connection.", code="tls_failed")
    if isinstance(error, ConnectionResetError | ConnectionAbortedError | BrokenPipeError):
        return ProviderUnavailable("The connection was lost.", code="connection_lost")
    return ProviderUnavailable("No connection.", code="connection_failed")
