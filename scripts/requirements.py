"""Print which tests prove which row of docs/security.md; a row without a test is shown as open.

Rows are read from the document (`12. …`), tests from the marker `requirement(12)` of the collected suite.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "security.md"
ROW = re.compile(r"^(\d+)\. (.+)$", re.MULTILINE)
TITLE_LENGTH = 70


class Collector:
    """A pytest plugin that notes the marked rows of each collected test."""

    def __init__(self) -> None:
        self.tests: defaultdict[int, list[str]] = defaultdict(list)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            name = item.nodeid.partition("[")[0]
            for marker in item.iter_markers("requirement"):
                for number in marker.args:
                    if name not in self.tests[number]:
                        self.tests[number].append(name)


def rows(text: str) -> dict[int, str]:
    """Number and first words of each row.

    Raises:
        ValueError: a number appears twice.
    """
    found: dict[int, str] = {}
    for number, title in ROW.findall(text):
        if int(number) in found:
            raise ValueError(f"row {number} stands twice in {DOCUMENT.name}")
        found[int(number)] = title
    return found


def table(titles: dict[int, str], tests: dict[int, list[str]]) -> list[str]:
    """One line a row, its tests indented below, counts last."""
    lines = []
    for number, title in sorted(titles.items()):
        proofs = tests.get(number, [])
        state = f"{len(proofs)} test{'s' if len(proofs) != 1 else ''}" if proofs else "open"
        lines.append(f"{number:>4}  {state:<9} {shorten(title)}")
        lines.extend(f"{'':>16}{proof}" for proof in proofs)
    unknown = sorted(set(tests) - set(titles))
    lines.extend(f"{number:>4}  UNKNOWN   {', '.join(tests[number])}" for number in unknown)
    open_rows = [number for number in sorted(titles) if not tests.get(number)]
    lines.append("")
    lines.append(f"{len(titles)} rows: {len(titles) - len(open_rows)} with a test, {len(open_rows)} open")
    if open_rows:
        lines.append("open: " + " ".join(str(number) for number in open_rows))
    return lines


def shorten(title: str) -> str:
    """A title that fits on a line."""
    return title if len(title) <= TITLE_LENGTH else title[: TITLE_LENGTH - 1].rsplit(" ", 1)[0] + "…"


def main() -> int:
    """Collect, print, and fail on a marker that names no row."""
    collector = Collector()
    quiet = ["--collect-only", "-o", "addopts=--strict-markers", "-p", "no:terminal", "-p", "no:cacheprovider"]
    status = pytest.main(quiet, plugins=[collector])
    if status != pytest.ExitCode.OK:
        print(f"The tests could not be collected ({status.name}): run pytest to see why.", file=sys.stderr)
        return 2
    titles = rows(DOCUMENT.read_text(encoding="utf-8"))
    print("\n".join(table(titles, collector.tests)))
    return 1 if set(collector.tests) - set(titles) else 0


if __name__ == "__main__":
    sys.exit(main())
