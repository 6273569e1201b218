"""The transport of sweeps: what a hostile or clumsy server can do to it, and how it uses its connections."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from integrations.oauth.address import AddressPolicy
from integrations.oauth.async_transport import AsyncTransport
from integrations.oauth.errors import ProviderUnavailable
from integrations.oauth.message import Request, Response
from tests.oauth.conftest import LOOPBACK, SECRET, Serve, post, send_by_asyncio
from tests.oauth.loopback import Answer, Loopback, raw, reply, silence

PATIENCE_SECONDS = 60
OK = b"HTTP/1.1 200 OK\r\n"
JSON = b'{"a": 1}'


def run(exchanges: Callable[[AsyncTransport], Awaitable[Any]], **options: Any) -> Any:
    async def session() -> Any:
        async with AsyncTransport(options.pop("policy", LOOPBACK), **options) as transport:
            return await exchanges(transport)

    return asyncio.run(session())


def one_by_one(server: Loopback, count: int, **options: Any) -> list[Response]:
    async def exchanges(transport: AsyncTransport) -> list[Response]:
        return [await transport.send(post(server.url)) for _ in range(count)]

    answers: list[Response] = run(exchanges, **options)
    return answers


@pytest.mark.requirement(44)
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(OK + b"Content-Length: 8\r\nContent-Length: 9\r\n\r\n" + JSON, id="two lengths"),
        pytest.param(OK + b"Content-Length: 8, 8\r\n\r\n" + JSON, id="a list of lengths"),
        pytest.param(OK + b"Content-Length: +8\r\n\r\n" + JSON, id="a signed length"),
        pytest.param(OK + b"Content-Length: 99999999999999999999\r\n\r\n" + JSON, id="a length beyond 64 bits"),
        pytest.param(
            OK + b"Content-Length: 8\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n" + JSON + b"\r\n0\r\n\r\n",
            id="a length and chunks",
        ),
        pytest.param(
            OK + b"Transfer-Encoding: chunked\r\nContent-Length: 8\r\n\r\n8\r\n" + JSON + b"\r\n0\r\n\r\n",
            id="chunks and a length",
        ),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\n0x8\r\n" + JSON + b"\r\n0\r\n\r\n", id="chunk size"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\n8\n" + JSON + b"\n0\n\n", id="bare line feeds"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\n8\r\n" + JSON, id="no last chunk"),
        pytest.param(OK + b"X: a\r\n b\r\nContent-Length: 8\r\n\r\n" + JSON, id="a folded header"),
        pytest.param(OK + b"X: a\0b\r\nContent-Length: 8\r\n\r\n" + JSON, id="a NUL in a header"),
        pytest.param(OK + b"Content-Length : 8\r\n\r\n" + JSON, id="a space before the colon"),
        pytest.param(OK + b"Content-Length: 8\r\n", id="no end of the head"),
        pytest.param(JSON, id="no head"),
        pytest.param(b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n" + JSON, id="upgrade"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", id="nothing after an interim response"),
    ],
)
def test_what_could_be_read_in_two_ways_is_not_read(serve: Serve, data: bytes) -> None:
    server = serve(raw(data))

    with pytest.raises(ProviderUnavailable) as caught:
        send_by_asyncio(post(server.url))

    assert caught.value.code == "connection_lost"
    assert len(server.received) == 1


@pytest.mark.requirement(44)
@pytest.mark.parametrize(
    "coding",
    [b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"],
)
def test_a_body_compressed_for_the_transfer_is_refused_too(serve: Serve, coding: bytes) -> None:
    server = serve(raw(OK + coding + b"\r\n\r\n8\r\n" + JSON + b"\r\n0\r\n\r\n"))

    with pytest.raises(ProviderUnavailable) as caught:
        send_by_asyncio(post(server.url))

    assert caught.value.code == "unreadable_response"


@pytest.mark.requirement(44)
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(OK + b"X: " + b"x" * 70_000 + b"\r\nContent-Length: 8\r\n\r\n" + JSON, id="a long header"),
        pytest.param(OK + b"X: a\r\n" * 20_000 + b"Content-Length: 8\r\n\r\n" + JSON, id="many headers"),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 3_000, id="interim responses without end"),
        pytest.param(OK + b"X: " + b"x" * 500_000, id="a header that does not end"),
        pytest.param(
            OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"x" * 500_000, id="a trailer that does not end"
        ),
        pytest.param(
            OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: a\r\n" * 60_000 + b"\r\n", id="many trailers"
        ),
        pytest.param(
            OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1;" + b"x" * 500_000 + b"\r\na\r\n0\r\n\r\n",
            id="a chunk's extension without end",
        ),
    ],
)
def test_what_is_around_a_body_has_a_cap_too(serve: Serve, data: bytes) -> None:
    server = serve(raw(data))

    with pytest.raises(ProviderUnavailable) as caught:
        send_by_asyncio(post(server.url), body_limit=50_000)

    assert caught.value.code == "response_too_large"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(OK + b"Content-Length: 8\r\n\r\n" + JSON, id="with a length"),
        pytest.param(OK + b"\r\n" + JSON, id="to the end of the connection"),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\n" + JSON, id="HTTP/1.0"),
        pytest.param(
            OK + b"Transfer-Encoding: Chunked\r\n\r\n1;a=b\r\n{\r\n7\r\n" + JSON[1:] + b"\r\n0\r\n\r\n", id="chunks"
        ),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 8\r\n\r\n" + JSON, id="after 100"),
        pytest.param(
            b"HTTP/1.1 103 Early Hints\r\nContent-Encoding: gzip\r\n\r\n" + OK + b"Content-Length: 8\r\n\r\n" + JSON,
            id="after 103",
        ),
    ],
)
@pytest.mark.parametrize("in_pieces", [False, True])
def test_a_body_is_read_however_it_is_framed(serve: Serve, data: bytes, in_pieces: bool) -> None:
    server = serve(byte_by_byte(data) if in_pieces else raw(data))

    response = send_by_asyncio(post(server.url))

    assert (response.status, response.body) == (200, JSON)


def byte_by_byte(data: bytes) -> Answer:
    def answer(connection: socket.socket, _stop: threading.Event) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in data:
            connection.sendall(bytes((byte,)))
        connection.close()

    return answer


def test_a_trailer_changes_no_header(serve: Serve) -> None:
    head = b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    server = serve(raw(OK + head + b"8\r\n" + JSON + b"\r\n0\r\nContent-Type: text/plain\r\nRetry-After: 9\r\n\r\n"))

    response = send_by_asyncio(post(server.url))

    assert response.headers["content-type"] == "application/json"
    assert "retry-after" not in response.headers


def test_connections_are_kept_and_used_again(serve: Serve) -> None:
    server = serve(reply(JSON))

    answers = one_by_one(server, 5)

    assert [answer.body for answer in answers] == [JSON] * 5
    assert server.connections == 1


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(OK + b"Connection: close\r\nContent-Length: 8\r\n\r\n" + JSON, id="that says so"),
        pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 8\r\n\r\n" + JSON, id="of HTTP/1.0"),
        pytest.param((OK + b"Content-Length: 8\r\n\r\n" + JSON) * 2, id="with a second answer"),
        pytest.param(OK + b"Content-Length: 8\r\n\r\n" + JSON + b"rest", id="with a rest"),
    ],
)
@pytest.mark.requirement(44)
def test_a_connection_is_not_used_again_after_an_answer(serve: Serve, data: bytes) -> None:
    server = serve(lambda connection, _stop: connection.sendall(data), reply(b'{"b": 2}'))

    answers = one_by_one(server, 2)

    assert [answer.body for answer in answers] == [JSON, b'{"b": 2}']
    assert server.connections == 2


@pytest.mark.requirement(44)
def test_what_comes_unasked_answers_no_later_request(serve: Serve) -> None:
    """Another one's tokens, say, put on the connection beforehand by somebody who can write there."""
    asked_again, hung_up = threading.Event(), threading.Event()

    def answer_and_more(connection: socket.socket, _stop: threading.Event) -> None:
        connection.sendall(OK + b"Content-Length: 8\r\n\r\n" + JSON)
        asked_again.wait(PATIENCE_SECONDS)
        connection.sendall(OK + b"Content-Length: 8\r\n\r\n{" + b'"x": 9}')
        connection.recv(1)
        hung_up.set()

    server = serve(answer_and_more, reply(b'{"b": 2}'))

    async def exchanges(transport: AsyncTransport) -> Response:
        await transport.send(post(server.url))
        asked_again.set()
        await asyncio.to_thread(hung_up.wait, PATIENCE_SECONDS)
        return await transport.send(post(server.url))

    assert run(exchanges).body == b'{"b": 2}'


