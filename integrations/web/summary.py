"""A few lines about a provider's JSON answer, for a person to see that it is theirs."""

import json
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from integrations.oauth.errors import printable

ITEMS_SHOWN = 10
FIELDS_SHOWN = 4
TEXT_LIMIT = 160


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """Lines to show, and how many there were; no lines: the answer was not JSON, or empty."""

    lines: tuple[str, ...] = ()
    total: int = 0

    @property
    def left_out(self) -> int:
        return self.total - len(self.lines)


def summarise(text: str) -> Summary:
    """The items of the first list in a JSON answer, or its fields; what is nested deeper is left out."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return Summary()
    items = _items(value)
    return Summary(lines=tuple(_line(item) for item in items[:ITEMS_SHOWN]), total=len(items))


def _items(value: object) -> list[object]:
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        return [value]
    for member in value.values():
        if isinstance(member, list):
            return member
    return [{name: member} for name, member in value.items() if not isinstance(member, dict)]


def _line(item: object) -> str:
    if not isinstance(item, dict):
        return _text(item)
    flat = [(name, value) for name, value in item.items() if not isinstance(value, dict | list)]
    return " · ".join(f"{_text(name)}: {_text(value)}" for name, value in flat[:FIELDS_SHOWN])


def _text(value: object) -> str:
    match value:
        case None:
            return _("none")
        case bool():
            return _("yes") if value else _("no")
        case dict() | list():
            return ngettext("%(count)d entry", "%(count)d entries", len(value)) % {"count": len(value)}
        case _:
            return printable(str(value), limit=TEXT_LIMIT)
