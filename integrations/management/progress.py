"""A bar on a terminal for those who wait."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def progress(*, unit: str, shown: bool) -> Iterator[Callable[[int, int | None], None]]:
    """What is called with how many are done and, where that is known, how many there are."""
    with tqdm(unit=unit, disable=not shown, leave=False) as bar:

        def advance(done: int, total: int | None = None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield advance
