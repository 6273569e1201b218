"""How a sweep's connections end, and the count of them."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from integrations.oauth.errors import OAuthError, Remedy


class Outcome(StrEnum):
    """What became of one connection; the values are the report's words."""

    REFRESHED = "refreshed"
    RETRY_LATER = "retry_later"
    NEEDS_REAUTHORIZATION = "needs_reauthorization"
    NEEDS_OPERATOR = "needs_operator"
    MOVED_ON = "moved_on"
    UNCERTAIN = "uncertain"
    IN_JOURNAL = "in_journal"
    NOT_SENT = "not_sent"

    @classmethod
    def of(cls, error: OAuthError) -> "Outcome":
        """What a failure makes of its connection."""
        return _BY_REMEDY[error.remedy]


_BY_REMEDY = {
    Remedy.RETRY: Outcome.RETRY_LATER,
    Remedy.REAUTHORIZE: Outcome.NEEDS_REAUTHORIZATION,
    Remedy.OPERATOR: Outcome.NEEDS_OPERATOR,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """One connection's outcome."""

    provider: str
    outcome: Outcome


@dataclass
class Tally:
    """Outcomes, counted."""

    counts: Counter[str] = field(default_factory=Counter)
    by_provider: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, results: Iterable[Result]) -> None:
        for result in results:
            self.counts[result.outcome.value] += 1
            self.by_provider[result.provider][result.outcome.value] += 1

    @property
    def total(self) -> int:
        return self.counts.total()

    def copy(self) -> "Tally":
        """As it is now, for another thread."""
        counted = Tally(counts=self.counts.copy())
        counted.by_provider.update({provider: counts.copy() for provider, counts in self.by_provider.items()})
        return counted

    def as_dicts(self) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
        """By outcome; and by provider, then outcome."""
        return dict(self.counts), {provider: dict(counts) for provider, counts in self.by_provider.items()}
