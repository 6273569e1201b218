"""One connection to a provider's API for calls that are passed on (RFC 9112): a body leaves in pieces, one comes back.

llhttp reads what comes, strictly: conflicting lengths, folded headers, bare line feeds and the like end the connection.
What it leaves to its user is here: caps on the head, interim answers, answers without a body, a body that ends with
the connection, and when a connection may carry another call. Nothing is held but the piece under way.
"""

import select
from collections.abc import Callable, Iterable, Iterator
from typing import NoReturn

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from integrations.oauth.deadline import DeadlineSocket, DeadlineSSLSocket
from integrations.oauth.errors import ProviderUnavailable

PIECE_BYTES = 64 * 1024
HEAD_LIMIT_BYTES = 64 * 1024
HEADERS_AT_MOST = 200

#: Calls whose body has no meaning (RFC 9110 §9.3), so that not everybody reads it.
WITHOUT_BODY = frozenset(("GET", "HEAD", "DELETE"))

type Socket = DeadlineSocket | DeadlineSSLSocket
type Headers = tuple[tuple[str, str], ...]


class Exchange:
    """A connection, and the answer that is read from it now. For one call at a time, and one thread."""

    def __init__(self, sock: Socket) -> None:
        self.sock = sock
        self.since = 0.0
        self.owner = ""
        self._buffer = bytearray(PIECE_BYTES)
        self._view = memoryview(self._buffer)
        self._reusable = True
        self._begin("")

    def _begin(self, method: str) -> None:
        self._parser = HttpResponseParser(self)
        self._without_body = method == "HEAD"
        self._headers: list[tuple[str, str]] = []
        self._pieces: list[bytes] = []
        self._head_bytes = self.received = self.status = 0
        self._head_read = self.whole = False
        self._keeps_alive = True
        self._fault = ""

    # -- for who calls

    @property
    def headers(self) -> Headers:
        """Names as they were spelled; what was given twice is there twice."""
        return tuple(self._headers)

    @property
    def is_free(self) -> bool:
        """Whether another call may go over it: the last answer is whole and nothing came after it."""
        return self.whole and self._reusable and self._keeps_alive

    @property
    def has_unread(self) -> bool:
        """Whether something came that nobody asked for, or the other side has closed."""
        poll = select.poll()
        poll.register(self.sock.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Give the connection up."""
        self._reusable = False
        self.sock.close()

    def spoil(self) -> None:
        """It carries no other call after this one."""
        self._reusable = False

    @property
    def is_refused(self) -> bool:
        """Whether there is an answer already that wants no more of the body: no success.

        Raises:
            ProviderUnavailable: connection_lost, unreadable_response.
        """
        while not self._head_read and self.has_unread:
            self._receive(self.sock.recv_at_once)
        return self._head_read and self.status >= 300

    def send(self, method: str, head: bytes, body: Iterable[bytes]) -> None:
        """Send a call, or as much of it as is wanted.

        Raises:
            OSError: it was not taken, or not in time; an answer may be there all the same.
            ProviderUnavailable: connection_lost, unreadable_response.
        """
        self._begin(method)
        self.sock.sendall(head)
        for piece in body:
            is_refused = self.is_refused
            if method in WITHOUT_BODY or self._head_read:
                # Who answers without reading the body may take it for the next call.
                self.spoil()
            if is_refused:
                return
            self.sock.sendall(piece)

    def read_head(self) -> None:
        """Read as far as `status` and `headers` are known.

        Raises:
            ProviderUnavailable: connection_lost, timeout, unreadable_response.
        """
        while not self._head_read:
            self._receive(self.sock.recv_into)
        if self.status in (204, 304):
            self._without_body = True
        if self._without_body:
            # A body that comes nonetheless would be taken for the beginning of the next answer.
            told = [value for name, value in self._headers if name.lower() == "content-length"]
            is_told = self.status == 204 and any(value.strip() != "0" for value in told)
            self._reusable = self._reusable and not self._pieces and not is_told
            self._pieces.clear()
            self.whole = True

    def read(self) -> Iterator[bytes]:
        """The body, as it comes: at most 64 KiB at once.

        Raises:
            ProviderUnavailable: it broke off, or did not come in time.
        """
        while True:
            if self._pieces:
                piece = b"".join(self._pieces) if len(self._pieces) > 1 else self._pieces[0]
                self._pieces.clear()
                yield piece
            if self.whole:
                return
            self._receive(self.sock.recv_into)

    def _receive(self, receive: Callable[[bytearray], int | None]) -> None:
        try:
            count = receive(self._buffer)
        except TimeoutError:
            self._fail("timeout")
        except OSError:
            self._fail("connection_lost")
        if count is None:
            return
        if not count:
            self._ended()
            return
        self.received += count
        try:
            self._parser.feed_data(self._view[:count])
        except (HttpParserError, HttpParserUpgrade):
            self._fail("unreadable_response")
        if self._fault or (not self._head_read and self.received > HEAD_LIMIT_BYTES):
            self._fail("unreadable_response")

    def _ended(self) -> None:
        self._reusable = False
        names = {name.lower() for name, _ in self._headers}
        if not self._head_read or not names.isdisjoint(("content-length", "transfer-encoding")):
            self._fail("connection_lost")
        # It said no length, so it is whole when the connection ends (RFC 9112 §6.3).
        self.whole = True

    def _fail(self, code: str) -> NoReturn:
        self.close()
        raise ProviderUnavailable(_WORDS[code], code=code)

    # -- for the parser

    def on_message_begin(self) -> None:
        if self._head_read:
            # More than was asked for.
            self._reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head_read:
            return
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > HEAD_LIMIT_BYTES or len(self._headers) >= HEADERS_AT_MOST:
            self._fault = "head"
            return
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        if self._head_read:
            return
        self.status = self._parser.get_status_code()
        if self.status < 200:
            # An interim answer; the final one is still to come (RFC 9110 §15.2).
            self._fault = "switch" if self.status in (0, 101) else self._fault
            self._headers.clear()
            return
        if self.status > 599:
            self._fault = "status"
        self._head_read = True
        self._keeps_alive = self._parser.should_keep_alive()
        codings = [value.lower() for name, value in self._headers if name.lower() == "transfer-encoding"]
        if codings not in ([], ["chunked"]):
            self._fault = "coding"

    def on_body(self, data: bytes) -> None:
        # What follows an answer is none of it, whatever it looks like.
        if not self.whole:
            self._pieces.append(data)

    def on_message_complete(self) -> None:
        if self._head_read:
            self.whole = True


_WORDS = {
    "timeout": "No answer in time.",
    "connection_lost": "The connection was lost.",
    "unreadable_response": "The answer is not HTTP that can be trusted.",
}
