"""Which calls of a provider's API belong to a feature, as the catalogue writes them: `GET /repos/*/*/issues`.

`*` stands for one segment, `**` at the end for all that is below, one segment at least. A HEAD is a GET without its
body. The query is not looked at.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE"))
_SEGMENT = r"[A-Za-z0-9._~!$&'()+,=:@-]+"
_WRITTEN = re.compile(rf"(?P<method>[A-Z]+) (?P<path>(?:/(?:\*|{_SEGMENT}))*(?:/\*\*|/)?)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pattern:
    """One line of the catalogue."""

    method: str
    segments: tuple[str, ...]
    is_open: bool

    def covers(self, method: str, path: str) -> bool:
        """Whether a call is one of these. A path with an encoded slash never is: where it ends is for others to say."""
        if ("GET" if method == "HEAD" else method) != self.method or "%2f" in path.lower() or ";" in path:
            return False
        segments = path.split("/")[1:]
        named, below = segments[: len(self.segments)], segments[len(self.segments) :]
        if len(named) != len(self.segments) or bool(below) != self.is_open or below[:1] == [""]:
            return False
        return all(_fits(segment, part) for segment, part in zip(named, self.segments, strict=True))


def fault_of(written: str) -> str:
    """What is wrong with a line; empty: nothing."""
    found = _WRITTEN.fullmatch(written)
    if found is None or found["path"] in ("", "/**"):
        return f"{written!r} is not a method, a space and a path below the API: GET /notes/*"
    if found["method"] not in METHODS:
        return f"{written!r}: the method is one of {', '.join(sorted(METHODS))}"
    return ""


@lru_cache(maxsize=1024)
def pattern(written: str) -> Pattern:
    """Read a line that has no fault."""
    method, _, path = written.partition(" ")
    segments = path.split("/")[1:]
    is_open = segments[-1] == "**"
    return Pattern(method=method, segments=tuple(segments[:-1] if is_open else segments), is_open=is_open)


def _fits(segment: str, part: str) -> bool:
    return segment != "" if part == "*" else segment == part
