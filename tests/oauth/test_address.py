"""Which addresses the hub calls."""

import pytest

from integrations.oauth.address import AddressPolicy
from integrations.oauth.errors import AddressRefused, Remedy

PUBLIC = AddressPolicy()

REFUSED_URLS = [
    "http://provider.example/token",
    "http://provider.example:443/token",
    "ftp://provider.example/token",
    "file:///etc/passwd",
    "//provider.example/token",
    "https:provider.example",
    "https:///token",
    "https://",
    "https://user@provider.example/",
    "https://user:password@provider.example/",
    "https://provider.example/token#fragment",
    "https://provider.example:8443/",
    "https://provider.example:22/",
    "https://provider.example:99999/",
    "https://provider.example\\@127.0.0.1/",
    "https://provider.example\t/",
    "https://provider.example/a b",
    "https://provider.example/\r\nHost: x",
    "https://provider.example/token\n",
    " https://provider.example/",
    "https://localhost/",
    "https://intranet/",
    "https://provider.example./",
    "https://provider..example/",
    "https://prövider.example/",
    "https://xn--prvider-90a.example/",
    "https://provider.xn--p1ai/",
    "https://①②⑦.0.0.1/",
    "https://provider%2eexample/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://127.0.0.0x1/",
    "https://8.8.010.8/",
    "https://10.0.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://0.0.0.0/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:8.8.8.8]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fc00::1]/",
]

REFUSED_ADDRESSES = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:1::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "2a00:1450:4001::1%eth0",
    "fec0::1",
    "ff02::1",
    "not an address",
    "",
]


@pytest.mark.requirement(124)
@pytest.mark.parametrize("url", REFUSED_URLS)
def test_a_url_that_is_not_plain_public_https_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused) as caught:
        PUBLIC.check_url(url)

    assert caught.value.remedy is Remedy.OPERATOR


@pytest.mark.parametrize(
    "url",
    [
        "https://provider.example",
        "https://provider.example/token",
        "https://provider.example:443/token?tenant=a%20b",
        "https://PROVIDER.example/a/b_c~d;e=f/@g",
        "https://8.8.8.8/token",
        "https://[2606:4700::1111]/token",
    ],
)
def test_a_plain_public_https_url_is_accepted(url: str) -> None:
    PUBLIC.check_url(url)


@pytest.mark.requirement(124)
@pytest.mark.parametrize("address", REFUSED_ADDRESSES)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(AddressRefused):
        PUBLIC.check_address("provider.example", address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450::1"])
def test_a_public_address_is_accepted(address: str) -> None:
    PUBLIC.check_address("provider.example", address)


@pytest.mark.requirement(124)
def test_an_operator_may_exempt_a_host_on_one_port_only() -> None:
    policy = AddressPolicy(allowed_hosts=frozenset({"127.0.0.1:8000", "gitlab.internal"}))

    policy.check_url("http://127.0.0.1:8000/oauth/token")
    policy.check_url("http://gitlab.internal:8080/")
    policy.check_address("127.0.0.1", "127.0.0.1", port=8000)
    policy.check_address("gitlab.internal", "10.0.0.7")

    with pytest.raises(AddressRefused):
        policy.check_url("http://127.0.0.1:8001/oauth/token")
    with pytest.raises(AddressRefused):
        policy.check_address("127.0.0.1", "127.0.0.1", port=22)
    with pytest.raises(AddressRefused):
        policy.check_address("provider.example", "10.0.0.7")


@pytest.mark.requirement(124)
@pytest.mark.parametrize("url", ["http://user@127.0.0.1/", "http://127.0.0.1/#f", "gopher://127.0.0.1/"])
def test_an_exempt_host_still_needs_a_plain_url(url: str) -> None:
    with pytest.raises(AddressRefused):
        AddressPolicy(allowed_hosts=frozenset({"127.0.0.1"})).check_url(url)


def test_an_exempt_ipv6_host_is_known_with_its_brackets() -> None:
    AddressPolicy(allowed_hosts=frozenset({"[::1]:8000"})).check_url("http://[::1]:8000/token")