def test_a_connection_that_was_hung_up_on_is_not_used(serve: Serve) -> None:
    hung_up = threading.Event()

    def answer_and_hang_up(connection: socket.socket, _stop: threading.Event) -> None:
        connection.sendall(OK + b"Content-Length: 8\r\n\r\n" + JSON)
        connection.close()
        hung_up.set()

    server = serve(answer_and_hang_up, reply(JSON))

    async def exchanges(transport: AsyncTransport) -> None:
        await transport.send(post(server.url))
        await asyncio.to_thread(hung_up.wait, PATIENCE_SECONDS)
        await transport.send(post(server.url))

    run(exchanges)

    assert (len(server.received), server.connections) == (2, 2)


@pytest.mark.requirement(31)
def test_a_request_that_left_is_not_sent_again_when_its_connection_ends(serve: Serve) -> None:
    server = serve(reply(JSON), raw(b""))

    async def exchanges(transport: AsyncTransport) -> str:
        await transport.send(post(server.url))
        with pytest.raises(ProviderUnavailable) as caught:
            await transport.send(post(server.url, SECRET.encode()))
        return caught.value.code

    assert run(exchanges) == "connection_lost"
    assert len(server.received) == 2


@pytest.mark.parametrize("options", [{"keepalive_seconds": 0}, {"limit": 0}])
def test_idle_connections_are_kept_for_a_time_and_in_number(serve: Serve, options: dict[str, Any]) -> None:
    server = serve(reply(JSON))

    one_by_one(server, 3, **options)

    assert server.connections == 3


