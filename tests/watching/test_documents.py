"""What docs/watching says of metrics is true: every name in it is there, and every metric is in it."""

import json
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from hub.watching.exposition import exposition
from integrations import measures
from integrations.flows.figures import FIGURES

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
DOCUMENT = (DOCS / "watching.md").read_text(encoding="utf-8")
RULES = yaml.safe_load((DOCS / "watching" / "alerts.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]
BOARD = json.loads((DOCS / "watching" / "dashboard.json").read_text(encoding="utf-8"))
NAME = re.compile(r"\bhub_[a-z_]+")
SUFFIXES = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"], "gauge": [""]}


def rows_of(heading: str) -> list[list[str]]:
    """The cells of the tables in a section, their headings left out."""
    section = DOCUMENT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in row] for row in rows]


@pytest.fixture
def told(counting: Path) -> dict[str, str]:
    """Metrics by name, with their type, of a hub that has counted nothing."""
    return {family.name: family.type for family in text_string_to_metric_families(exposition().decode())}


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alert_asks_for_metrics_that_are_there(told: dict[str, str], rule: dict[str, object]) -> None:
    there = {name + suffix for name, kind in told.items() for suffix in SUFFIXES[kind]}

    assert set(NAME.findall(str(rule["expr"]))) <= there


def test_every_alert_has_a_line_that_says_what_to_do() -> None:
    assert [cells[0].strip("`") for cells in rows_of("Alerts")] == [rule["alert"] for rule in RULES]


def test_the_dashboard_shows_every_metric_and_none_that_is_not_there(told: dict[str, str]) -> None:
    there = {name + suffix: name for name, kind in told.items() for suffix in SUFFIXES[kind]}
    expressions = [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]
    shown = {name for expression in expressions for name in NAME.findall(expression)}

    assert shown <= set(there)
    assert {there[name] for name in shown} == set(told)


def test_the_table_names_every_metric_with_its_type_and_labels(told: dict[str, str]) -> None:
    labels = {m.name: m.labels for m in measures.ALL} | {f.name: f.labels for f in FIGURES}
    labels |= {"hub_figures_age_seconds": ("query",)}
    rows = [cells for cells in rows_of("Metrics") if cells[0].startswith("`hub_")]

    documented = {
        cells[0].strip("`").removesuffix("_total"): (cells[1], re.findall(r"`(\w+)`", cells[2])) for cells in rows
    }

    assert documented == {name: (kind, list(labels.get(name, ()))) for name, kind in told.items()}
