"""Sockets that give up at a moment, not after a silence.

A timeout of the usual kind starts anew with each byte, so a server that sends one a second is never late. These arm the
socket with what is left of the exchange before every read and write, in the headers as in the body.
"""

import socket
import ssl
import time
from collections.abc import Buffer
from typing import Protocol


class _Socket(Protocol):
    deadline: float
    idle_seconds: float

    def settimeout(self, value: float | None, /) -> None: ...


def remaining(deadline: float) -> float:
    """Seconds until a moment of the monotonic clock.

    Raises:
        TimeoutError: it has passed.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("The deadline has passed.")
    return left


def _arm(sock: _Socket) -> None:
    sock.settimeout(min(remaining(sock.deadline), sock.idle_seconds))


class DeadlineSocket(socket.socket):
    """A plain socket with a deadline; a silence of `idle_seconds` ends it sooner."""

    deadline: float = 0.0
    idle_seconds: float = float("inf")

    def recv_into(self, buffer: Buffer, nbytes: int = 0, flags: int = 0) -> int:
        _arm(self)
        return super().recv_into(buffer, nbytes, flags)

    def recv_at_once(self, buffer: Buffer) -> int | None:
        """Read what is there already; None: nothing is."""
        self.settimeout(0.0)
        try:
            return super().recv_into(buffer)
        except BlockingIOError:
            return None

    def sendall(self, data: Buffer, flags: int = 0) -> None:
        _arm(self)
        super().sendall(data, flags)


class DeadlineSSLSocket(ssl.SSLSocket):
    """A TLS socket with a deadline; the handshake ends by the timeout that the plain socket was left with."""

    deadline: float = 0.0
    idle_seconds: float = float("inf")

    def recv_into(self, buffer: Buffer, nbytes: int | None = None, flags: int = 0) -> int:
        _arm(self)
        return super().recv_into(buffer, nbytes, flags)

    def recv_at_once(self, buffer: Buffer) -> int | None:
        """Read what is there already; None: nothing is, but maybe for what TLS says to itself."""
        self.settimeout(0.0)
        try:
            return super().recv_into(buffer)
        except ssl.SSLWantReadError:
            return None

    def sendall(self, data: Buffer, flags: int = 0) -> None:
        _arm(self)
        super().sendall(data, flags)


def new_context(ca_file: str) -> ssl.SSLContext:
    """Make a TLS context that verifies names and chains, and whose sockets have deadlines."""
    context = ssl.create_default_context(cafile=ca_file)
    context.sslsocket_class = DeadlineSSLSocket
    return context
