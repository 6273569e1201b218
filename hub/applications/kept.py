"""What a person had ticked on a page with a choice, kept in their session until they are back on it.

In their session, for an address that ticks could be an application's. Ticks stand on the page that they were made on,
once, and no longer than a form is good for.
"""

from collections.abc import Iterable
from typing import Any

from django.utils import timezone

from integrations.web.addresses import LONG_PATH_LIMIT, safe_path
from integrations.web.visitor import PersonRequest

NAME = "hub.applications.choice"
#: How long somebody may think about what they allow; what an application began is over by then.
GOOD_FOR_SECONDS = 3600
TICK_LENGTH = 100


def here(request: PersonRequest) -> str:
    """The address of this page, by which its ticks are known; empty if it is too long to be kept."""
    return safe_path(request.get_full_path(), limit=LONG_PATH_LIMIT)


def keep(request: PersonRequest, client_id: str, ticked: Iterable[str]) -> None:
    """Keep what is ticked here, instead of what was kept before."""
    request.session[NAME] = {
        "here": here(request),
        "client_id": client_id,
        "at": timezone.now().timestamp(),
        "ticked": [value for value in ticked if len(value) <= TICK_LENGTH],
    }


def take(request: PersonRequest, client_id: str) -> frozenset[str] | None:
    """What was ticked here, once; None: nobody left from here, or too long ago."""
    kept, page = _kept(request), here(request)
    if not page or (kept.get("here"), kept.get("client_id")) != (page, client_id):
        return None
    del request.session[NAME]
    return frozenset(kept["ticked"])


def address(request: PersonRequest) -> str:
    """The page that the person left; empty if there is none that they should come back to."""
    return str(_kept(request).get("here", ""))


def _kept(request: PersonRequest) -> dict[str, Any]:
    kept: dict[str, Any] = request.session.get(NAME, {})
    return kept if timezone.now().timestamp() - kept.get("at", 0) <= GOOD_FOR_SECONDS else {}
