"""The rules of both transports: a provider can be slow, large, wrong or hostile, and the exchange still ends well."""

import gzip
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from integrations.oauth.address import AddressPolicy
from integrations.oauth.errors import AddressRefused, ProviderUnavailable, Remedy
from integrations.oauth.message import Request
from integrations.oauth.transport import Transport
from tests.oauth.certificates import Authority
from tests.oauth.conftest import LOOPBACK, Send
from tests.oauth.loopback import Loopback, drip, raw, reply, silence

type Serve = Callable[..., Loopback]

SECRET = "canary-secret-7d1f"
PUBLIC = AddressPolicy()


def post(url: str, body: bytes = b"grant_type=refresh_token") -> Request:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return Request(method="POST", url=url, headers=headers, body=body)


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
        time.sleep(1.0)
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
def test_a_refused_address_reads_the_same_whether_the_port_is_open_or_closed(send: Send, serve: Serve) -> None:
    open_port = serve(reply(SECRET.encode())).port
    closed = Loopback(reply(b""))
    with closed:
        pass
    messages = set()
    for port in (open_port, closed.port):
        policy = AddressPolicy(allowed_ports=frozenset({port}))
        with pytest.raises(AddressRefused) as caught:
            send(post(f"https://inside.example:{port}/"), policy=policy, resolve=lambda _host, _port: ["127.0.0.1"])
        messages.add((str(caught.value), caught.value.code))

    assert len(messages) == 1


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


@pytest.mark.requirement(124, 125)
@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"], ["::1"]])
def test_the_address_connected_to_is_judged_whatever_the_name_says(
    send: Send, serve: Serve, addresses: list[str]
) -> None:
    server = serve(reply(b"{}"))
    policy = AddressPolicy(allowed_ports=frozenset({server.port}))

    with pytest.raises(AddressRefused):
        send(
            post(f"https://provider.example:{server.port}/"),
            policy=policy,
            resolve=lambda _host, _port: addresses,
            deadline_seconds=2,
        )

    assert server.connections == 0


@pytest.mark.requirement(124)
@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/", "https://127.0.0.1:{port}/", "http://2130706433:{port}/"])
def test_an_address_in_the_url_is_judged_too(send: Send, serve: Serve, url: str) -> None:
    server = serve(reply(b"{}"))
    policy = AddressPolicy(allowed_ports=frozenset({server.port}))

    with pytest.raises(AddressRefused):
        send(post(url.format(port=server.port)), policy=policy)

    assert server.connections == 0


@pytest.mark.requirement(125)
def test_a_name_is_looked_up_once_and_the_judged_address_is_the_one_called(send: Send, serve: Serve) -> None:
    server = serve(reply(b"{}"))
    policy = AddressPolicy(allowed_hosts=frozenset({"provider.example"}))
    lookups: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        lookups.append(host)
        return ["127.0.0.1"] if len(lookups) == 1 else ["127.0.0.2"]

    response = send(post(f"http://provider.example:{server.port}/"), policy=policy, resolve=rebinding)

    assert (response.status, lookups) == (200, ["provider.example"])
    assert f"host: provider.example:{server.port}".encode() in server.received[0].lower()


@pytest.mark.requirement(125)
def test_tls_is_verified_by_name_though_the_connection_goes_to_an_address(
    send: Send, serve: Serve, authority: Authority
) -> None:
    server = serve(reply(b"{}"), context=authority.server_context("provider.example"))
    policy = AddressPolicy(allowed_hosts=frozenset({"provider.example", "other.example"}))
    options: dict[str, Any] = {
        "policy": policy,
        "ca_file": authority.ca_file,
        "resolve": lambda _host, _port: ["127.0.0.1"],
    }

    response = send(post(f"https://provider.example:{server.port}/"), **options)

    assert response.status == 200
    with pytest.raises(ProviderUnavailable) as caught:
        send(post(f"https://other.example:{server.port}/", SECRET.encode()), **options)
    assert caught.value.code == "tls_failed"
    assert len(server.received) == 1


@pytest.mark.requirement(35)
def test_an_untrusted_certificate_receives_nothing(send: Send, serve: Serve, authority: Authority) -> None:
    server = serve(reply(b"{}"), context=authority.server_context("provider.example"))
    policy = AddressPolicy(allowed_hosts=frozenset({"provider.example"}))

    with pytest.raises(ProviderUnavailable) as caught:
        send(
            post(f"https://provider.example:{server.port}/"),
            policy=policy,
            resolve=lambda _host, _port: ["127.0.0.1"],
        )

    assert caught.value.code == "tls_failed"
    assert server.received == []


@pytest.mark.requirement(127)
def test_proxies_and_passwords_of_the_environment_are_not_used(
    send: Send, serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    proxy = serve(reply(b"proxied"))
    server = serve(reply(b"direct"))
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login hub password canary\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    response = send(post(server.url))

    assert response.body == b"direct"
    assert b"authorization" not in server.received[0].lower()
    assert proxy.connections == 0


@pytest.mark.requirement(127)
def test_a_certificate_bundle_of_the_environment_is_not_used(
    send: Send, serve: Serve, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(reply(b"{}"), context=authority.server_context("provider.example"))
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setitem(os.environ, name, authority.ca_file)

    with pytest.raises(ProviderUnavailable):
        send(
            post(f"https://provider.example:{server.port}/"),
            policy=AddressPolicy(allowed_hosts=frozenset({"provider.example"})),
            resolve=lambda _host, _port: ["127.0.0.1"],
        )


def test_cookies_do_not_pass_from_one_exchange_to_the_next(serve: Serve) -> None:
    server = serve(reply(b"{}", headers="Set-Cookie: session=1; Path=/\r\n"))
    transport = Transport(LOOPBACK)

    for _ in range(2):
        transport.send(post(server.url))

    assert b"cookie" not in server.received[1].lower()


def test_a_connection_is_kept_and_its_deadline_is_of_each_exchange(serve: Serve) -> None:
    server = serve(reply(b"{}"), drip(b""))
    transport = Transport(LOOPBACK, deadline_seconds=0.3)
    transport.send(post(server.url))
    started = time.monotonic()

    with pytest.raises(ProviderUnavailable):
        transport.send(post(server.url))

    assert 0.25 < time.monotonic() - started < 1.0
    assert server.connections == 1


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
