"""Refresh every connection that is due, in one pass."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from integrations.flows.rows import Clock


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepOptions:
    """Which connections, and how many at a time.

    `due_within` also takes what falls due that soon; `provider` is a catalogue key, empty for all; `limit` None takes
    all. `per_provider` caps what is in flight at one provider; None leaves an eighth of `concurrency` to the others.
    """

    due_within: timedelta = timedelta()
    provider: str = ""
    limit: int | None = None
    concurrency: int = 256
    dry_run: bool = False
    per_provider: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepReport:
    """How it ended: connections by outcome, and by provider and outcome; `due` is how many were found.

    `needs_operator`: at least one outcome is for an operator to mend.
    """

    counts: dict[str, int] = field(default_factory=dict)
    by_provider: dict[str, dict[str, int]] = field(default_factory=dict)
    due: int = 0
    needs_operator: bool = False
    seconds: float = 0.0


def sweep(
    options: SweepOptions,
    *,
    clock: Clock,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> SweepReport:
    """Refresh what is due. Safe to run twice at once, to interrupt and to kill.

    `progress` is called with how many are done and how many there are; when `stop` says so, what is in flight is
    finished and nothing more is sent.
    """
    raise NotImplementedError
