"""Both transports: an exchange that goes well, and one that goes wrong."""

import logging

import pytest

from integrations.oauth.errors import ProviderUnavailable, Remedy
from integrations.oauth.message import Request
from integrations.oauth.transport import Transport
from tests.oauth.conftest import LOOPBACK, PUBLIC, SECRET, Send, Serve, post
from tests.oauth.loopback import Loopback, raw, reply


def test_a_request_and_its_response_arrive_as_they_were_sent(send: Send, serve: Serve) -> None:
    server = serve(reply(b'{"a": 1}', headers="Content-Type: application/json\r\nX-Two: b\r\n"))

    response = send(post(server.url + "?tenant=1", b"a=%20b"))

    assert (response.status, response.body, response.url) == (200, b'{"a": 1}', server.url)
    assert response.headers["x-two"] == "b"
    head, _, body = server.received[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /token?tenant=1 HTTP/1.1")
    assert b"accept-encoding: identity" in head.lower()
    assert b"cookie" not in head.lower()
    assert body == b"a=%20b"


@pytest.mark.requirement(34, 46)
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_redirects_are_not_followed(send: Send, serve: Serve, status: str) -> None:
    elsewhere = serve(reply(b"{}"))
    server = serve(reply(b"{}", status=status, headers=f"Location: {elsewhere.url}\r\n"))

    response = send(post(server.url, SECRET.encode()))

    assert response.status == int(status[:3])
    assert elsewhere.received == []


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="hangs up"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", id="truncated"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", id="another protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", id="bad chunk"),
    ],
)
@pytest.mark.requirement(44)
def test_a_broken_exchange_is_a_passing_failure_and_is_not_sent_again(send: Send, serve: Serve, data: bytes) -> None:
    server = serve(raw(data))

    with pytest.raises(ProviderUnavailable) as caught:
        send(post(server.url))

    assert (caught.value.code, caught.value.remedy) == ("connection_lost", Remedy.RETRY)
    assert len(server.received) == 1


@pytest.mark.requirement(126)
def test_no_failure_repeats_the_body_the_query_or_the_request(send: Send, serve: Serve) -> None:
    answers = [
        raw(SECRET.encode() + b"\r\n\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + SECRET.encode()),
        reply(SECRET.encode() * 100, headers="Content-Encoding: gzip\r\n"),
        reply(SECRET.encode() * 10_000),
    ]
    for answer in answers:
        server = serve(answer)
        with pytest.raises(ProviderUnavailable) as caught:
            send(post(f"{server.url}?q={SECRET}", SECRET.encode()), body_limit=10_000)

        chain = f"{caught.value!r} {caught.value} {caught.value.__cause__!r}"
        assert SECRET not in chain
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_nobody_listening_is_a_passing_failure(send: Send) -> None:
    with Loopback(reply(b"")) as server:
        pass

    with pytest.raises(ProviderUnavailable) as caught:
        send(post(server.url))

    assert caught.value.code == "connection_failed"


def test_a_name_that_does_not_resolve_is_a_passing_failure(send: Send) -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise OSError("Name or service not known")

    with pytest.raises(ProviderUnavailable) as caught:
        send(post("https://provider.example/token"), policy=PUBLIC, resolve=unknown)

    assert caught.value.code == "connection_failed"


def test_cookies_do_not_pass_from_one_exchange_to_the_next(serve: Serve) -> None:
    server = serve(reply(b"{}", headers="Set-Cookie: session=1; Path=/\r\n"))
    transport = Transport(LOOPBACK)

    for _ in range(2):
        transport.send(post(server.url))

    assert b"cookie" not in server.received[1].lower()


@pytest.mark.requirement(31)
def test_only_an_idempotent_request_is_sent_again_when_its_connection_is_lost(serve: Serve) -> None:
    server = serve(raw(b""), reply(b"{}"))
    request = Request(method="GET", url=server.url, idempotent=True)

    assert Transport(LOOPBACK).send(request).status == 200
    assert len(server.received) == 2


@pytest.mark.requirement(98)
def test_the_transports_log_no_body_and_no_header_at_debug(
    send: Send, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = serve(reply(SECRET.encode(), headers=f"X-Token: {SECRET}\r\n"))
    request = Request(
        method="POST", url=server.url, headers={"Authorization": f"Bearer {SECRET}"}, body=SECRET.encode()
    )

    response = send(request)

    assert SECRET not in caplog.text
    assert SECRET not in repr(request)
    assert SECRET not in repr(response)
