"""A provider that costs next to nothing, in a process of its own: `with Provider(delay_seconds=0.05) as provider`.

It rotates refresh tokens and ends the grant when an old one is used again (RFC 9700 §4.14.2). A refresh token says
what it is, `r.<family>.<generation>`, so nothing has to be registered. It speaks just enough HTTP/1.1: keep-alive,
a body with Content-Length. It answers each token request after the delay, GET /statistics and /generations at once.
It ends with its standard input, and so with whoever started it.
"""

import asyncio
import gc
import json
import subprocess
import sys
from functools import partial
from types import TracebackType
from typing import Any, Self
from urllib.request import urlopen

LIFETIME_SECONDS = 3600


class Provider:
    """The process, from outside."""

    def __init__(self, *, delay_seconds: float = 0.0) -> None:
        self.delay_seconds = delay_seconds
        self.origin = ""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "bench.provider", str(self.delay_seconds)]
        pipe = subprocess.PIPE
        # A group of its own: an interrupt is for the bench.
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, process_group=0)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self.origin = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()

    def statistics(self) -> dict[str, int]:
        """How many refreshes it answered and how many old tokens it saw."""
        with urlopen(f"{self.origin}/statistics") as answer:
            found: dict[str, int] = json.load(answer)
        return found

    def generations(self) -> dict[int, int | None]:
        """The last generation of each family that was asked for; None where the grant was ended."""
        with urlopen(f"{self.origin}/generations") as answer:
            found: dict[str, int | None] = json.load(answer)
        return {int(family): generation for family, generation in found.items()}


class Tokens:
    """The generation of each family; None when it is revoked."""

    def __init__(self) -> None:
        self.generations: dict[bytes, int | None] = {}
        self.refreshes = 0
        self.reuses = 0

    def counts(self) -> dict[str, int]:
        return {"refreshes": self.refreshes, "reuses": self.reuses}

    def known(self) -> dict[str, int | None]:
        return {family.decode(): generation for family, generation in self.generations.items()}

    def refresh(self, refresh_token: bytes) -> bytes:
        """The whole answer."""
        _, family, generation = refresh_token.split(b".")
        current = self.generations.get(family, 0)
        if current is None or int(generation) != current:
            self.generations[family] = None
            self.reuses += 1
            return answer(400, b'{"error": "invalid_grant"}')
        self.generations[family] = current + 1
        self.refreshes += 1
        return answer(
            200,
            b'{"access_token": "a.%b.%d.%b", "token_type": "Bearer", "expires_in": %d, "refresh_token": "r.%b.%d"}'
            % (family, current + 1, b"x" * 64, LIFETIME_SECONDS, family, current + 1),
        )


def answer(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
        status,
        len(body),
        body,
    )


class Http(asyncio.Protocol):
    """One connection."""

    def __init__(self, tokens: Tokens, *, delay_seconds: float) -> None:
        self._tokens = tokens
        self._delay_seconds = delay_seconds
        self._buffer = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, blank, body = self._buffer.partition(b"\r\n\r\n")
        if not blank:
            return
        if head.startswith(b"GET"):
            self._buffer = b""
            known = self._tokens.known() if head.startswith(b"GET /generations") else self._tokens.counts()
            self._transport.write(answer(200, json.dumps(known).encode()))
            return
        start = head.lower().find(b"content-length:") + 15
        length = int(head[start:].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self._buffer = body[length:]
        answered = self._tokens.refresh(body.partition(b"refresh_token=")[2].partition(b"&")[0])
        if self._delay_seconds:
            asyncio.get_running_loop().call_later(self._delay_seconds, self._write, answered)
        else:
            self._transport.write(answered)

    def _write(self, answered: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answered)


async def serve(delay_seconds: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        partial(Http, Tokens(), delay_seconds=delay_seconds), "127.0.0.1", 0, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    gc.freeze()
    ended = asyncio.Event()
    loop.add_reader(sys.stdin, ended.set)
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
