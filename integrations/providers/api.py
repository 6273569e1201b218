"""Where a provider's token may be sent: canonical addresses on allow-listed origins, nothing else."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import SplitResult, quote, unquote, urlsplit

from integrations.providers.errors import ApiUrlRefused
from integrations.providers.template import fill, names_in

_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_PORTS = {"https": 443, "http": 80}


def join(base_url: str, path: str, values: Mapping[str, str], kept: Mapping[str, str]) -> str:
    """Build the address of a path on the API. Kept values are quoted, unless they stand for the whole origin.

    Raises:
        ApiUrlRefused: a value is missing, or the path would leave the base path.
    """
    base = _fill(base_url, values, kept).rstrip("/")
    tail = _fill(path, values, kept)
    if tail[:1] not in ("", "/", "?"):
        raise ApiUrlRefused(f"a path on the API begins with a slash: {tail[:80]!r}")
    _refuse_tricks(tail)
    return base + tail


def check(url: str, *, origins: Iterable[str]) -> None:
    """Pass only an address on one of the origins: same scheme, same port, host as listed.

    In a listed host `*` stands for one label, `**` for one or more.

    Raises:
        ApiUrlRefused: the token must not go there.
    """
    if not _PRINTABLE.fullmatch(url) or "\\" in url or "#" in url:
        raise ApiUrlRefused("the address has characters that an address cannot have")
    parts = urlsplit(url)
    _refuse_tricks(parts.path or "/")
    if "@" in parts.netloc or not any(_is_on(parts, origin) for origin in origins):
        raise ApiUrlRefused(f"{parts.hostname or 'the address'} is not an address of this provider's API")


def _fill(template: str, values: Mapping[str, str], kept: Mapping[str, str]) -> str:
    ready = dict(values)
    for name in names_in(template) - values.keys():
        value = kept.get(name, "")
        if not value:
            raise ApiUrlRefused(f"{name} is not known for this connection: reconnect it")
        ready[name] = value.rstrip("/") if template.startswith(f"{{{name}}}") else quote(value, safe="")
    return fill(template, ready)


def _refuse_tricks(tail: str) -> None:
    path = tail.partition("?")[0]
    decoded = path
    while (again := unquote(decoded)) != decoded:
        decoded = again
    segments = re.split(r"[/;]", decoded)
    if "\\" in decoded or "//" in path or not decoded.isprintable() or {".", ".."} & set(segments):
        raise ApiUrlRefused("the path would leave the provider's API")


def _is_on(parts: SplitResult, origin: str) -> bool:
    allowed = urlsplit(origin if "://" in origin else f"https://{origin}")
    if parts.scheme != allowed.scheme or parts.scheme not in _PORTS:
        return False
    try:
        same_port = (parts.port or _PORTS[parts.scheme]) == (allowed.port or _PORTS[allowed.scheme])
    except ValueError:
        return False
    return same_port and _is_host(parts.hostname or "", allowed.hostname or "")


def _is_host(host: str, pattern: str) -> bool:
    one, many = r"[a-z0-9-]+", r"[a-z0-9-]+(?:\.[a-z0-9-]+)*"
    expression = re.escape(pattern).replace(r"\*\*", many).replace(r"\*", one)
    return re.fullmatch(expression, host) is not None
