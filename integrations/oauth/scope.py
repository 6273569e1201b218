"""Scope (RFC 6749 §3.3): a set inside, text on the wire."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from integrations.oauth.message import Json

SCOPE_LIMIT = 1_000
# scope-token of §3.3, with a length: printable ASCII without space, quotation mark and backslash.
_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]{1,300}")
_ANY_SEPARATOR = re.compile(r"[\s,;]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class ScopeDifference:
    """What was granted beside what was asked for."""

    granted: frozenset[str]
    missing: frozenset[str]
    unrequested: frozenset[str]


def read_scope(value: Json, *, separator: str = "", aliases: Mapping[str, str] | None = None) -> frozenset[str] | None:
    """Read a granted scope, text or JSON list; None when there is none to read. Tokens outside §3.3's
    characters go.

    `separator` empty accepts spaces, commas and semicolons; `aliases` maps the provider's spelling back to
    ours.
    """
    if isinstance(value, list):
        tokens = [token for token in value if isinstance(token, str)]
    elif isinstance(value, str):
        tokens = _split(value, separator)
    else:
        return None
    known = aliases or {}
    clean = (token.strip() for token in tokens[:SCOPE_LIMIT])
    return frozenset(known.get(token, token) for token in clean if _SCOPE_TOKEN.fullmatch(token))


def compare_scope(requested: frozenset[str], granted: frozenset[str] | None) -> ScopeDifference:
    """Compare; a response without scope granted what was asked (RFC 6749 §5.1). Unrequested scope is for the
    audit."""
    actual = requested if granted is None else granted
    return ScopeDifference(granted=actual, missing=requested - actual, unrequested=actual - requested)


def _split(value: str, separator: str) -> list[str]:
    if not separator:
        return _ANY_SEPARATOR.split(value)
    return value.split() if separator.isspace() else value.split(separator)
