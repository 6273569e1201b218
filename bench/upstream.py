"""A provider's API that costs next to nothing, in a process of its own: `with Upstream(delay_seconds=0.05) as api`.

It answers every GET with a kilobyte of JSON after the delay, `GET …/bytes/<n>` with n bytes at once, and any body once
it has all of it, with its length. It speaks just enough HTTP/1.1: keep-alive, bodies with Content-Length. It ends with
its standard input, and so with whoever started it.
"""

import asyncio
import gc
import json
import subprocess
import sys
from functools import partial
from types import TracebackType
from typing import Any, Self

DOCUMENT = json.dumps({"items": [{"id": n, "title": f"Note {n}", "done": False} for n in range(20)]}).encode()
PIECE = bytes(256 * 1024)


class Upstream:
    """The process, from outside."""

    def __init__(self, *, delay_seconds: float = 0.0) -> None:
        self._delay_seconds = delay_seconds
        self.port = 0

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "bench.upstream", str(self._delay_seconds)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, process_group=0)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()


class Http(asyncio.Protocol):
    """One connection."""

    def __init__(self, *, delay_seconds: float) -> None:
        self._delay_seconds = delay_seconds
        self._head = b""
        self._expected = self._received = 0
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        if self._expected:
            self._take(data)
            return
        self._head += data
        head, blank, body = self._head.partition(b"\r\n\r\n")
        if not blank:
            return
        self._head = b""
        method, path, _ = head.split(b" ", 2)
        if method == b"GET":
            self._answer(path)
            return
        start = head.lower().find(b"\r\ncontent-length:")
        self._received, self._expected = 0, int(head[start + 17 :].partition(b"\r\n")[0])
        self._take(body)

    def _take(self, data: bytes) -> None:
        self._received += len(data)
        if self._received >= self._expected:
            self._expected = 0
            self._transport.write(_message(b'{"received": %d}' % self._received))

    def _answer(self, path: bytes) -> None:
        _, asked, size = path.partition(b"/bytes/")
        if asked:
            self._sending = asyncio.get_running_loop().create_task(self._send(int(size)))
        elif self._delay_seconds:
            asyncio.get_running_loop().call_later(self._delay_seconds, self._transport.write, _message(DOCUMENT))
        else:
            self._transport.write(_message(DOCUMENT))

    async def _send(self, size: int) -> None:
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        while size:
            await self._writable.wait()
            piece = PIECE[: min(size, len(PIECE))]
            size -= len(piece)
            self._transport.write(piece)


def _message(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    return head + body


async def serve(delay_seconds: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(partial(Http, delay_seconds=delay_seconds), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    gc.freeze()
    ended = asyncio.Event()
    loop.add_reader(sys.stdin, ended.set)
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
