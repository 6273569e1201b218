"""Bytes on loopback: a threaded HTTP/1.1 server with keep-alive that hands each request to one function."""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, kw_only=True, slots=True)
class Incoming:
    """One request as it arrived; header names in lower case."""

    endpoint: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def form(self) -> dict[str, str]:
        """The parameters of the body: form-encoded, or a flat JSON object."""
        if "json" in self.headers.get("content-type", ""):
            return {name: str(value) for name, value in json.loads(self.body or b"{}").items()}
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of the query; of a name given twice, the last."""
        return dict(self.query)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outgoing:
    """One answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def as_bytes(self) -> bytes:
        """The answer as one write, so that it never waits for a delayed acknowledgement."""
        return self.head() + self.body

    def head(self) -> bytes:
        """The status line and the headers: all of the answer to a HEAD."""
        head = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        head += [f"{name}: {value}" for name, value in self.headers.items()]
        head.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(head).encode() + b"\r\n\r\n"


def json_answer(document: Mapping[str, Any], *, status: int = 200, **headers: str) -> Outgoing:
    """A JSON answer that nobody may cache; `WWW_Authenticate=` names the header WWW-Authenticate."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named |= {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return Outgoing(status=status, headers=named, body=json.dumps(document).encode())


type Application = Callable[[Incoming], Outgoing | None]


class Listener:
    """One listening port on 127.0.0.1, served by threads until it is closed.

    An application that returns None drops the connection without an answer. What an application raises
    is kept in `crashes`.
    """

    def __init__(self, application: Application, *, tls: ssl.SSLContext | None = None) -> None:
        self.crashes: list[Exception] = []
        self._server = _Server(application, crashes=self.crashes, tls=tls)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.origin = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"

    def open(self) -> Self:
        self._thread.start()
        return self

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        self._thread.join(timeout=10)


class _Server(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True
    block_on_close = False

    def __init__(self, application: Application, *, crashes: list[Exception], tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.application = application
        self._crashes = crashes
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Close the connections that clients keep alive."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def crashed(self, error: Exception) -> None:
        self._crashes.append(error)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up or refuses our certificate is no event here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _serve(self) -> None:
        incoming = self._read()
        try:
            outgoing = self.server.application(incoming)
        except Exception as error:
            self.server.crashed(error)
            raise
        if outgoing is None:
            self._drop()
        else:
            self.wfile.write(outgoing.head() if self.command == "HEAD" else outgoing.as_bytes())

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def _read(self) -> Incoming:
        address = urlsplit(self.path)
        return Incoming(
            endpoint="",
            method=self.command,
            path=address.path,
            query=tuple(parse_qsl(address.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length", 0))),
        )

    def _drop(self) -> None:
        """Reset the connection: the client sees it die without one byte of an answer."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: tests read the request log."""
