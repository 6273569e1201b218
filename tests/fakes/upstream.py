"""A provider's API that speaks real HTTP, byte for byte as a test wants it, and keeps what arrived, byte for byte.

    with FakeUpstream() as upstream:
        upstream.answer(b"HTTP/1.1 204 No Content\\r\\n\\r\\n")       # the next one; else 200 with a little JSON
        upstream.answer(HEAD, gate.wait, BODY)                     # in parts, with something in between
        upstream.arrived                                           # method, target, headers as pairs, body

An answer that ends in `HANG_UP` closes the connection.
"""

import socket
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

HANG_UP = "hang up"
JSON = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"ok": true}'

type Part = bytes | str | Callable[[], object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrived:
    """One request; `connection` numbers the connection that it came over."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int

    def all(self, name: str) -> list[str]:
        return [value for known, value in self.headers if known.lower() == name.lower()]

    @property
    def names(self) -> set[str]:
        return {name.lower() for name, _ in self.headers}


def answer_of(body: bytes = b"", *, status: str = "200 OK", **headers: str) -> bytes:
    """A whole answer; `X_Name=` names the header X-Name."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class FakeUpstream:
    """See the module's docstring."""

    def __init__(self) -> None:
        self.arrived: list[Arrived] = []
        self._answers: deque[tuple[Part, ...]] = deque()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.origin = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def answer(self, *parts: Part) -> None:
        self._answers.append(parts)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self._open.append(sock)
                threading.Thread(target=self._serve, args=(sock, len(self._open)), daemon=True).start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        with suppress(OSError, ValueError), sock.makefile("rb") as read:
            while line := read.readline():
                headers = []
                while (header := read.readline().rstrip(b"\r\n")) != b"":
                    name, _, value = header.decode("latin-1").partition(":")
                    headers.append((name, value.strip()))
                length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
                method, target, _ = line.decode("latin-1").split(" ")
                body = read.read(length)
                self.arrived.append(
                    Arrived(method=method, target=target, headers=tuple(headers), body=body, connection=number)
                )
                parts = self._answers.popleft() if self._answers else (JSON,)
                for part in parts:
                    if part == HANG_UP:
                        sock.shutdown(socket.SHUT_RDWR)
                        return
                    if isinstance(part, bytes):
                        sock.sendall(part)
                    elif callable(part):
                        part()
