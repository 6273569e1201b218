"""Calls that are passed on: whose answer is whose, and when a connection is used again."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from integrations.oauth.address import AddressPolicy
from integrations.oauth.errors import AddressRefused, ProviderUnavailable
from integrations.oauth.intermediary import headers_up
from integrations.oauth.relay import Call, Relay
from tests.fakes.upstream import HANG_UP, FakeUpstream, answer_of
from tests.oauth.certificates import Authority
from tests.oauth.conftest import Serve
from tests.oauth.loopback import reply


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        yield upstream


@pytest.fixture
def relay() -> Relay:
    return Relay(AddressPolicy(allowed_hosts=frozenset(("127.0.0.1",))))


def ask(relay: Relay, upstream: FakeUpstream, *, method: str = "GET", **fields: object) -> tuple[int, bytes]:
    call = Call(method=method, url=f"{upstream.origin}/a?b", **fields)  # type: ignore[arg-type]
    answer = relay.send(call, deadline=time.monotonic() + 20, idle_seconds=20)
    return answer.status, b"".join(answer.read())


def test_connection_is_used_again(relay: Relay, upstream: FakeUpstream) -> None:
    for _ in range(3):
        assert ask(relay, upstream) == (200, b'{"ok": true}')
    assert {request.connection for request in upstream.arrived} == {1}


@pytest.mark.parametrize(
    "answer",
    [
        answer_of(b"{}") + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged",
        answer_of(b"{}", Connection="close"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 304 Not Modified\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged",
    ],
)
def test_connection_with_more_in_it_than_was_asked_for_is_not_used_again(
    relay: Relay, upstream: FakeUpstream, answer: bytes
) -> None:
    upstream.answer(answer)
    ask(relay, upstream)
    assert ask(relay, upstream) == (200, b'{"ok": true}')
    assert upstream.arrived[-1].connection == 2


@pytest.mark.requirement(118)
@pytest.mark.parametrize(("method", "connection"), [("GET", 2), ("DELETE", 2), ("POST", 1)])
def test_connection_on_which_a_body_may_not_have_been_read_is_not_used_again(
    relay: Relay, upstream: FakeUpstream, method: str, connection: int
) -> None:
    ask(relay, upstream, method=method, body=(b"GET /forged HTTP/1.1\r\n\r\n",), length=24, owner="alice")
    ask(relay, upstream, owner="alice")
    assert upstream.arrived[-1].connection == connection


@pytest.mark.requirement(118)
def test_connection_that_took_a_body_is_for_its_owner_only(relay: Relay, upstream: FakeUpstream) -> None:
    def connection(owner: str, **body: object) -> int:
        ask(relay, upstream, method="POST" if body else "GET", owner=owner, **body)
        return upstream.arrived[-1].connection

    assert connection("alice") == connection("bob") == 1
    assert connection("alice", body=(b"GET /forged HTTP/1.1\r\n\r\n",), length=24) == 1
    assert connection("bob") == 2
    assert connection("alice") == 2
    assert connection("bob", body=(b"{}",), length=2) == 2
    assert connection("alice") == 1
    assert connection("carol") == 3
    assert connection("", body=(b"{}",), length=2) == 3
    assert connection("carol") == 4


def test_interim_answer_is_not_taken_for_the_answer(relay: Relay, upstream: FakeUpstream) -> None:
    upstream.answer(b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + answer_of(b"mine"))
    assert ask(relay, upstream) == (200, b"mine")
    assert ask(relay, upstream) == (200, b'{"ok": true}')


def test_head_has_no_body_whatever_length_it_tells(relay: Relay, upstream: FakeUpstream) -> None:
    upstream.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n")
    assert ask(relay, upstream, method="HEAD") == (200, b"")
    assert ask(relay, upstream) == (200, b'{"ok": true}')


@pytest.mark.requirement(118)
@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n",
        b"not HTTP\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\nforged",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 300 + b"\r\n",
    ],
)
def test_answer_that_can_be_read_in_two_ways_is_refused(relay: Relay, upstream: FakeUpstream, answer: bytes) -> None:
    upstream.answer(answer, HANG_UP)
    with pytest.raises(ProviderUnavailable, match="unreadable_response"):
        ask(relay, upstream)
    assert ask(relay, upstream)[0] == 200


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", b"HTTP/1.1 200 OK\r\nContent-", b""]
)
def test_answer_that_breaks_off(relay: Relay, upstream: FakeUpstream, answer: bytes) -> None:
    upstream.answer(answer, HANG_UP)
    with pytest.raises(ProviderUnavailable, match="connection_lost"):
        ask(relay, upstream, method="POST")


def test_connection_that_was_closed_meanwhile_costs_nobody_an_answer(relay: Relay, upstream: FakeUpstream) -> None:
    ask(relay, upstream)
    upstream.answer(HANG_UP)
    assert ask(relay, upstream) == (200, b'{"ok": true}')


def test_call_that_may_have_had_an_effect_is_not_made_twice(relay: Relay, upstream: FakeUpstream) -> None:
    ask(relay, upstream)
    upstream.answer(HANG_UP)
    with pytest.raises(ProviderUnavailable):
        ask(relay, upstream, method="POST")
    assert [request.method for request in upstream.arrived] == ["GET", "POST"]


def test_refusal_of_a_body_is_heard_before_all_of_it_was_sent(relay: Relay) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    origin = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def body() -> Iterator[bytes]:
        yield b"x" * 10
        sock, _ = listener.accept()
        sock.recv(65536)
        sock.sendall(answer_of(b"no", status="413 Too Large"))
        sock.shutdown(socket.SHUT_WR)
        yield b"x" * 10

    call = Call(method="POST", url=f"{origin}/a", body=body(), length=20, replayable=False)
    answer = relay.send(call, deadline=time.monotonic() + 20, idle_seconds=20)
    assert (answer.status, b"".join(answer.read())) == (413, b"no")
    listener.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("when", ["between two pieces", "within a piece"])
def test_refusal_of_a_body_is_heard_though_nobody_takes_the_rest(authority: Authority, scheme: str, when: str) -> None:
    listener, answered, over = socket.create_server(("127.0.0.1", 0)), threading.Event(), threading.Event()

    def serve() -> None:
        sock, _ = listener.accept()
        if scheme == "https":
            sock = authority.server_context("provider.example").wrap_socket(sock, server_side=True)
        with sock:
            while b"xxx" not in sock.recv(65536):
                pass
            sock.sendall(answer_of(b"no", status="413 Too Large"))
            answered.set()
            over.wait(20)

    taken: list[int] = []

    def body() -> Iterator[bytes]:
        if when == "between two pieces":
            yield b"xxx"
            answered.wait(20)
        for number in range(500):
            taken.append(number)
            yield b"x" * (10 if when == "between two pieces" else 20_000_000)
            over.wait(0.01)

    threading.Thread(target=serve, daemon=True).start()
    policy = AddressPolicy(allowed_hosts=frozenset({"provider.example"}))
    relay = Relay(policy, ca_file=authority.ca_file, resolve=lambda _host, _port: ["127.0.0.1"])
    url = f"{scheme}://provider.example:{listener.getsockname()[1]}/a"
    call = Call(method="POST", url=url, body=body(), length=10**10, replayable=False)
    answer = relay.send(call, deadline=time.monotonic() + 20, idle_seconds=0.5)
    assert (answer.status, b"".join(answer.read())) == (413, b"no")
    assert len(taken) < 500
    over.set()
    listener.close()


@pytest.mark.requirement(125)
def test_address_is_judged_when_the_connection_is_made() -> None:
    asked = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    relay = Relay(AddressPolicy(), resolve=resolve)
    with pytest.raises(AddressRefused):
        relay.send(Call(method="GET", url="https://api.example.com/"), deadline=time.monotonic() + 5, idle_seconds=5)
    assert asked == ["api.example.com"]
    with pytest.raises(AddressRefused):
        relay.send(Call(method="GET", url="http://api.example.com/"), deadline=time.monotonic() + 5, idle_seconds=5)


@pytest.mark.requirement(125)
def test_tls_is_verified_by_name(serve: Serve, authority: Authority) -> None:
    server = serve(reply(b"{}"), context=authority.server_context("provider.example"))
    policy = AddressPolicy(allowed_hosts=frozenset({"provider.example", "other.example"}))
    relay = Relay(policy, ca_file=authority.ca_file, resolve=lambda _host, _port: ["127.0.0.1"])
    distrusting = Relay(policy, resolve=lambda _host, _port: ["127.0.0.1"])

    def ask_at(relay: Relay, host: str) -> bytes:
        call = Call(method="GET", url=f"https://{host}:{server.port}/")
        return b"".join(relay.send(call, deadline=time.monotonic() + 20, idle_seconds=20).read())

    assert ask_at(relay, "provider.example") == b"{}"
    for other, host in ((relay, "other.example"), (distrusting, "provider.example")):
        with pytest.raises(ProviderUnavailable, match="tls_failed"):
            ask_at(other, host)
    assert len(server.received) == 1


@pytest.mark.requirement(118)
def test_header_that_would_end_the_head_is_not_sent(relay: Relay, upstream: FakeUpstream) -> None:
    with pytest.raises(ValueError, match="line"):
        ask(relay, upstream, headers=(("X-A", "b\r\nX-Evil: 1"),))
    assert not upstream.arrived


@pytest.mark.requirement(117)
def test_own_headers_win_however_the_callers_are_spelled() -> None:
    given = [("x-shopify-access-token", "theirs"), ("X_Shopify_Access_Token", "theirs"), ("Accept", "a/b")]
    assert headers_up(given, own={"X-Shopify-Access-Token": "ours"}) == (
        ("Accept", "a/b"),
        ("X-Shopify-Access-Token", "ours"),
    )
