"""The transport of sweeps: how it uses its connections."""

import asyncio
import gc
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
from tests.oauth.loopback import Loopback, raw, reply, silence

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


@pytest.mark.requirement(44)
@pytest.mark.parametrize("is_an_end", [True, False])
def test_what_lies_unread_on_a_connection_answers_no_later_request(serve: Serve, is_an_end: bool) -> None:
    """It came while the loop was busy, so that nobody was told of it before the next request."""
    asked_again, came = threading.Event(), threading.Event()

    def answer_and_more(connection: socket.socket, _stop: threading.Event) -> None:
        connection.sendall(OK + b"Content-Length: 8\r\n\r\n" + JSON)
        asked_again.wait(PATIENCE_SECONDS)
        if is_an_end:
            connection.shutdown(socket.SHUT_WR)
        else:
            connection.sendall(OK + b"Content-Length: 8\r\n\r\n" + b'{"x": 9}')
        came.set()

    server = serve(answer_and_more, reply(b'{"b": 2}'))

    async def exchanges(transport: AsyncTransport) -> Response:
        await transport.send(post(server.url))
        asked_again.set()
        came.wait(PATIENCE_SECONDS)
        return await transport.send(post(server.url))

    assert run(exchanges).body == b'{"b": 2}'
    assert (len(server.received), server.connections) == (2, 2)


def test_connections_that_are_done_with_make_room_for_others(serve: Serve) -> None:
    first, second = serve(reply(JSON)), serve(reply(JSON))

    async def exchanges(transport: AsyncTransport) -> None:
        for server in (first, second, second, second):
            await transport.send(post(server.url))

    run(exchanges, limit=1)

    assert (first.connections, second.connections) == (1, 1)


@pytest.mark.requirement(45)
def test_a_deadline_while_connecting_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    looked_up = threading.Event()

    def resolve(_host: str, _port: int) -> list[str]:
        looked_up.wait(PATIENCE_SECONDS)
        return []

    async def exchanges(transport: AsyncTransport) -> str:
        with pytest.raises(ProviderUnavailable) as caught:
            await transport.send(post("http://provider.example/"))
        looked_up.set()
        return caught.value.code

    policy = AddressPolicy(allowed_hosts=frozenset({"provider.example"}))

    assert run(exchanges, policy=policy, resolve=resolve, deadline_seconds=0.2) == "timeout"
    gc.collect()
    assert not caplog.records
