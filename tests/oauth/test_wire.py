"""The connection of sweeps: what a hostile or clumsy server can answer on it."""

import socket
import threading

import pytest

from integrations.oauth.errors import ProviderUnavailable
from tests.oauth.conftest import Serve, post, send_by_asyncio
from tests.oauth.loopback import Answer, raw

OK = b"HTTP/1.1 200 OK\r\n"
JSON = b'{"a": 1}'


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
        pytest.param(
            b"HTTP/1.1 099 Early\r\nContent-Length: 1\r\n\r\n " + OK + b"Content-Length: 8\r\n\r\n" + JSON,
            id="a status below 100",
        ),
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
