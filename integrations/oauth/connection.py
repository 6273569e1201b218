"""urllib3's connections, made to judge the address they connect to and to keep one deadline.

The name is looked up once, every address found is judged, and the connection goes to exactly those; TLS
still verifies the name. urllib3 sets `timeout` when an exchange begins and again, to what is left, before it
reads: both set the deadline.
"""

import socket
import threading
import time
from concurrent.futures import Future
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from integrations.oauth.address import AddressPolicy, Resolve
from integrations.oauth.deadline import DeadlineSocket, DeadlineSSLSocket, remaining


class _Guarded(HTTPConnection):
    """What both kinds of connection share."""

    policy: AddressPolicy
    resolve: Resolve

    # Passed at once, for a connection that no exchange has been begun on.
    _deadline: float = 0.0

    @property
    def timeout(self) -> float:
        return max(0.001, self._deadline - time.monotonic())

    @timeout.setter
    def timeout(self, seconds: float | None) -> None:
        self._deadline = time.monotonic() + (seconds or 0.0)
        self._pass_deadline_on()

    def connect(self) -> None:
        super().connect()
        self._pass_deadline_on()

    def _pass_deadline_on(self) -> None:
        sock = getattr(self, "sock", None)
        if isinstance(sock, DeadlineSocket | DeadlineSSLSocket):
            sock.deadline = self._deadline

    def _new_conn(self) -> socket.socket:
        """Connect to an address that was judged.

        Raises:
            AddressRefused: one of the host's addresses is not to be called.
        """
        port = self.port or self.default_port
        try:
            return open_socket(self.host, port, policy=self.policy, resolve=self.resolve, deadline=self._deadline)
        except TimeoutError:
            raise ConnectTimeoutError(self, "The host did not answer in time.") from None
        except OSError:
            raise NewConnectionError(self, "The host cannot be reached.") from None


class GuardedHTTPConnection(_Guarded):
    """http, for hosts that an operator allow-lists."""


class GuardedHTTPSConnection(_Guarded, HTTPSConnection):
    """https."""


def pool_classes(policy: AddressPolicy, resolve: Resolve) -> dict[str, type[HTTPConnectionPool]]:
    """Make the pools, by scheme, whose connections obey this policy."""
    members: dict[str, Any] = {"policy": policy, "resolve": staticmethod(resolve)}
    http = type("HTTPConnection", (GuardedHTTPConnection,), members)
    https = type("HTTPSConnection", (GuardedHTTPSConnection,), members)
    return {
        "http": type("HTTPPool", (HTTPConnectionPool,), {"ConnectionCls": http}),
        "https": type("HTTPSPool", (HTTPSConnectionPool,), {"ConnectionCls": https}),
    }


def open_socket(host: str, port: int, *, policy: AddressPolicy, resolve: Resolve, deadline: float) -> DeadlineSocket:
    """Connect to a host at addresses that were all judged, before a moment of the monotonic clock.

    Raises:
        AddressRefused: one of the host's addresses is not to be called.
        OSError: it has no address (socket.gaierror), or none that takes the connection.
        TimeoutError: too late.
    """
    addresses = _resolve(resolve, host, port, deadline=deadline)
    for address in addresses:
        policy.check_address(host, address, port=port)
    return _connect(addresses, port, deadline=deadline)


def _resolve(resolve: Resolve, host: str, port: int, *, deadline: float) -> list[str]:
    """Look up in a thread of its own, for the system's resolver knows no deadline; a late one is
    abandoned."""
    found: Future[list[str]] = Future()

    def look_up() -> None:
        try:
            found.set_result(resolve(host, port))
        except Exception as error:
            found.set_exception(error)

    threading.Thread(target=look_up, name="hub-resolve", daemon=True).start()
    return found.result(timeout=remaining(deadline))


def _connect(addresses: list[str], port: int, *, deadline: float) -> DeadlineSocket:
    failure = OSError("The host has no address.")
    for index, address in enumerate(addresses):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = DeadlineSocket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(remaining(deadline) / (len(addresses) - index))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.connect((address, port))
        except OSError as error:
            sock.close()
            failure = error
            continue
        sock.deadline = deadline
        sock.settimeout(remaining(deadline))
        return sock
    raise failure
