"""Which addresses the hub calls (RFC 9700 §4.13 and its kin): https, public, on an allowed port.

A URL is judged by its text before anything else, and every address it leads to at the moment of connecting,
so a name that changes its mind in between gains nothing. What an operator allow-lists is exempt from both,
but not from being a plain URL.
"""

import ipaddress
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from integrations.oauth.errors import AddressRefused

type Resolve = Callable[[str, int], list[str]]
type Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Strict on purpose: what does not match could be read differently by the parser that sends.
_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?:[/?][\x21\x24-\x3B\x3D\x3F-\x5B\x5D\x5F\x61-\x7A\x7E]*)?",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_DEFAULT_PORTS = {"https": 443, "http": 80}
_PUBLIC_IPV6 = ipaddress.IPv6Network("2000::/3")
_REFUSED_NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in (
        "168.63.129.16/32",  # Azure's host, a public address that only answers from inside
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        "2001::/23",  # IETF protocol assignments, Teredo among them
        "2002::/16",  # 6to4 carries any IPv4 address
    )
)


@dataclass(frozen=True, kw_only=True, slots=True)
class AddressPolicy:
    """`allowed_hosts` are names or IP addresses, with or without `:port`, that an operator exempts."""

    allowed_hosts: frozenset[str] = frozenset()
    allowed_ports: frozenset[int] = frozenset({443})

    def check_url(self, url: str) -> None:
        """Refuse a URL by its text alone; nothing is looked up.

        Raises:
            AddressRefused: not a plain https URL of a public host on an allowed port.
        """
        found = _URL.fullmatch(url)
        if found is None:
            raise AddressRefused("The URL is not a plain https URL.", code="url_refused")
        scheme = found["scheme"].lower()
        host = found["host"].lower().strip("[]")
        port = int(found["port"] or _DEFAULT_PORTS[scheme])
        if self._is_allowed(host, port):
            return
        if scheme != "https":
            raise AddressRefused("The URL is not https.", code="url_refused")
        if port not in self.allowed_ports:
            raise AddressRefused(f"Port {port} is not allowed.", code="port_refused")
        self._check_host(host, port)

    def check_address(self, host: str, ip: str, *, port: int = 443) -> None:
        """Refuse an address that `host` leads to, at the moment of connecting to it.

        Raises:
            AddressRefused: it is not a public address and the host is not allow-listed.
        """
        if self._is_allowed(host.lower(), port):
            return
        try:
            public = _is_public(ipaddress.ip_address(ip))
        except ValueError:
            public = False
        if not public:
            raise AddressRefused("The host has no public address.", code="address_refused")

    def _is_allowed(self, host: str, port: int) -> bool:
        return not self.allowed_hosts.isdisjoint((host, f"{host}:{port}", f"[{host}]:{port}"))

    def _check_host(self, host: str, port: int) -> None:
        labels = host.split(".")
        if ":" in host or _NUMBER.fullmatch(labels[-1]):
            # ipaddress takes dotted decimals only: decimal, octal and hexadecimal spellings end here.
            self.check_address(host, host, port=port)
        elif len(labels) < 2 or any(not label or label.startswith("xn--") for label in labels):
            raise AddressRefused("The host is not a public name.", code="host_refused")


def origin(url: str) -> str:
    """The scheme, host and port of a URL, without what could be private in the rest."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def resolve(host: str, port: int) -> list[str]:
    """Look a host up, blocking.

    Raises:
        OSError: it has no address.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def _is_public(address: Address) -> bool:
    if address.version == 6 and (address not in _PUBLIC_IPV6 or address.scope_id):
        # Outside 2000::/3 are ULA, link-local, IPv4-mapped and -compatible addresses and NAT64's
        # 64:ff9b::/96.
        return False
    if any(address.version == network.version and address in network for network in _REFUSED_NETWORKS):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)
