"""The catalogue: a provider is one TOML file under `catalog/`, data without code.

Why data: providers differ in the same few dozen facts, and a reader can compare files where nobody can
compare classes. What no field can say yet becomes a named field of `oauth.server.Dialect` first.
"""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
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
)


def _read_catalogue() -> Mapping[str, Provider]:
    names = sorted(entry.name for entry in files(__name__).joinpath("catalog").iterdir())
    return MappingProxyType({name.removesuffix(".toml"): _read_entry(name) for name in names})


def _read_entry(name: str) -> Provider:
    text = files(__name__).joinpath("catalog", name).read_text(encoding="utf-8")
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"catalog/{name}: {error}") from error
    return parse(document, name.removesuffix(".toml"))


PROVIDERS: Mapping[str, Provider] = _read_catalogue()


def get(slug: str) -> Provider:
    """Find an entry.

    Raises:
        UnknownProvider: the catalogue has none of that slug.
    """
    try:
        return PROVIDERS[slug]
    except KeyError:
        raise UnknownProvider(f"the catalogue has no provider {slug!r}") from None
