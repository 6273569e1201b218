"""One connection of HTTP/1.1, seen from the client (RFC 9112): a request leaves, one whole response comes back.

llhttp reads the responses, strictly: conflicting lengths, folded headers, bare line feeds and the like end the
connection. What it leaves to its user is here: caps on head and body, interim responses, a body that ends with the
connection, and when a connection may carry another request.
"""

import asyncio
import select
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from integrations.oauth.errors import ProviderUnavailable
from integrations.oauth.message import Response

HEAD_LIMIT_BYTES = 64 * 1024
HEADERS_AT_MOST = 200


class Wire(asyncio.Protocol):
    """The connection. It is for one event loop, for one request at a time, and not for HEAD.

    `since` is its user's: when it was put aside.
    """

    since = 0.0

    def __init__(self, *, body_limit: int) -> None:
        self._body_limit = body_limit
        self._parser = HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Response] | None = None
        self._url = ""
        self._reusable = True
        self._begin()

    def _begin(self) -> None:
        """Make ready for a response."""
        self._headers: dict[str, str] = {}
        self._status = self._header_count = self._head_bytes = self._received_bytes = self._body_bytes = 0
        self._body: list[bytes] = []
        self._head_read = self._whole = False
        self._failure: ProviderUnavailable | None = None

    # -- for who asks

    @property
    def is_free(self) -> bool:
        """Whether another request may be sent."""
        return self._reusable and self._answer is None and not self._is_closing

    @property
    def has_unread(self) -> bool:
        """Whether something has arrived that the event loop did not come to read: an end, or what nobody asked for."""
        sock = None if self._transport is None else self._transport.get_extra_info("socket")
        if sock is None or sock.fileno() < 0:
            return True
        poll = select.poll()
        poll.register(sock.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    @property
    def _is_closing(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    def ask(self, request: bytes, answer: asyncio.Future[Response], *, url: str) -> None:
        """Send a request; the `answer` is set to the response, or to ProviderUnavailable.

        A connection that is closed already takes nothing, and fails as one that is lost later.
        """
        self._answer, self._url = answer, url
        if self._is_closing:
            self._fail(_lost())
            return
        cast(asyncio.Transport, self._transport).write(request)

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        self._reusable = False
        self._answer = None
        if self._transport is not None:
            self._transport.abort()

    # -- for asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            # Nobody asked: it could be taken for the answer to what is asked next.
            self.abort()
            return
        self._received_bytes += len(data)
        # Framing and trailers count too, for the parser keeps a trailer until it ends.
        if self._received_bytes > 2 * self._body_limit + HEAD_LIMIT_BYTES:
            self._fail(_too_large())
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._reusable = False
            self._failure = self._failure or _lost()
        if self._whole:
            self._deliver()
        elif self._failure is not None:
            self._fail(self._failure)
        elif not self._head_read and self._received_bytes > HEAD_LIMIT_BYTES:
            self._fail(_too_large())

    def eof_received(self) -> None:
        """The other side has sent all; the transport closes."""
        self._reusable = False
        if self._ends_with_connection:
            self._deliver()

    def connection_lost(self, exc: Exception | None) -> None:
        self._reusable = False
        self._fail(_lost())

    # -- for the parser

    def on_message_begin(self) -> None:
        if self._whole:
            # More than was asked for.
            self._reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_count += 1
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > HEAD_LIMIT_BYTES or self._header_count > HEADERS_AT_MOST:
            self._failure = _too_large()
        elif not self._head_read:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        if self._whole:
            return
        self._head_read = True
        self._status = self._parser.get_status_code()
        if self._status < 100:
            self._failure = _lost()
        if self._status < 200:
            return
        headers = self._headers
        encoded = headers.get("content-encoding", "identity").lower() != "identity"
        if encoded or headers.get("transfer-encoding", "chunked").lower() != "chunked":
            self._failure = ProviderUnavailable("The body is compressed, unasked.", code="unreadable_response")

    def on_body(self, data: bytes) -> None:
        if self._whole or self._failure is not None:
            return
        self._body_bytes += len(data)
        if self._body_bytes > self._body_limit:
            self._failure = _too_large()
        else:
            self._body.append(data)

    def on_message_complete(self) -> None:
        if self._whole or self._failure is not None:
            return
        if self._status < 200:
            # An interim response; the final one is still to come (RFC 9110 §15.2).
            self._headers.clear()
            self._head_read = False
            return
        self._whole = True
        self._reusable = self._reusable and self._parser.should_keep_alive()

    # -- how it ends

    @property
    def _ends_with_connection(self) -> bool:
        """Whether the response says no length, so that it is whole when the connection ends (RFC 9112 §6.3)."""
        if self._answer is None or not self._head_read or self._failure is not None:
            return False
        return self._headers.keys().isdisjoint(("content-length", "transfer-encoding"))

    def _deliver(self) -> None:
        response = Response(
            status=self._status, headers=self._headers, body=b"".join(self._body), url=self._url.partition("?")[0]
        )
        answer, self._answer = self._answer, None
        # A response that came before all of the request had left.
        if self._transport is None or self._transport.get_write_buffer_size():
            self._reusable = False
        self._begin()
        if answer is not None and not answer.done():
            answer.set_result(response)

    def _fail(self, error: ProviderUnavailable) -> None:
        answer = self._answer
        self.abort()
        if answer is not None and not answer.done():
            answer.set_exception(error)


def _lost() -> ProviderUnavailable:
    return ProviderUnavailable("The connection was lost.", code="connection_lost")


def _too_large() -> ProviderUnavailable:
    return ProviderUnavailable("The response is too large.", code="response_too_large")
