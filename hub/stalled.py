"""Connections to the hub whose other side takes nothing any more, or is gone: the kernel ends them.

A thread that hands an answer out waits for its reader, and no server that runs WSGI gives up on one. What is set on the
socket that a server listens at, each connection that it takes has too. Some make that socket after they have loaded
the application, so it is set when the first request is there. What the system refuses then is told in the log, and
costs no request.
"""

import logging
import os
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


logger = logging.getLogger(__name__)


def give_up_after(seconds: int, application: "WSGIApplication") -> "WSGIApplication":
    """Have each connection end whose reader took nothing of an answer for so long, or that is dead."""
    is_limited = False

    def limited(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        nonlocal is_limited
        if not is_limited:
            is_limited = True
            try:
                limit(seconds)
            except OSError as error:
                logger.warning("nothing ends readers that stall here", extra={"errno": error.errno})
        return application(environ, start_response)

    return limited


def limit(seconds: int) -> None:
    """Set it, where the system knows such a thing, on what listens in this process and what was taken there."""
    if not hasattr(socket, "TCP_USER_TIMEOUT"):
        return
    found = _sockets()
    ports = {sock.getsockname()[1] for sock in found if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)}
    for sock in found:
        with sock:
            if sock.getsockname()[1] in ports:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, seconds * 1000)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, seconds)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, seconds)


def _sockets() -> list[socket.socket]:
    """What this process has open of TCP, each under another number, which may be closed."""
    found = []
    for entry in Path("/dev/fd").iterdir():
        try:
            copy = os.dup(int(entry.name))
        except OSError:
            continue
        try:
            sock = socket.socket(fileno=copy)
        except OSError:
            os.close(copy)
            continue
        if sock.type == socket.SOCK_STREAM and sock.family in (socket.AF_INET, socket.AF_INET6):
            found.append(sock)
        else:
            sock.close()
    return found
