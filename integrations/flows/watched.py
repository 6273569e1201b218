"""What is counted and traced of refreshes and calls: one line where each happens."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter

from integrations import measures, traces
from integrations.flows.sweep_outcome import Outcome, Result
from integrations.oauth.errors import OAuthError


def ended(results: Iterable[Result]) -> None:
    """Count refreshes by what became of them."""
    for result in results:
        measures.count(measures.REFRESHES, result.provider, result.outcome.value)


def stored(provider: str, *, took: bool) -> None:
    """Count a refresh that brought tokens; the row may have moved on."""
    ended([Result(provider=provider, outcome=Outcome.REFRESHED if took else Outcome.MOVED_ON)])


def failed(provider: str, error: OAuthError) -> None:
    """Count why a refresh failed; `ended` counts that it did."""
    measures.count(measures.REFRESH_FAILURES, provider, error.code)


def not_refreshed(provider: str, error: OAuthError, *, outcome: Outcome | None = None) -> None:
    """Count a refresh that failed, and why."""
    failed(provider, error)
    ended([Result(provider=provider, outcome=outcome or Outcome.of(error))])


@contextmanager
def token_call(provider: str, *, grant: str) -> Iterator[None]:
    """Around one call of a token endpoint."""
    with (
        traces.span("token endpoint", kind="call", provider=provider, grant=grant),
        measures.timed(measures.TOKEN_ENDPOINT, provider, grant),
    ):
        yield


@contextmanager
def pausing(pause: Callable[[float], None]) -> Iterator[Callable[[float], None]]:
    """A pause that adds up; how long somebody waited for another's refresh is noted at the end, if they did."""
    spent: list[float] = []

    def counted(seconds: float) -> None:
        began = perf_counter()
        pause(seconds)
        spent.append(perf_counter() - began)

    try:
        yield counted
    finally:
        if spent:
            measures.observe(measures.LEASE_WAITS, sum(spent))


@contextmanager
def sweeping() -> Iterator[None]:
    """Around a sweep."""
    result = "failed"
    try:
        with traces.span("sweep"), measures.timed(measures.SWEEP_SECONDS):
            yield
            result = "done"
    finally:
        measures.count(measures.SWEEPS, result)
