"""What a caller may ask for below a provider's API: a path and a query, read once, and sent as they were read.

A server in front of the hub has decoded the path once. Here the rest is judged, and written again in the one way that
leaves nothing to read twice: what has no meaning in a path is encoded. `%2F` in what was decoded once stays an encoded
slash, for addresses that need one; anything else that is still encoded is text, and sent as such.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, unquote_plus

from integrations.providers.errors import ApiUrlRefused

PATH_LIMIT = 8192
SAFE_IN_PATH = "/!$&'()*+,;=:@-._~"
SAFE_IN_QUERY = SAFE_IN_PATH + "?%[]"
#: A token in an address ends up in logs; which one, is for the hub to say.
TOKEN_NAMES = frozenset(("access_token", "oauth_token"))
#: Parameters by which some APIs take one method for another, or answer with more than what the path names.
FURTHER = frozenset(("_method", "$httpmethod", "http_method", "httpmethod", "x-http-method-override", "$expand"))
_ENCODED_SLASH = re.compile(r"%2f", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """`path` begins with a slash or is empty, and is of ASCII, as `query` is; neither has what a parser could move."""

    path: str
    query: str = field(default="", repr=False)

    @property
    def written(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def reaches_further(self) -> bool:
        """Whether the query makes another call of it than method and path say."""
        return not FURTHER.isdisjoint(_names_in(self.query))


def read(path: bytes, query: str = "") -> Target:
    """Judge a path that was decoded once, empty or from its first slash on, and a query as it came.

    Raises:
        ApiUrlRefused: it could lead elsewhere, cannot be read in one way alone, or carries a token.
    """
    if len(path) + len(query) > PATH_LIMIT:
        raise ApiUrlRefused(f"the address is longer than {PATH_LIMIT} characters")
    try:
        text = path.decode()
        _refuse_what_moves(text)
    except UnicodeDecodeError:
        raise ApiUrlRefused("the path is not UTF-8") from None
    return Target(path=_written(text), query=_query(query))


def _refuse_what_moves(text: str) -> None:
    # Some decode more often than they should, and some take characters that look alike for one another.
    decoded = text
    for _ in range(len(text)):
        again = unquote(decoded, errors="strict") if "%" in decoded else decoded
        if again == decoded:
            break
        decoded = again
    if text and not text.startswith("/"):
        raise ApiUrlRefused("the path does not begin with a slash")
    plain = decoded if decoded.isascii() else unicodedata.normalize("NFKC", decoded)
    if not decoded.isprintable() or "\\" in plain:
        raise ApiUrlRefused("the path has characters that a path cannot have")
    if "//" in text or plain.count("/") != decoded.count("/"):
        raise ApiUrlRefused("the path has an empty segment")
    if {".", ".."} & {segment.strip() for segment in re.split(r"[/;]", plain)}:
        raise ApiUrlRefused("the path would leave the provider's API")


def _written(text: str) -> str:
    parts = _ENCODED_SLASH.split(text)
    return "%2F".join(quote(part, safe=SAFE_IN_PATH) for part in parts)


def _query(query: str) -> str:
    if not query.isprintable():
        raise ApiUrlRefused("the query has characters that a query cannot have")
    if not TOKEN_NAMES.isdisjoint(_names_in(query)):
        raise ApiUrlRefused("the query carries a token; the hub adds the connection's own as a header")
    return quote(query.encode("latin-1", "replace"), safe=SAFE_IN_QUERY)


def _names_in(query: str) -> set[str]:
    return {unquote_plus(pair.partition("=")[0]).strip().lower() for pair in re.split("[&;]", query)}
