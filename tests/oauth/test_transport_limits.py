"""Both transports: one deadline for the whole exchange, and a cap on the body."""

import gzip
import threading
import time

import pytest

from integrations.oauth.errors import ProviderUnavailable, Remedy
from integrations.oauth.transport import Transport
from tests.oauth.conftest import LOOPBACK, PUBLIC, Send, Serve, post
from tests.oauth.loopback import drip, raw, reply, silence


@pytest.mark.requirement(44, 45)
@pytest.mark.parametrize(
    "prefix",
    [
        pytest.param(b"HTTP/1.1 200 O", id="status line"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX-Slow: ", id="headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", id="body"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", id="body without a length"),
    ],
)
def test_a_server_that_drips_ends_at_the_total_deadline(send: Send, serve: Serve, prefix: bytes) -> None:
    server = serve(drip(prefix))
    started = time.monotonic()

    with pytest.raises(ProviderUnavailable) as caught:
        send(post(server.url), deadline_seconds=0.4)

    assert caught.value.code == "timeout"
    assert 0.35 < time.monotonic() - started < 1.5


@pytest.mark.requirement(45)
def test_a_server_that_says_nothing_ends_at_the_deadline(send: Send, serve: Serve) -> None:
    server = serve(silence)

    with pytest.raises(ProviderUnavailable) as caught:
        send(post(server.url), deadline_seconds=0.3)

    assert (caught.value.code, caught.value.remedy) == ("timeout", Remedy.RETRY)
    assert len(server.received) == 1


@pytest.mark.requirement(45)
def test_a_resolver_that_hangs_ends_at_the_deadline(serve: Serve) -> None:
    """Only the blocking transport: asyncio's executor is waited for when its loop closes, but not by a sweep."""

    def hang(host: str, port: int) -> list[str]:
        threading.Event().wait(1.0)
        return ["127.0.0.1"]

    transport = Transport(PUBLIC, deadline_seconds=0.2, resolve=hang)
    started = time.monotonic()

    with pytest.raises(ProviderUnavailable) as caught:
        transport.send(post("https://provider.example/token"))

    assert caught.value.code == "timeout"
    assert time.monotonic() - started < 0.8


@pytest.mark.requirement(45)
def test_a_silent_tls_handshake_ends_at_the_deadline(send: Send, serve: Serve) -> None:
    server = serve(silence)

    with pytest.raises(ProviderUnavailable):
        send(post(f"https://127.0.0.1:{server.port}/"), deadline_seconds=0.3)


@pytest.mark.requirement(44)
@pytest.mark.parametrize(
    "framing",
    [
        pytest.param(b"Content-Length: 10000000\r\n\r\n" + b"x" * 10_000_000, id="with a length"),
        pytest.param(b"\r\n" + b"x" * 10_000_000, id="without a length"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\nfffff\r\n" + b"x" * 0xFFFFF + b"\r\n", id="chunked"),
    ],
)
def test_a_body_over_the_cap_is_refused(send: Send, serve: Serve, framing: bytes) -> None:
    server = serve(raw(b"HTTP/1.1 200 OK\r\n" + framing))

    with pytest.raises(ProviderUnavailable) as caught:
        send(post(server.url), body_limit=100_000)

    assert caught.value.code == "response_too_large"


@pytest.mark.requirement(44)
def test_a_body_at_the_cap_is_read(send: Send, serve: Serve) -> None:
    server = serve(reply(b"x" * 100_000))

    assert len(send(post(server.url), body_limit=100_000).body) == 100_000


@pytest.mark.requirement(44)
@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "br", "gzip, gzip"])
def test_a_compressed_body_is_refused_and_never_unpacked(send: Send, serve: Serve, encoding: str) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    server = serve(reply(bomb, headers=f"Content-Encoding: {encoding}\r\n"))

    with pytest.raises(ProviderUnavailable) as caught:
        send(post(server.url))

    assert caught.value.code == "unreadable_response"


def test_a_connection_is_kept_and_its_deadline_is_of_each_exchange(serve: Serve) -> None:
    server = serve(reply(b"{}"), drip(b""))
    transport = Transport(LOOPBACK, deadline_seconds=0.3)
    transport.send(post(server.url))
    started = time.monotonic()

    with pytest.raises(ProviderUnavailable):
        transport.send(post(server.url))

    assert 0.25 < time.monotonic() - started < 1.0
    assert server.connections == 1
