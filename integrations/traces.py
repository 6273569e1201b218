"""Spans: what takes how long within what, for whoever traces requests through several systems.

A project that traces hands in its tracer by `trace_with`; without one a span costs a comparison. Spans carry the
provider and the outcome, and nothing of a person, a token or an address.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal, Protocol

type Kind = Literal["internal", "call", "serving"]
type Attribute = str | int


@dataclass(frozen=True, kw_only=True, slots=True)
class Parent:
    """The span of another system that a request comes from (W3C Trace Context)."""

    trace_id: str
    span_id: str
    sampled: bool


class Span(Protocol):
    """What happens between its beginning and its end."""

    @property
    def ids(self) -> tuple[str, str] | None:
        """Trace id and span id, in hexadecimal; None where nothing is traced."""

    def rename(self, name: str) -> None:
        """Call it by what was found out about it."""

    def note(self, **attributes: Attribute) -> None:
        """Say more of it."""


class Tracer(Protocol):
    """Makes spans."""

    def span(
        self, name: str, *, kind: Kind, parent: Parent | None, attributes: dict[str, Attribute]
    ) -> AbstractContextManager[Span]:
        """A span around a block, under the one it stands in or under `parent`."""


class _Nothing:
    ids = None

    def rename(self, name: str) -> None:
        pass

    def note(self, **attributes: Attribute) -> None:
        pass


class _Chosen:
    tracer: Tracer | None = None


_NOTHING: AbstractContextManager[Span] = nullcontext(_Nothing())
_chosen = _Chosen()


def trace_with(tracer: Tracer | None) -> None:
    """Make spans with this tracer from now on; None: make none."""
    _chosen.tracer = tracer


def span(
    name: str, *, kind: Kind = "internal", parent: Parent | None = None, **attributes: Attribute
) -> AbstractContextManager[Span]:
    """A span around a block; `kind`: our own work, a call of another system, or a request that we serve."""
    if _chosen.tracer is None:
        return _NOTHING
    return _chosen.tracer.span(name, kind=kind, parent=parent, attributes=attributes)
