"""Read TOML into frozen dataclasses by their type hints: unknown keys and wrong types are refused."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from types import UnionType
from typing import Any, Literal, TypeAliasType, get_args, get_origin, get_type_hints

from integrations.providers.errors import CatalogueError
from integrations.providers.template import names_in


def build[Built](cls: type[Built], table: object, *, where: str) -> Built:
    """Make a dataclass of a TOML table.

    Raises:
        CatalogueError: names the file and field that is unknown, missing or of the wrong type.
    """
    if not isinstance(table, dict):
        raise CatalogueError(f"{where}: must be a table")
    hints = get_type_hints(cls)
    known = {field.name: field for field in fields(cls)}  # type: ignore[arg-type]
    for key in table:
        if key not in known:
            raise CatalogueError(f"{where}.{key}: unknown field")
    for name, field in known.items():
        if name not in table and field.default is MISSING and field.default_factory is MISSING:
            raise CatalogueError(f"{where}.{name}: missing")
    return cls(**{key: _read(hints[key], value, f"{where}.{key}") for key, value in table.items()})


def _read(hint: Any, value: object, where: str) -> Any:
    if isinstance(hint, TypeAliasType):
        return _read(hint.__value__, value, where)
    origin = get_origin(hint)
    if origin is UnionType:
        return _read(next(arm for arm in get_args(hint) if arm is not type(None)), value, where)
    if origin is Literal:
        return _read_choice(get_args(hint), value, where)
    if origin in {tuple, frozenset}:
        return origin(_read_items(get_args(hint)[0], value, where))
    if origin is Mapping:
        return _read_mapping(get_args(hint)[1], value, where)
    if isinstance(hint, type) and is_dataclass(hint):
        return build(hint, value, where=where)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint(_read_choice(tuple(hint), value, where))
    if type(value) is not hint:
        raise CatalogueError(f"{where}: must be {hint.__name__}, is {type(value).__name__}")
    return value


def _read_choice(choices: tuple[str, ...], value: object, where: str) -> str:
    if not isinstance(value, str) or (value not in choices and not names_in(value)):
        raise CatalogueError(f"{where}: must be one of {', '.join(choices)}")
    return value


def _read_items(hint: Any, value: object, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise CatalogueError(f"{where}: must be a list")
    return [_read(hint, item, f"{where}[{index}]") for index, item in enumerate(value)]


def _read_mapping(hint: Any, value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise CatalogueError(f"{where}: must be a table")
    return {key: _read(hint, item, f"{where}.{key}") for key, item in value.items()}
