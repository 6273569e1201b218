"""A language in which every translated text is written in wide letters: what is still in ASCII was not translated.

Its texts are the German ones, ours and those of the packages, so that a text counts as translated only if it is.
"""

import re
import unicodedata
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from django.utils.translation.trans_real import translation

from integrations.providers import PROVIDERS
from integrations.web.console_form import CHANGING, SAFE
from tests.words.catalogue import INFORMAL, forms, write_mo

ASCII = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
WIDE = str.maketrans(ASCII, "".join(chr(ord(letter) + 0xFEE0) for letter in ASCII))
#: What gettext's callers fill in, and markup: left as it is.
KEPT = re.compile(r"(%\(\w+\)[a-z]|%[a-z%]|\{\w+\}|<[^>]+>|&\w+;)")
#: A word of two letters or more; single letters are keys, units and initials.
WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*[A-Za-z]")
#: Read as they are in every language.
NAMES = (
    *("Integration Hub", "UTC", "English", "Deutsch"),
    *(provider.name for provider in PROVIDERS.values()),
    *SAFE,
    *CHANGING,
)
ADDRESS = re.compile(r"\S*(?:://|@)\S*|\b(?:\w+[.-])+\w+:\d+\b|\b127\.0\.0\.1\b|\blocalhost\b")
READ_ATTRIBUTES = ("alt", "aria-description", "aria-label", "placeholder", "title")
#: Not words: scripts; codes and values, which are marked as such; what somebody else wrote.
SILENT = frozenset(("bdi", "code", "pre", "samp", "script", "style", "svg"))
VOID = frozenset(("br", "hr", "img", "input", "link", "meta", "source", "wbr"))


def wide(text: str) -> str:
    parts = KEPT.split(text)
    return "".join(part if number % 2 else part.translate(WIDE) for number, part in enumerate(parts))


def write_pseudo_locale(folder: Path) -> None:
    """German in wide letters, for LOCALE_PATHS."""
    german = forms(dict(translation("de")._catalog.items()))  # type: ignore[attr-defined]
    entries = {key: tuple(map(wide, texts)) for key, texts in german.items() if all(texts)}
    write_mo(folder / "de" / "LC_MESSAGES" / "django.mo", entries)


def untranslated(html: str) -> list[str]:
    """The ASCII words that a page shows or says, each with what stands around it."""
    return [f"{word} in {text!r}" for text in _Reader.read(html) for word in ascii_words(text)]


def rude(html: str) -> list[str]:
    """Words for friends, once the wide letters are read as ordinary ones."""
    return [word for text in _Reader.read(html) for word in INFORMAL.findall(unicodedata.normalize("NFKC", text))]


def ascii_words(text: str) -> list[str]:
    for name in NAMES:
        text = text.replace(name, " ")
    return WORD.findall(ADDRESS.sub(" ", text))


class _Reader(HTMLParser):
    """Collects the texts that a person sees or hears."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._silent: list[str] = []

    @classmethod
    def read(cls, html: str) -> Iterator[str]:
        reader = cls()
        reader.feed(html)
        reader.close()
        return (" ".join(text.split()) for text in reader.texts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in SILENT and tag not in VOID:
            self._silent.append(tag)
        values = dict(attrs)
        names = [*READ_ATTRIBUTES, "value"] if values.get("type") in {"submit", "button"} else READ_ATTRIBUTES
        self.texts += [value for name in names if (value := values.get(name))]

    def handle_endtag(self, tag: str) -> None:
        if self._silent and self._silent[-1] == tag:
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.texts.append(data)
