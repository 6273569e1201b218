"""Pages of a list: `next` is where the following one begins, for this API alone to understand.

Places are numbers of rows, which would tell how much goes on here: what is given out is sealed, and the same each time.
"""

import hmac
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac
from ninja import Field, Query

from integrations.api.problem import Misfit

LIMIT = 100
SALT = "integrations.api.paging"
TAG_BYTES, PLACE_BYTES = 16, 8

Limit = Annotated[int, Query(ge=1, le=LIMIT, description="How many at most.")]
After = Annotated[str, Query(max_length=200, description="`next` of the page before.")]
Next = Annotated[
    str | None,
    Field(description="Send it as `after`, for what follows; null: that is all.", examples=["bGlzdC4uLi4uLi4uLi4u…"]),
]


def position(after: str, *, of: str) -> int:
    """The place where a list goes on; zero: the beginning. `of` names the list.

    Raises:
        Misfit: not a cursor of this list.
    """
    if not after:
        return 0
    try:
        sealed = b64decode(after, altchars=b"-_", validate=True)
    except ValueError:
        sealed = b""
    tag, hidden = sealed[:TAG_BYTES], sealed[TAG_BYTES:]
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        place = int.from_bytes(hidden) ^ _mask(tag, key=key)
        if len(hidden) == PLACE_BYTES and hmac.compare_digest(tag, _tag(place, of=of, key=key)):
            return place
    raise Misfit("query", "after", "This is no `next` of this list.")


def cursor(place: int, *, of: str) -> str:
    """Where a list goes on after `place`; also a name of the row there, always the same."""
    tag = _tag(place, of=of, key=settings.SECRET_KEY)
    hidden = (place ^ _mask(tag, key=settings.SECRET_KEY)).to_bytes(PLACE_BYTES)
    return urlsafe_b64encode(tag + hidden).decode()


def _tag(place: int, *, of: str, key: str | bytes) -> bytes:
    """Proof that we gave a place out. It tells nothing of the place, and what hides that comes from it (RFC 5297)."""
    return salted_hmac(f"{SALT}.tag", f"{of}:{place}", secret=key, algorithm="sha256").digest()[:TAG_BYTES]


def _mask(tag: bytes, *, key: str | bytes) -> int:
    mask = salted_hmac(f"{SALT}.mask", tag, secret=key, algorithm="sha256").digest()
    return int.from_bytes(mask[:PLACE_BYTES])


def cut[Row](rows: Sequence[Row], limit: int) -> tuple[Sequence[Row], bool]:
    """A page of at most `limit` of the rows, of which one more was asked for; and whether there was one more."""
    return rows[:limit], len(rows) > limit


def link_next(request: HttpRequest, response: HttpResponse, after: str) -> None:
    """Say the same in the header (RFC 8288)."""
    query: dict[str, Any] = {**request.GET.dict(), "after": after}
    response["Link"] = f'<{settings.SITE_URL}{request.path}?{urlencode(query)}>; rel="next"'
