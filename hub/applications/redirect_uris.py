"""Where an application may have people sent back to: https, or its own machine (RFC 8252 §7.3, RFC 9700 §4.1.3)."""

import re
from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from integrations.oauth.errors import printable

LIMIT = 20
LENGTH_LIMIT = 500
#: Printable ASCII without what a browser or another parser could read in its own way: what follows `]`, above all.
ADDRESS = re.compile(
    r"[a-z][a-z0-9+.-]*://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[1-9][0-9]{0,4})?(/[A-Za-z0-9._~!$&'()+,;=:@%/?-]*)?",
    re.ASCII,
)
LOOPBACK = "http://127.0.0.1"


class AddressRefused(ValueError):
    """An address that cannot be registered; the message says what to write instead."""


def check(address: str, *, loopback: bool) -> str:
    """The address, exactly as it was given; `loopback`: plain http on the person's own machine will do.

    Raises:
        AddressRefused
    """
    if len(address) > LENGTH_LIMIT:
        raise AddressRefused(_("An address has at most %(limit)d characters.") % {"limit": LENGTH_LIMIT})
    if "#" in address:
        raise AddressRefused(_("An address must not have a fragment (#…)."))
    try:
        parts = urlsplit(address)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise AddressRefused(_("This is not an address.")) from None
    if "@" in parts.netloc:
        raise AddressRefused(_("An address must not have a user name or a password in it."))
    if not ADDRESS.fullmatch(address) or not host:
        raise AddressRefused(_("Write the whole address, such as https://app.example.com/callback."))
    if parts.scheme == "https" or (loopback and parts.scheme == "http" and is_loopback(host)):
        return address
    if loopback:
        raise AddressRefused(_("An address begins with https://, or with %(own)s.") % {"own": LOOPBACK})
    raise AddressRefused(_("An address begins with https://."))


def faults(given: Iterable[str], *, kept: Collection[str], loopback: bool) -> list[str]:
    """What is wrong with which address; one that an application has already, `kept`, is not judged again."""
    found = []
    for address in sorted(set(given) - set(kept)):
        try:
            check(address, loopback=loopback)
        except AddressRefused as refused:
            found.append(f"{printable(address, limit=80)}: {refused}")
    return found


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its number: a name could be another's (RFC 8252 §8.3)."""
    return host in ("127.0.0.1", "::1")
