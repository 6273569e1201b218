"""What there is to know about every command of ours: where they are, how they are called, the shape of their JSON."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = (*ROOT.glob("integrations/management/commands"), *ROOT.glob("hub/*/management/commands"))
COMMANDS = sorted(path.stem for folder in FOLDERS for path in folder.glob("*.py") if path.stem != "__init__")
DOCUMENT = ROOT / "docs" / "commands.md"

#: What a command cannot do without. A new command that needs nothing needs no line here.
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "rotate_keys": ("status",),
    "register_client": ("sandbox", "--client-id", "hub", "--variable", "origin=http://127.0.0.1:9"),
}
#: They make their own database, or look after one that runs.
WITHOUT_DATABASE = frozenset({"demo"})
#: An answer of a provider for a connection that is in no database, as it lies in the recovery journal.
RECORD = {
    "connection": 987_654_321,
    "uuid": "11111111-2222-4333-8444-555555555555",
    "version": 1,
    "lease_owner": "a worker",
    "fields": {
        "granted_scope": "profile",
        "access_expires_at": "2026-01-31T05:07:00+00:00",
        "access_lifetime_seconds": 3600,
        "refresh_expires_at": None,
        "refresh_due_at": "2026-01-31T05:02:00+00:00",
        "has_refresh_token": True,
        "provider_data": {},
        "last_refreshed_at": "2026-01-31T04:07:00+00:00",
    },
    "sealed": "AA==",
    "key_id": "test",
}


def write_journal(folder: Path) -> None:
    """A recovery journal with one answer in it, so that there is something to look up in the database."""
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "left.journal").write_text(json.dumps(RECORD) + "\n", encoding="utf-8")


def documented(name: str) -> list[object]:
    """The shapes that docs/commands.md gives for a command, the report first."""
    sections = re.split(r"^## ", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    section = next((text for text in sections if text.startswith(f"{name}\n")), "")
    return [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL)]


def shape_faults(shape: object, real: object, where: str = "report") -> Iterator[str]:
    """How a real report differs from the documented shape; a name in <angles> stands for names that vary."""
    if isinstance(shape, dict):
        if not isinstance(real, dict):
            yield f"{where} is not an object"
            return
        varying = [value for key, value in shape.items() if key.startswith("<")]
        if not varying and set(shape) != set(real):
            yield f"{where} has {sorted(real)}, documented are {sorted(shape)}"
        for key, value in real.items():
            if varying or key in shape:
                yield from shape_faults(varying[0] if varying else shape[key], value, f"{where}.{key}")
    elif isinstance(shape, list):
        if not isinstance(real, list):
            yield f"{where} is not a list"
            return
        for number, value in enumerate(real):
            yield from shape_faults(shape[0], value, f"{where}[{number}]")
    elif isinstance(real, dict | list):
        yield f"{where} is documented as a plain value"
