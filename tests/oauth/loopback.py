"""A server on loopback that speaks bytes, so that it can be as slow, as large and as wrong as a test needs."""

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

type Answer = Callable[[socket.socket, threading.Event], None]


def reply(body: bytes, *, status: str = "200 OK", headers: str = "Content-Type: application/json\r\n") -> Answer:
    """Answer at once, properly framed."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode()
    return lambda connection, _stop: connection.sendall(head + body)


def raw(data: bytes) -> Answer:
    """Answer these bytes and hang up."""

    def answer(connection: socket.socket, _stop: threading.Event) -> None:
        connection.sendall(data)
        connection.close()

    return answer


def drip(prefix: bytes, *, every_seconds: float = 0.05, for_seconds: float = 5) -> Answer:
    """Answer the prefix, then one byte at a time until the other side or the test gives up, at last we do."""

    def answer(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(prefix)
        for _ in range(round(for_seconds / every_seconds)):
            if stop.wait(every_seconds):
                return
            connection.sendall(b"x")

    return answer


def silence(_connection: socket.socket, stop: threading.Event) -> None:
    """Accept, and say nothing."""
    stop.wait()


class Loopback:
    """Listens on 127.0.0.1; each request takes the next answer, the last one serving for all that follow."""

    def __init__(self, *answers: Answer, context: ssl.SSLContext | None = None) -> None:
        self._answers = list(answers)
        self._context = context
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.received: list[bytes] = []
        self.connections = 0
        self._open: list[socket.socket] = []

    @property
    def url(self) -> str:
        scheme = "https" if self._context else "http"
        return f"{scheme}://127.0.0.1:{self.port}/token"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        # A blocked accept is woken by a shutdown, not by a close.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while not self._stop.is_set():
                connection, _peer = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        self._open.append(connection)
        with suppress(OSError):
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            while request := _read_request(connection):
                self.received.append(request)
                answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
                answer(connection, self._stop)


def _read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65_536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    wanted = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            wanted = int(value)
    while len(body) < wanted:
        piece = connection.recv(65_536)
        if not piece:
            return b""
        body += piece
    return head + b"\r\n\r\n" + body
