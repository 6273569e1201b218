"""Extract what people read, merge it into the translations, compile them.

Run again without a change in the sources it changes nothing: no dates, no line numbers, files in order. Texts that the
sources no longer hold go, and nothing is guessed from texts that look alike: a new one comes with an empty translation.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LANGUAGE = "de"
SOURCES = ("hub", "integrations", "templates")
EXTENSIONS = ("py", "html", "txt")
CATALOGUE = "integrations/providers/catalog"
MESSAGES = Path("locale") / LANGUAGE / "LC_MESSAGES" / "django.po"
EMPTY = re.compile(r'^msgstr(?:\[\d\])? ""$(?!\n")', re.MULTILINE)
# Moments of extraction and translation, which git knows better.
DATES = re.compile(r'^"(?:POT-Creation-Date|PO-Revision-Date):[^\n]*\n', re.MULTILINE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 where something is missing")
    check = parser.parse_args().check
    if not shutil.which("xgettext"):
        print("xgettext is missing. Install it: apt-get install gettext", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        text = merged(Path(scratch))
        compiled = Path(scratch) / "django.mo"
        run(Path(scratch), "msgfmt", "--check", "--no-hash", "-o", str(compiled), "-", given=text)
        return settle(text, compiled.read_bytes(), check=check)


def settle(text: str, compiled: bytes, *, check: bool) -> int:
    """Write what is new, or say that there is something; how many texts are not translated goes to the person."""
    behind = []
    for path, content in ((ROOT / MESSAGES, text.encode()), ((ROOT / MESSAGES).with_suffix(".mo"), compiled)):
        if path.exists() and path.read_bytes() == content:
            continue
        behind.append(path.name)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    empty = len(EMPTY.findall(text))
    print(f"{LANGUAGE}: {'behind' if check else 'written'}: {', '.join(behind) or 'nothing'}; not translated: {empty}")
    return 1 if check and (behind or empty) else 0


def merged(scratch: Path) -> str:
    """The translations as they should be: each text of the sources once, with what it is in the other language."""
    fresh = extract(scratch)
    kept = ROOT / MESSAGES
    if not kept.exists():
        return DATES.sub("", fresh.read_text())
    joined = scratch / "joined.po"
    options = ("--quiet", "--no-fuzzy-matching", "--no-wrap", "--add-location=file")
    run(scratch, "msgmerge", *options, "-o", str(joined), str(kept), str(fresh))
    run(scratch, "msgattrib", "--no-obsolete", "--no-wrap", "--add-location=file", "-o", str(joined), str(joined))
    return DATES.sub("", joined.read_text())


def extract(scratch: Path) -> Path:
    """What Django finds in a copy of the sources, to which the catalogue's texts are added as Python."""
    for name in SOURCES:
        shutil.copytree(ROOT / name, scratch / name, ignore=shutil.ignore_patterns("__pycache__"))
    for entry in sorted((scratch / CATALOGUE).glob("*.toml")):
        calls = (f"gettext({text!r})\n" for text in texts_of(tomllib.loads(entry.read_text())))
        entry.with_suffix(".toml.py").write_text("".join(calls))
    (scratch / "locale").mkdir()
    options = ("--locale", LANGUAGE, "--add-location", "file", "--no-wrap", "--extension", ",".join(EXTENSIONS))
    run(scratch, sys.executable, "-m", "django", "makemessages", *options)
    found = scratch / MESSAGES
    found.write_text(
        re.sub(r"^(#: .*)$", lambda line: line[1].replace(".toml.py", ".toml"), found.read_text(), flags=re.M)
    )
    return found


def texts_of(entry: dict[str, object]) -> Iterator[str]:
    """The texts of a catalogue entry that people read. What helps an operator to register is not among them."""
    tables = {name: value for name in ("variables", "features") if isinstance(value := entry.get(name, []), list)}
    titles = entry.get("scope_titles", {})
    candidates = [
        entry.get("description"),
        *(table.get(key) for rows in tables.values() for table in rows for key in ("title", "description", "help")),
        *(titles.values() if isinstance(titles, dict) else ()),
    ]
    yield from (text for text in candidates if isinstance(text, str) and text)


def run(place: Path, *command: str, given: str | None = None) -> None:
    # Whoever runs this may have named Django's settings, which are not in the copy; extraction needs none.
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(command, cwd=place, env=environment, input=given, text=True, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"{command[0]} failed:\n{done.stderr}")


if __name__ == "__main__":
    sys.exit(main())
