"""Whether the scope that the hub asks for is well formed, and known to the provider."""

import re
from collections import Counter
from collections.abc import Iterator

from integrations.flows.check_finding import Finding, found
from integrations.providers.provider import Provider

_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_SEPARATORS = {" ": "blanks", ",": "commas", "+": "plus signs", ";": "semicolons"}


def check_scope(
    provider: Provider, extra_scope: str, *, separator: str, supported: frozenset[str] | None
) -> Iterator[Finding]:
    """The scope of all features and of the registration; `supported` is what the metadata lists."""
    features = provider.base_scope.union(*(feature.scope for feature in provider.features))
    extra = extra_scope.split()
    problems = [*_extra(extra, known=provider.base_scope | provider.minimum.scope)]
    if extra_scope and extra_scope != " ".join(extra):
        problems.append(found("scope_blank"))
    yield from problems
    if not problems:
        count = len(features | set(extra))
        yield found("scope_ok", count=count, separator=_SEPARATORS.get(separator, repr(separator)))
    unlisted = sorted((features | set(extra)) - (supported or frozenset())) if supported is not None else []
    if unlisted:
        yield found("scope_not_listed", about=" ".join(unlisted))


def _extra(tokens: list[str], *, known: frozenset[str]) -> Iterator[Finding]:
    for token, times in Counter(tokens).items():
        if not _TOKEN.fullmatch(token):
            yield found("scope_malformed", about=token)
        elif re.search(r"[,;]", token):
            yield found("scope_delimiter", about=token)
        elif times > 1 or token in known:
            yield found("scope_repeated", about=token)
