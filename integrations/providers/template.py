"""Addresses and fields with `{names}` in them, and the filling in.

Names in `RESERVED` belong to the client that sends the request and pass through untouched.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

RESERVED = frozenset({"token", "client_id"})
_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")


def names_in(template: str) -> frozenset[str]:
    """List what a template wants filled in."""
    return frozenset(_PLACEHOLDER.findall(template)) - RESERVED


def fill(template: str, values: Mapping[str, str]) -> str:
    """Put values into a template in one pass; a name without a value stays as it is."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)


def fill_all[Filled](value: Filled, values: Mapping[str, str]) -> Filled:
    """Fill every string within a frozen value."""
    return _fill(value, values)  # type: ignore[no-any-return]


def strings_in(value: object) -> Iterator[str]:
    """Walk every string within a frozen value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from strings_in(item)
    elif isinstance(value, tuple | frozenset):
        for item in value:
            yield from strings_in(item)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from strings_in(getattr(value, field.name))


def _fill(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return fill(value, values)
    if isinstance(value, Mapping):
        return {key: _fill(item, values) for key, item in value.items()}
    if isinstance(value, tuple | frozenset):
        return type(value)(_fill(item, values) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        changed = {field.name: _fill(getattr(value, field.name), values) for field in fields(value)}
        return replace(value, **changed)
    return value
