"""Translation files as tests read and write them, without the tools of gettext."""

import ast
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from gettext import GNUTranslations
from pathlib import Path

from django.conf import settings

LINE = re.compile(r'(msgctxt|msgid_plural|msgid|msgstr(?:\[\d\])?) (".*")')
CONTEXT = "\x04"
HEADER = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n"

#: How Germans speak to friends; people here are addressed as "Sie".
INFORMAL = re.compile(r"\b(?:du|dich|dir|dein\w*|euch|euer\w*|eure\w*)\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """An entry of a .po file; `translations` are its forms in order."""

    context: str = ""
    source: str
    plural: str = ""
    translations: tuple[str, ...]
    flags: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        return f"{self.context}{CONTEXT}{self.source}" if self.context else self.source

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Each form of the source with its translation."""
        sources = (self.source, self.plural) if self.plural else (self.source,)
        return tuple(zip(sources, self.translations, strict=True))


@dataclass(kw_only=True, slots=True)
class _Block:
    texts: dict[str, str] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)


def path_of(suffix: str) -> Path:
    """Where the German translations are: `.po` to read, `.mo` compiled."""
    return Path(settings.LOCALE_PATHS[0]) / "de" / "LC_MESSAGES" / f"django{suffix}"


def read_po(text: str) -> list[Message]:
    """All entries but the header, which has the empty source."""
    blocks = [_block(part) for part in text.split("\n\n")]
    return [_message(block) for block in blocks if block.texts.get("msgid")]


def read_mo(path: Path) -> dict[str, tuple[str, ...]]:
    """Translations by key; forms in order."""
    with path.open("rb") as file:
        entries: Mapping[object, str] = GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    return forms(entries)


def forms(entries: Mapping[object, str]) -> dict[str, tuple[str, ...]]:
    """Entries as gettext holds them, (source, form) for plurals, as forms by key; without the header."""
    found: dict[str, dict[int, str]] = {}
    for key, text in entries.items():
        source, form = key if isinstance(key, tuple) else (key, 0)
        found.setdefault(str(source), {})[form] = text
    return {key: tuple(texts[form] for form in sorted(texts)) for key, texts in found.items() if key}


def write_mo(path: Path, entries: Mapping[str, tuple[str, ...]]) -> None:
    """Compile translations by key (the format of the GNU gettext manual §10.3)."""
    pairs = sorted(
        (f"{key}\0{key}" if len(texts) > 1 else key, "\0".join(texts))
        for key, texts in {"": (HEADER,), **entries}.items()
    )
    columns = [[text.encode() for text in column] for column in zip(*pairs, strict=True)]
    offset = 28 + 16 * len(pairs)
    tables, strings = b"", b""
    for column in columns:
        for text in column:
            tables += struct.pack("<II", len(text), offset + len(strings))
            strings += text + b"\0"
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 28 + 16 * len(pairs))
    path.write_bytes(header + tables + strings)


def _block(part: str) -> _Block:
    block, name = _Block(), ""
    for line in part.splitlines():
        if line.startswith("#,"):
            block.flags.update(flag.strip() for flag in line[2:].split(","))
        elif found := LINE.fullmatch(line):
            name = found[1]
            block.texts[name] = ast.literal_eval(found[2])
        elif line.startswith('"'):
            block.texts[name] += ast.literal_eval(line)
    return block


def _message(block: _Block) -> Message:
    texts = block.texts
    return Message(
        context=texts.get("msgctxt", ""),
        source=texts["msgid"],
        plural=texts.get("msgid_plural", ""),
        translations=tuple(text for name, text in sorted(texts.items()) if name.startswith("msgstr")),
        flags=frozenset(block.flags),
    )
