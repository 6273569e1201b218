"""A provider's answer in a few lines."""

import json

import pytest

from integrations.web.summary import ITEMS_SHOWN, summarise


@pytest.mark.parametrize(
    ("answer", "lines"),
    [
        ({"notes": ["milk", "bread"]}, ("milk", "bread")),
        ({"notes": [{"id": 1, "text": "milk", "tags": ["a"]}]}, ("id: 1 · text: milk",)),
        ([{"a": None, "b": True, "c": 1.5, "d": "x", "e": "left out"}], ("a: none · b: yes · c: 1.5 · d: x",)),
        ({"sub": "1", "name": "Alice", "inner": {"a": 1}}, ("sub: 1", "name: Alice")),
        ({"notes": []}, ()),
        ({}, ()),
        ("just text", ("just text",)),
        ([["a", "b"]], ("2 entries",)),
    ],
)
def test_lines(answer: object, lines: tuple[str, ...]) -> None:
    assert summarise(json.dumps(answer)).lines == lines


def test_a_long_answer_is_cut_and_counted() -> None:
    summary = summarise(json.dumps(list(range(50))))

    assert (len(summary.lines), summary.total, summary.left_out) == (ITEMS_SHOWN, 50, 40)


@pytest.mark.requirement(47)
def test_text_is_short_and_without_controls() -> None:
    (line,) = summarise(json.dumps(["a\u202eb\x1b[31m" + "c" * 5000])).lines

    assert line.startswith("ab[31mc")
    assert len(line) <= 160


@pytest.mark.parametrize("text", ["", "<html>", '{"cut": [1, 2', "[" * 100_000, "\ud800"])
def test_what_is_not_json_is_no_lines(text: str) -> None:
    assert summarise(text).lines == ()
