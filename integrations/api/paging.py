"""Pages of a list: `next` is where the following one begins, for this API alone to understand."""

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from ninja import Field, Query

from integrations.api.problem import Misfit

LIMIT = 100
SALT = "integrations.api.paging"

Limit = Annotated[int, Query(ge=1, le=LIMIT, description="How many at most.")]
After = Annotated[str, Query(max_length=200, description="`next` of the page before.")]
Next = Annotated[
    str | None, Field(description="Send it as `after`, for what follows; null: that is all.", examples=["WzQyXQ:1vOk"])
]


def position(after: str, *, of: str) -> int:
    """The place where a list goes on; zero: the beginning. `of` names the list.

    Raises:
        Misfit: not a cursor of this list.
    """
    if not after:
        return 0
    try:
        name, place = signing.loads(after, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError):
        name, place = "", 0
    if name != of or not isinstance(place, int):
        raise Misfit("query", "after", "This is no `next` of this list.")
    return place


def cursor(place: int, *, of: str) -> str:
    """Where a list goes on after `place`."""
    return signing.dumps([of, place], salt=SALT)


def cut[Row](rows: Sequence[Row], limit: int) -> tuple[Sequence[Row], bool]:
    """A page of at most `limit` of the rows, of which one more was asked for; and whether there was one more."""
    return rows[:limit], len(rows) > limit


def link_next(request: HttpRequest, response: HttpResponse, after: str) -> None:
    """Say the same in the header (RFC 8288)."""
    query: dict[str, Any] = {**request.GET.dict(), "after": after}
    response["Link"] = f'<{settings.SITE_URL}{request.path}?{urlencode(query)}>; rel="next"'
