"""The catalogue: a provider is one TOML file under `catalog/`, data without code.

Why data: providers differ in the same few dozen facts, and a reader can compare files where nobody can
compare classes. What no field can say yet becomes a named field of `oauth.server.Dialect` first.

An operator's own entries stand in a folder of theirs, `HUB_CATALOGUE_DIRECTORY`, and are held to the same schema. It is
read from the environment, for this floor has no settings.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType

from integrations.providers.errors import (
    ApiUrlRefused,
    CatalogueError,
    FieldRefused,
    UnknownFeature,
    UnknownProvider,
    VariableRefused,
)
from integrations.providers.provider import Feature, Lookup, Provider
from integrations.providers.schema import parse
from integrations.providers.variable import Kind, Variable

__all__ = (
    "PROVIDERS",
    "ApiUrlRefused",
    "CatalogueError",
    "Feature",
    "FieldRefused",
    "Kind",
    "Lookup",
    "Provider",
    "UnknownFeature",
    "UnknownProvider",
    "Variable",
    "VariableRefused",
    "get",
    "parse",
    "read_catalogue",
)


def read_catalogue(own: str = "") -> Mapping[str, Provider]:
    """Read every entry: those shipped, and those in the folder `own`.

    Raises:
        CatalogueError: an entry is wrong, or one of `own` has the name of one that is shipped.
    """
    found: dict[str, Provider] = {}
    for entry in _entries(own):
        slug = entry.name.removesuffix(".toml")
        if slug in found:
            raise CatalogueError(f"{entry}: the catalogue has a {slug} already")
        found[slug] = _read_entry(entry)
    return MappingProxyType(dict(sorted(found.items())))


def _entries(own: str) -> Iterator[Traversable]:
    yield from files(__name__).joinpath("catalog").iterdir()
    if own:
        yield from Path(own).glob("*.toml")


def _read_entry(entry: Traversable) -> Provider:
    try:
        document = tomllib.loads(entry.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"catalog/{entry.name}: {error}") from error
    return parse(document, entry.name.removesuffix(".toml"))


PROVIDERS: Mapping[str, Provider] = read_catalogue(os.environ.get("HUB_CATALOGUE_DIRECTORY", ""))


def get(slug: str) -> Provider:
    """Find an entry.

    Raises:
        UnknownProvider: the catalogue has none of that slug.
    """
    try:
        return PROVIDERS[slug]
    except KeyError:
        raise UnknownProvider(f"the catalogue has no provider {slug!r}") from None