def test_a_caller_that_goes_away_leaves_no_answer_behind(serve: Serve) -> None:
    read = threading.Event()
    late = threading.Event()

    def answer_late(connection: socket.socket, _stop: threading.Event) -> None:
        read.set()
        late.wait(PATIENCE_SECONDS)
        connection.sendall(OK + b"Content-Length: 8\r\n\r\n" + JSON)

    server = serve(answer_late, reply(b'{"b": 2}'))

    async def exchanges(transport: AsyncTransport) -> Response:
        first = asyncio.create_task(transport.send(post(server.url)))
        await asyncio.to_thread(read.wait, PATIENCE_SECONDS)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        late.set()
        return await transport.send(post(server.url))

    assert run(exchanges).body == b'{"b": 2}'


@pytest.mark.requirement(45)
def test_each_of_many_has_a_deadline_of_its_own(serve: Serve) -> None:
    """One after the other, on a connection each; none of them is answered, the last one is in time."""
    silent = serve(silence)
    server = serve(reply(JSON))

    async def exchanges(transport: AsyncTransport) -> list[str]:
        asked = []
        for _ in range(4):
            asked.append(asyncio.create_task(transport.send(post(silent.url))))
            await asyncio.sleep(0.01)
        ended = await asyncio.gather(*asked, return_exceptions=True)
        assert (await transport.send(post(server.url))).body == JSON
        return [error.code for error in ended if isinstance(error, ProviderUnavailable)]

    assert run(exchanges, deadline_seconds=0.3) == ["timeout"] * 4


@pytest.mark.requirement(125)
def test_a_name_is_looked_up_once_for_many_and_each_connection_is_judged(serve: Serve) -> None:
    server = serve(reply(JSON))
    judged, looked_up = list[str](), list[str]()

    class Watching(AddressPolicy):
        def check_address(self, host: str, ip: str, *, port: int = 443) -> None:
            judged.append(ip)
            super().check_address(host, ip, port=port)

    def resolve(host: str, port: int) -> list[str]:
        looked_up.append(host)
        return ["127.0.0.1"]

    url = f"http://provider.example:{server.port}/"
    policy = Watching(allowed_hosts=frozenset({"provider.example"}))

    async def exchanges(transport: AsyncTransport) -> list[Response]:
        return await asyncio.gather(*(transport.send(post(url)) for _ in range(8)))

    answers = run(exchanges, policy=policy, resolve=resolve)

    assert {answer.status for answer in answers} == {200}
    assert looked_up == ["provider.example"]
    assert len(judged) == server.connections == 8


@pytest.mark.parametrize(
    "headers",
    [{"X-A": "a\r\nX-B: b"}, {"X-A": "a\nX-B: b"}, {"X-A\r\nX-B": "b"}, {"X-A": "a\rb"}, {"X-A": "a\0b"}],
)
def test_a_header_cannot_become_two(serve: Serve, headers: dict[str, str]) -> None:
    server = serve(reply(JSON))

    with pytest.raises(ValueError, match="line break"):
        send_by_asyncio(Request(method="POST", url=server.url, headers=headers))

    assert server.received == []


def test_headers_of_the_connection_are_ours_alone(serve: Serve) -> None:
    server = serve(reply(JSON))
    theirs = {"Host": "elsewhere", "content-length": "999", "Transfer-Encoding": "chunked", "ACCEPT-ENCODING": "gzip"}

    send_by_asyncio(Request(method="POST", url=server.url, headers={**theirs, "User-Agent": "mine"}, body=b"a=1"))

    head = server.received[0].lower()
    assert head.count(b"host:") == head.count(b"content-length: 3") == head.count(b"content-length:") == 1
    assert b"transfer-encoding" not in head
    assert b"gzip" not in head
    assert head.count(b"user-agent: mine") == head.count(b"user-agent:") == 1
