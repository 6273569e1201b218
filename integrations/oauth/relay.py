"""Pass calls on to a provider's API, bodies in pieces: connections are kept, each judged by its address when made.

Not `transport`, which brings an answer whole: here nobody waits for a body to be there before its beginning goes on.
One deadline for the whole call and one for every silence in it; no redirects, no cookies, no proxies or passwords from
the environment; TLS checked by name. The address is split once, and what was judged of it is what is sent.
"""

import ssl
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import cast
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from integrations.oauth.address import AddressPolicy, Resolve, resolve
from integrations.oauth.connection import open_socket
from integrations.oauth.deadline import DeadlineSSLSocket, new_context, remaining
from integrations.oauth.errors import ProviderUnavailable
from integrations.oauth.exchange import Exchange, Headers, Socket

KEPT_FOR_SECONDS = 30.0
KEPT_AT_MOST = 64
PORTS = {"https": 443, "http": 80}
IDEMPOTENT = frozenset(("GET", "HEAD", "OPTIONS", "PUT", "DELETE"))

type Origin = tuple[str, str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """What is to be sent. `url` is absolute and of ASCII; a body has a `length`, None: there is none.

    `replayable`: the body can be read once more, and so sent again. `owner`: on whose behalf. Who sent a body leaves
    the connection to nobody else, for the other side may have taken it for a next call; and not to itself, if empty.
    """

    method: str
    url: str = field(repr=False)
    headers: Headers = field(default=(), repr=False)
    body: Iterable[bytes] = field(default=(), repr=False)
    length: int | None = None
    replayable: bool = True
    owner: str = ""


class Answer:
    """What comes back. Read its body to the end, or close it: only then is its connection free, or given up."""

    def __init__(self, relay: "Relay", origin: Origin, exchange: Exchange) -> None:
        self._relay, self._origin, self._exchange = relay, origin, exchange
        self._is_over = False
        self.status = exchange.status
        self.headers = exchange.headers

    def read(self) -> Iterator[bytes]:
        """The body in pieces of at most 64 KiB.

        Raises:
            ProviderUnavailable: it broke off, or did not come in time.
        """
        yield from self._exchange.read()
        self.close()

    def close(self) -> None:
        """Keep the connection if nothing of this answer is left in it, else give it up."""
        if not self._is_over:
            self._is_over = True
            self._relay.put_back(self._origin, self._exchange)


class Relay:
    """Sends calls. Thread-safe; keeps connections open."""

    def __init__(self, policy: AddressPolicy, *, ca_file: str = "", resolve: Resolve = resolve) -> None:
        self.policy = policy
        self._resolve = resolve
        self._context = new_context(ca_file or DEFAULT_CA_BUNDLE_PATH)
        self._lock = Lock()
        self._kept: dict[Origin, deque[Exchange]] = {}

    def send(self, call: Call, *, deadline: float, idle_seconds: float) -> Answer:
        """Send, and return when the head of the answer is there. `deadline` is a moment of the monotonic clock.

        Raises:
            AddressRefused: not an address to call.
            ProviderUnavailable: no answer (timeout, connection_failed, tls_failed, connection_lost,
                unreadable_response).
        """
        self.policy.check_url(call.url)
        parts = urlsplit(call.url)
        origin = (parts.scheme, parts.hostname or "", parts.port or PORTS[parts.scheme])
        head = _head(call, host=parts.netloc, target=call.url[len(parts.scheme) + 3 + len(parts.netloc) :] or "/")
        kept = self._take(origin, call.owner)
        if kept is not None:
            try:
                return self._exchange(origin, kept, call, head, deadline=deadline, idle_seconds=idle_seconds)
            except ProviderUnavailable as error:
                closed_meanwhile = error.code == "connection_lost" and not kept.received
                if not (closed_meanwhile and call.replayable and call.method in IDEMPOTENT):
                    raise
        made = Exchange(self._connect(origin, deadline=min(deadline, time.monotonic() + idle_seconds)))
        return self._exchange(origin, made, call, head, deadline=deadline, idle_seconds=idle_seconds)

    def put_back(self, origin: Origin, exchange: Exchange) -> None:
        """Keep a connection for the next call, if it is good for one."""
        if not exchange.is_free:
            exchange.close()
            return
        exchange.since = time.monotonic()
        with self._lock:
            kept = self._kept.setdefault(origin, deque())
            kept.append(exchange)
            spare = kept.popleft() if len(kept) > KEPT_AT_MOST else None
        if spare is not None:
            spare.close()

    def _take(self, origin: Origin, owner: str) -> Exchange | None:
        """The connection that was used last, if one is still open that is free for this owner."""
        while True:
            with self._lock:
                kept = self._kept.get(origin, deque())
                exchange = next((known for known in reversed(kept) if known.owner in ("", owner)), None)
                if exchange is None:
                    return None
                kept.remove(exchange)
            if time.monotonic() < exchange.since + KEPT_FOR_SECONDS and not exchange.has_unread:
                return exchange
            exchange.close()

    def _exchange(
        self, origin: Origin, exchange: Exchange, call: Call, head: bytes, *, deadline: float, idle_seconds: float
    ) -> Answer:
        exchange.sock.deadline, exchange.sock.idle_seconds = deadline, idle_seconds
        if call.length:
            exchange.owner = call.owner
            if not call.owner:
                exchange.spoil()
        try:
            _send(exchange, call, head)
            exchange.read_head()
        except BaseException:
            exchange.close()
            raise
        return Answer(self, origin, exchange)

    def _connect(self, origin: Origin, *, deadline: float) -> Socket:
        scheme, host, port = origin
        try:
            sock = open_socket(host, port, policy=self.policy, resolve=self._resolve, deadline=deadline)
        except TimeoutError:
            raise ProviderUnavailable("No answer in time.", code="timeout") from None
        except OSError:
            raise ProviderUnavailable("No connection.", code="connection_failed") from None
        if scheme == "http":
            return sock
        try:
            sock.settimeout(remaining(deadline))
            secured = self._context.wrap_socket(sock, server_hostname=host)
        except TimeoutError:
            sock.close()
            raise ProviderUnavailable("No answer in time.", code="timeout") from None
        except (ssl.SSLError, OSError):
            sock.close()
            raise ProviderUnavailable("No trusted TLS connection.", code="tls_failed") from None
        return cast(DeadlineSSLSocket, secured)


def _send(exchange: Exchange, call: Call, head: bytes) -> None:
    """Send all of it, or as much as is wanted: who refuses a body may answer before it has it, and close."""
    try:
        exchange.send(call.method, head, call.body)
    except TimeoutError:
        exchange.spoil()
        if not exchange.is_refused:
            raise ProviderUnavailable("No answer in time.", code="timeout") from None
    except OSError:
        exchange.spoil()


def _head(call: Call, *, host: str, target: str) -> bytes:
    """The request line and the headers, the body framed by its length (RFC 9112 §6).

    Raises:
        ValueError: a header could end its line, or the head.
    """
    if not target.startswith("/"):
        target = f"/{target}"
    lines = [f"{call.method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in call.headers]
    if call.length is not None:
        lines.append(f"Content-Length: {call.length}")
    if any("\r" in line or "\n" in line or "\0" in line for line in lines):
        raise ValueError("A header would not stay on its line.")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
