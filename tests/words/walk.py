"""Every address of the hub, read from its URL patterns, so that a new page is visited without being named."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver, reverse

#: For operators, in English; for programs.
NOT_FOR_PEOPLE = ("admin", "sandbox", "api-v1")
#: For those who work on the hub, in English too.
NOT_TRANSLATED = ("style",)
NAMED = re.compile(r"\(\?P<(\w+)>")


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """A URL pattern by name, and the parameters it takes."""

    name: str
    parameters: frozenset[str]

    def __str__(self) -> str:
        return self.name

    def path(self, values: Mapping[str, object]) -> str:
        """Raises KeyError for a parameter that `values` does not have."""
        return reverse(self.name, kwargs={name: values[name] for name in self.parameters})


def addresses() -> list[Address]:
    found = {address.name: address for address in _walk(get_resolver(), namespaces=(), parameters=frozenset())}
    return sorted(found.values(), key=str)


def _walk(resolver: URLResolver, *, namespaces: tuple[str, ...], parameters: frozenset[str]) -> Iterator[Address]:
    for entry in resolver.url_patterns:
        taken = parameters | {*entry.pattern.converters, *NAMED.findall(str(entry.pattern))}
        if isinstance(entry, URLResolver):
            inner = (*namespaces, entry.namespace) if entry.namespace else namespaces
            if not set(inner) & set(NOT_FOR_PEOPLE):
                yield from _walk(entry, namespaces=inner, parameters=taken)
        elif isinstance(entry, URLPattern) and entry.name and entry.name not in NOT_TRANSLATED:
            yield Address(name=":".join((*namespaces, entry.name)), parameters=taken)
