"""How an application is called where two of the same name must not be taken for one: anybody may register any name."""

import re
from functools import lru_cache
from hashlib import sha256

from integrations.oauth.errors import printable

#: How the activity names an application begins so: no user and no command has such a name.
APPLICATION = "application: "
#: So many characters of a client_id: it is the hub that makes them, at random.
MARK_LENGTH = 8
# Together with the rest shorter than what a page shows of a name, so that no mark is ever cut off.
NAME_LIMIT = 90
#: What can stand for itself beside others; `…` is the mark of what was cut.
_PLAIN = re.compile(r"[^\s…()\[\]]+")
_DIGITS = 12


def mark_of(client_id: str) -> str:
    """What tells an application of the hub from any other, short enough to compare by eye."""
    return printable(client_id[:MARK_LENGTH])


def told_apart(name: str, client_id: str) -> str:
    """An application of the hub by its name, with its mark; whatever it is called, the mark is the last word."""
    return f"{printable(name or client_id, limit=NAME_LIMIT)}{ending(client_id)}"


def ending(client_id: str) -> str:
    """What every name of an application of the hub ends with, whatever it was called at the time."""
    return f" [{mark_of(client_id)}]"


@lru_cache(maxsize=1024)
def as_actor(name: str, client_id: str, *, issuer: str = "", subject: str = "") -> str:
    """An application as the activity has it; another issuer's by its `client_id`, whom it is for, and the issuer."""
    if not issuer:
        return f"{APPLICATION}{told_apart(name, client_id)}"
    whom = f" ({_distinct(subject, limit=36)})" if subject else ""
    return f"{APPLICATION}{_distinct(client_id, limit=30)}{whom} [{printable(issuer.partition('://')[2][-34:])}]"


def _distinct(text: str, *, limit: int) -> str:
    """What another issuer calls somebody, as it is; or, if it is long or odd, its beginning and a hash of all of it."""
    shown = printable(text, limit=limit)
    if shown == text and _PLAIN.fullmatch(text):
        return shown
    return f"{shown[: limit - _DIGITS - 1]}…{sha256(text.encode()).hexdigest()[:_DIGITS]}"
