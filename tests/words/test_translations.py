"""The German translations hold what the sources say: all of it, with the same placeholders, in its final form."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import allauth
import django
import pytest

from hub.borrowed_words import BORROWED
from tests.words.catalogue import INFORMAL, Message, path_of, read_mo, read_po, write_mo

ROOT = Path(__file__).resolve().parents[2]
#: What must be the same on both sides: what is filled in, tags, and the addresses and codes of help texts.
FIXED = re.compile(r"%\(\w+\)[sd]|%[sd%]|\{\w+\}|</?\w+[^>]*>|https?://\S*\w")
#: Germans say it so.
SAME = {
    "Name",
    "PKCE",
    "Region",
    "Shop",
    "Shops",
    "Status",
    "Code",
    "API",
    "Secret",
    "Webhook",
    "Webhooks",
    "HTTP %(status)s",
    "%(connections)s, %(need)s",
    "%(service)s: %(account)s",
}


@pytest.fixture(scope="module")
def messages() -> list[Message]:
    return read_po(path_of(".po").read_text())


def forms(messages: list[Message]) -> Iterator[tuple[str, str]]:
    return (pair for message in messages for pair in message.pairs)


def test_every_text_of_the_sources_is_there_and_no_other() -> None:
    """Extraction, merge and compilation change nothing: nothing is missing, obsolete, empty or not compiled."""
    if not shutil.which("xgettext"):
        assert not os.environ.get("CI"), "CI needs xgettext: scripts/test_tools installs it"
        pytest.skip("no xgettext here (Debian: gettext)")

    done = subprocess.run(
        [sys.executable, "scripts/messages.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, f"{done.stdout}{done.stderr}: run scripts/messages, then translate what is new"


def test_everything_is_translated_for_good(messages: list[Message]) -> None:
    assert len(messages) > 600
    assert [message.source for message in messages if not all(message.translations)] == []
    assert [message.source for message in messages if "fuzzy" in message.flags] == []
    assert "#~" not in path_of(".po").read_text()


def test_plurals_have_both_forms(messages: list[Message]) -> None:
    assert [m.source for m in messages if len(m.translations) != (2 if m.plural else 1)] == []


def test_what_runs_is_what_was_written(messages: list[Message]) -> None:
    assert read_mo(path_of(".mo")) == {message.key: message.translations for message in messages}


def test_what_is_filled_in_is_the_same(messages: list[Message]) -> None:
    found = [pair for pair in forms(messages) if Counter(FIXED.findall(pair[0])) != Counter(FIXED.findall(pair[1]))]

    assert found == []


def test_white_space_around_a_text_is_the_same(messages: list[Message]) -> None:
    def around(text: str) -> tuple[str, str]:
        return text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]

    assert [pair for pair in forms(messages) if around(pair[0]) != around(pair[1])] == []
    assert [german for _, german in forms(messages) if "  " in german] == []


def test_a_sentence_stays_a_sentence(messages: list[Message]) -> None:
    """A final stop, colon, question mark or ellipsis is there on both sides or on none."""

    def end(text: str) -> str:
        return text[-1] if text[-1] in ".:?…!" else ""

    assert [pair for pair in forms(messages) if end(pair[0]) != end(pair[1])] == []


def test_it_is_german_as_we_write_it(messages: list[Message]) -> None:
    texts = [german for _, german in forms(messages)]

    assert [source for source, german in forms(messages) if source == german and source not in SAME] == []
    assert [text for text in texts if INFORMAL.search(text)] == []
    assert [text for text in texts if '"' in FIXED.sub("", text)] == []
    assert [text for text in texts if text.count("„") != text.count("“") or "”" in text or "'" in text] == []


def test_what_is_borrowed_is_still_what_the_packages_say() -> None:
    """Each is in the code of Django or allauth; one that they have reworded would never be looked up again."""
    packages = [Path(django.__file__).parent, Path(allauth.__file__).parent]
    code = "".join(
        path.read_text() for package in packages for path in package.rglob("*.py") if "locale" not in path.parts
    )
    joined = re.sub(r'"\s*\n\s*"', "", code)

    assert [text for text in BORROWED if text not in joined] == []


def test_a_compiled_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    entries = {"one": ("eins",), "month\x04May": ("Mai",), "%d day": ("%d Tag", "%d Tage")}

    write_mo(tmp_path / "django.mo", entries)

    assert read_mo(tmp_path / "django.mo") == entries
