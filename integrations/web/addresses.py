"""Where a page may send the browser: paths of our own, or a provider's authorization endpoint."""

import unicodedata
from urllib.parse import urlencode, urlsplit

from django.http import HttpResponseRedirect
from django.utils.encoding import iri_to_uri
from django.utils.http import url_has_allowed_host_and_scheme

#: As much as is stored of where an attempt to connect goes on (AuthorizationRequest.return_to).
PATH_LIMIT = 2000
#: An authorization request of an application that keeps much in its `state`: to sign in first must not lose it.
LONG_PATH_LIMIT = 8000


class HttpResponseSeeOther(HttpResponseRedirect):
    """303: the next request is a GET, whatever this one was (RFC 9700 §4.12)."""

    status_code = 303


def safe_path(value: str, *, limit: int = PATH_LIMIT) -> str:
    """The path, if it can lead nowhere but to a page of this site; else the empty text."""
    # As it goes into a header.
    if not value.startswith("/") or value.startswith("//") or len(iri_to_uri(value)) > limit:
        return ""
    if "\\" in value or any(character.isspace() or unicodedata.category(character)[0] == "C" for character in value):
        return ""
    # What follows the path has no say in where it leads, and Django judges no more than 2048 characters.
    path = value.partition("?")[0].partition("#")[0]
    if _hides_an_authority(path) or not url_has_allowed_host_and_scheme(path, allowed_hosts=None):
        return ""
    return value


def with_next(path: str, *, next_path: str) -> str:
    """Add `next` to an address of ours."""
    if not next_path:
        return path
    return f"{path}{'&' if '?' in path else '?'}{urlencode({'next': next_path})}"


def origin_of(url: str) -> str:
    """Scheme, host and port; the empty text for what a browser must not be sent to."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("https", "http") and parts.netloc else ""


def _hides_an_authority(path: str) -> bool:
    # Somebody downstream may decode once more: /%09/evil, /%2f/evil and /%5cevil must stay harmless then, too. In a
    # query a line break is data, such as an application's `state`; a header takes it as it stands here, encoded.
    path = path.lower()
    return path.startswith(("/%2f", "/%5c", "/%0", "/%1")) or "%0d" in path or "%0a" in path
