"""What tells one instance of a provider from another: a host, a tenant, a shop.

Values end up in hosts and paths of addresses that receive secrets. So each variable has a kind, which sets
the outer bounds of a value, and the entry's own pattern narrows it further. An operator answers for everybody when
registering the hub; where one registration is good for all tenants of a provider, the variable is `asked` of the person
who connects, within narrower bounds: what they enter may choose among the provider's own addresses, and no other.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal
from urllib.parse import urlsplit

from integrations.providers.errors import VariableRefused

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PORT = r"(?::[1-9][0-9]{0,4})?"
_HOST = rf"(?=[^:]{{1,253}}(?::|\Z))(?:{_LABEL}\.)+(?![0-9]+(?::|\Z)){_LABEL}{_PORT}"
_LITERAL_END = re.compile(r"(?:\\\.[a-z0-9-]+)+\Z")
_LOOPBACK = rf"(?:localhost|127\.0\.0\.1|\[::1\]){_PORT}"
_ORIGIN = rf"(?:https://{_HOST}|https?://{_LOOPBACK})"


class Kind(StrEnum):
    """What a value may be used for; the schema lets a `WORD` into a path, never into a host."""

    LABEL = "label"
    HOST = "host"
    ORIGIN = "origin"
    URL = "url"
    WORD = "word"


_ALLOWED = {
    Kind.LABEL: re.compile(_LABEL),
    Kind.HOST: re.compile(_HOST),
    Kind.ORIGIN: re.compile(_ORIGIN),
    Kind.URL: re.compile(rf"{_ORIGIN}(?:/[A-Za-z0-9._~:@!$&'()*+,;=/-]*)?"),
    Kind.WORD: re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9_-])?"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Variable:
    """One question; `help` says what to enter and is shown again when a value is refused.

    `asked`: of the operator, or, where the operator leaves it empty, of each person who connects.
    """

    name: str
    title: str
    help: str
    asked: Literal["operator", "person"] = "operator"
    kind: Kind = Kind.WORD
    pattern: str = ""
    choices: tuple[str, ...] = ()
    default: str = ""
    example: str = ""
    required: bool = True

    @property
    def is_personal(self) -> bool:
        """Whether each person answers it, unless an operator has."""
        return self.asked == "person"

    @property
    def domain(self) -> str:
        """What every value ends in, as the pattern writes it out at its end: ".example.com"; empty: nothing."""
        end = _LITERAL_END.search(self.pattern)
        return end[0].replace("\\", "") if end else ""

    def validate(self, value: str) -> str:
        """Return the value to use: the default when none is given.

        Raises:
            VariableRefused: the value is missing or does not fit; show `help` beside the field.
        """
        value = value or self.default
        if not value and not self.required:
            return ""
        if not self._fits(value):
            raise VariableRefused(self.name, self.help)
        return value

    def _fits(self, value: str) -> bool:
        if self.choices:
            return value in self.choices
        if not _ALLOWED[self.kind].fullmatch(value) or ".." in value:
            return False
        if self.kind in {Kind.HOST, Kind.ORIGIN, Kind.URL} and not _has_good_port(value):
            return False
        # Whatever else the pattern lets through, an alternative in it for one.
        if self.is_personal and self.kind is Kind.HOST and not value.endswith(self.domain):
            return False
        return not self.pattern or re.fullmatch(self.pattern, value, re.ASCII) is not None


def validate_all(variables: tuple[Variable, ...], given: Mapping[str, str]) -> dict[str, str]:
    """Check what was given against what the entry asks, and add the defaults.

    Raises:
        VariableRefused: a value does not fit, is missing, or is for a variable that the entry does not have.
    """
    known = {variable.name for variable in variables}
    for name in given:
        if name not in known:
            raise VariableRefused(name, "This provider has no such variable.")
    return {variable.name: variable.validate(given.get(variable.name, "")) for variable in variables}


def _has_good_port(value: str) -> bool:
    try:
        port = urlsplit(value if "://" in value else f"https://{value}").port
    except ValueError:
        return False
    return port is None or 0 < port < 65536
