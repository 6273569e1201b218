"""Requests over connections that stay open, each sent when the one before it on its connection is answered."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import quantiles
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What came of it: answers per second, and how long one took."""

    per_second: float
    p50_ms: float
    p99_ms: float


def run(port: int, requests: list[bytes], *, connections: int) -> Load:
    """Send them all, over so many connections at once; each must be answered with 200 and a Content-Length."""
    return asyncio.run(_run(port, requests, connections=connections))


async def _run(port: int, requests: list[bytes], *, connections: int) -> Load:
    loop = asyncio.get_running_loop()
    waiting, took = iter(requests), list[float]()
    ended = loop.create_future()
    left = [connections]

    def one_less() -> None:
        left[0] -= 1
        if not left[0] and not ended.done():
            ended.set_result(None)

    def failed(error: Exception) -> None:
        if not ended.done():
            ended.set_exception(error)

    began = time.perf_counter()
    opened = [
        await loop.create_connection(lambda: _Client(waiting, took, one_less, failed), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await ended
    spent = time.perf_counter() - began
    for transport, _ in opened:
        transport.close()
    marks = quantiles(took, n=100)
    return Load(per_second=len(took) / spent, p50_ms=marks[49] * 1000, p99_ms=marks[98] * 1000)


class _Client(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], took: list[float], one_less: Any, failed: Any) -> None:
        self._requests, self._took, self._one_less, self._failed = requests, took, one_less, failed
        self._buffer = b""
        self._sent_at = 0.0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._failed(ConnectionError("The server hung up."))

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._one_less()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, blank, body = self._buffer.partition(b"\r\n\r\n")
        if not blank:
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self._failed(AssertionError(self._buffer.decode("latin-1")))
            return
        start = head.lower().find(b"content-length:") + 15
        if start < 15:
            self._failed(AssertionError("An answer without a Content-Length."))
            return
        if len(body) < int(head[start:].partition(b"\r\n")[0]):
            return
        self._took.append(time.perf_counter() - self._sent_at)
        self._buffer = b""
        self._next()
