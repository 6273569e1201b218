"""docs/troubleshooting.md explains every code that a check-up or the handshake inspector can show."""

import re
from pathlib import Path

from integrations.flows.attempt_cases import CAUSES
from integrations.flows.check_finding import MEANINGS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "troubleshooting.md"


def rows(heading: str) -> dict[str, list[str]]:
    """The cells of the table under a heading, by the code in its first column."""
    section = PAGE.read_text(encoding="utf-8").partition(f"\n### {heading}\n")[2].partition("\n## ")[0]
    lines = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return {cells[0].strip("`"): cells[1:] for cells in lines}


def test_every_finding_is_explained_with_its_level() -> None:
    explained = rows("Findings")

    assert {code: cells[0] for code, cells in explained.items()} == {
        code: str(meaning.level) for code, meaning in MEANINGS.items()
    }


def test_every_cause_is_explained() -> None:
    assert {*rows("Causes")} == {*CAUSES}


def test_codes_are_words_that_machines_can_keep() -> None:
    assert [code for code in (*MEANINGS, *CAUSES) if not re.fullmatch(r"[a-z]+(_[a-z]+)*", code)] == []
