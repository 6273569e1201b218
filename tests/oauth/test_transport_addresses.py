"""Both transports: whom they connect to, by what route, and who they believe it is."""

import os
from pathlib import Path
from typing import Any

import pytest

from integrations.oauth.address import AddressPolicy
from integrations.oauth.errors import AddressRefused, ProviderUnavailable
from tests.oauth.certificates import Authority
from tests.oauth.conftest import SECRET, Send, Serve, post
from tests.oauth.loopback import Loopback, reply


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
@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://provider.example/", "url_refused"),
        ("https://user@provider.example/", "url_refused"),
        ("https://provider.example:8443/", "port_refused"),
        ("https://intranet/", "host_refused"),
    ],
)
def test_a_url_that_is_not_plain_is_not_even_looked_up(send: Send, url: str, code: str) -> None:
    looked_up: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        looked_up.append(host)
        return []

    with pytest.raises(AddressRefused) as caught:
        send(post(url), resolve=resolve)

    assert (caught.value.code, looked_up) == (code, [])


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
