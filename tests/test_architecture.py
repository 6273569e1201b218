"""The floors of integrations/__init__.py, held by reading every import.

What may import what is `FLOORS`; who may borrow a token is `DOOR`. The cure for a failure is to move code down a
floor. tests/test_architecture_itself.py shows that each rule can fail.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILE_LINES = 300
FUNCTION_LINES = 40
FORBIDDEN_NAMES = frozenset(("utils", "helpers", "common", "manager", "base"))
CLOCKS = frozenset(("timezone.now", "datetime.now", "datetime.utcnow", "time.time", "date.today"))
WITHOUT_CLOCK = frozenset(
    (
        *("oauth", "crypto", "webhook_signature", "webhook_post", "key_service"),
        *("providers", "models", "vault", "flows"),
    )
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Floor:
    """What one part of the application may import: of ours, and of others beside the standard library."""

    ours: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


DJANGO = ("django",)
EDGE = ("flows", "models", "providers", "oauth.errors")
FLOORS = {
    "oauth": Floor(
        ours=("oauth",),
        others=(
            "oauthlib",
            "requests_oauthlib",
            "requests",
            "urllib3",
            "httptools",
            "uvloop",
            "joserfc",
            "cryptography",
        ),
    ),
    "crypto": Floor(others=("cryptography",)),
    # Receivers may take the one as it is; the other moves bytes by the rules of `oauth`.
    "webhook_signature": Floor(),
    "webhook_post": Floor(ours=("oauth",), others=("requests", "urllib3")),
    # What whoever watches wants to know: counted and traced where it happens, told by the project around.
    "measures": Floor(ours=("measures",)),
    "traces": Floor(),
    # Talks to AWS KMS, and nothing else does: boto3 is not there in every installation.
    "key_service": Floor(ours=("crypto",), others=("boto3", "botocore", "mypy_boto3_kms")),
    "providers": Floor(ours=("providers", "oauth")),
    "models": Floor(ours=("models",), others=DJANGO, never=("django.http", "django.contrib")),
    "vault": Floor(
        ours=("vault", "crypto", "key_service", "models", "oauth.token"),
        others=DJANGO,
        never=("django.http", "django.contrib"),
    ),
    "flows": Floor(
        ours=(
            *("flows", "vault", "models", "providers", "oauth", "measures", "traces"),
            *("webhook_signature", "webhook_post"),
        ),
        others=(*DJANGO, "oauthlib", "requests_oauthlib", "requests"),
        never=("django.http", "django.contrib", "django.shortcuts", "django.views", "django.template"),
    ),
    "web": Floor(ours=("web", *EDGE), others=(*DJANGO, "allauth")),
    "api": Floor(ours=("api", *EDGE), others=(*DJANGO, "ninja")),
    "admin": Floor(ours=("admin", *EDGE), others=DJANGO),
    # Mail says what the pages say; only commands send it, so that no request waits for a mail server.
    "mail": Floor(ours=("mail", "web.standing", "web.presentation", *EDGE), others=DJANGO, never=("django.http",)),
    "management": Floor(ours=("management", "mail", *EDGE), others=(*DJANGO, "tqdm")),
    # A task sends the mail as a command does, and hears from Celery when its worker is told to stop.
    "tasks": Floor(ours=("mail", *EDGE), others=(*DJANGO, "celery", "kombu")),
    "templatetags": Floor(ours=("providers",), others=DJANGO),
    "checks": Floor(ours=("crypto", "vault", "providers", "models"), others=DJANGO),
    "apps": Floor(ours=("checks",), others=DJANGO),
    "migrations": Floor(others=DJANGO),
}
# What a worker tells of itself has no other way; between our own modules there are no signals.
MAY_LISTEN_TO_CELERY = ("hub.celery", "integrations.tasks")
# Edges that may be handed a token or a session that carries one. Whoever joins this list must not show it.
DOOR = ("integrations.web", "integrations.management.commands")
# Parts of flows that hold tokens in the open; the verbs above them are what edges call.
INNER = ("borrow", "grant", "identify", "journal", "keep", "left_behind", "rows", "session", "settle")


@dataclass(frozen=True, kw_only=True, slots=True)
class Import:
    """One import statement's target, dotted in full, and where it stands."""

    target: str
    line: int
    function: str


def imports(source: str, module: str) -> Iterator[Import]:
    """Every import, those under TYPE_CHECKING and inside functions too; relative ones made absolute."""
    tree = ast.parse(source)
    owner: dict[ast.AST, str] = {}
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            owner.update((node, function.name) for node in ast.walk(function))
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                targets = [alias.name for alias in node.names]
            case ast.ImportFrom(level=0):
                targets = [f"{node.module}.{alias.name}" for alias in node.names]
            case ast.ImportFrom():
                package = ".".join(module.split(".")[: -node.level])
                targets = [f"{package}.{node.module or ''}.{alias.name}".replace("..", ".") for alias in node.names]
            case _:
                continue
        yield from (Import(target=name, line=node.lineno, function=owner.get(node, "")) for name in targets)


def under(name: str, prefix: str) -> bool:
    """Whether a dotted name is the prefix or lies inside it."""
    return name == prefix or name.startswith(prefix + ".")


def part_of(module: str) -> str:
    """The part of the application a module belongs to: `flows` for integrations.flows.refresh."""
    return module.split(".")[1] if "." in module else ""


def import_faults(module: str, source: str) -> list[str]:
    """What one module imports and may not."""
    faults = []
    for found in imports(source, module):
        where = f"{module}:{found.line} imports {found.target}"
        if found.function and not (module.endswith(".apps") and found.function == "ready"):
            faults.append(f"{where} inside {found.function}()")
        if found.target.endswith((".import_string", ".import_module")) or is_hidden_call(module, found.target):
            faults.append(f"{where}: a reader must find the callee with one jump")
        if under(module, "integrations"):
            faults.extend(f"{where}: {why}" for why in floor_faults(module, found.target))
        elif under(found.target, "integrations.vault") or under(found.target, "integrations.crypto"):
            faults.append(f"{where}: hub/ may not open the vault")
    return faults


def is_hidden_call(module: str, target: str) -> bool:
    """Whether a target is a signal, but for Celery's own where it may be listened to."""
    allowed = under(target, "celery.signals") and module in MAY_LISTEN_TO_CELERY
    return "signals" in target.split(".") and not allowed


def floor_faults(module: str, target: str) -> Iterator[str]:
    """Why a module of ours may not import a target, if it may not."""
    part = part_of(module)
    if not part:
        yield "the package's own module imports nothing"
        return
    if part not in FLOORS:
        yield f"{part} is on no floor"
        return
    floor = FLOORS[part]
    package = target.partition(".")[0]
    if package == "integrations":
        if not any(under(target, f"integrations.{name}") for name in floor.ours):
            yield f"{part} may import {', '.join(floor.ours) or 'nothing of ours'}"
        borrows = under(target, "integrations.flows.access") and part != "flows"
        if borrows and not any(under(module, door) for door in DOOR):
            yield "only DOOR may borrow tokens"
        if part != "flows" and any(under(target, f"integrations.flows.{name}") for name in INNER):
            yield "an edge calls a verb, not what it is made of"
    elif package in ("hub", "tests", "bench"):
        yield "the application does not know the project around it"
    elif package not in sys.stdlib_module_names and package not in floor.others:
        yield f"{part} may use {', '.join(floor.others) or 'only the standard library'}"
    elif any(under(target, name) for name in floor.never):
        yield f"{part} never imports it"


def size_faults(module: str, source: str) -> list[str]:
    """Files and functions that are too long to be read at once."""
    faults = []
    lines = len(source.splitlines())
    if lines > FILE_LINES:
        faults.append(f"{module} has {lines} lines")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[1 if ast.get_docstring(node) and len(node.body) > 1 else 0]
            length = (node.end_lineno or first.lineno) - first.lineno + 1
            if length > FUNCTION_LINES:
                faults.append(f"{module}:{node.lineno} {node.name}() has {length} lines")
    return faults


def clock_faults(module: str, source: str) -> list[str]:
    """Calls of the wall clock where `now` is an argument."""
    if not (under(module, "integrations") and part_of(module) in WITHOUT_CLOCK):
        return []
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [
        f"{module}:{call.lineno} calls {name}()"
        for call in calls
        if (name := ".".join(ast.unparse(call.func).split(".")[-2:])) in CLOCKS
    ]


def circles(sources: dict[str, str]) -> list[str]:
    """Modules that import each other, directly or round about."""
    graph = {
        module: {edge for found in imports(source, module) if (edge := resolve(found.target, sources)) != module}
        for module, source in sources.items()
    }
    found: list[str] = []
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> None:
        if module in path:
            found.append(" → ".join([*path[path.index(module) :], module]))
        elif module not in done:
            for edge in sorted(graph.get(module, ())):
                visit(edge, [*path, module])
            done.add(module)

    for module in sorted(graph):
        visit(module, [])
    return found


def by_package(sources: dict[str, str], project: str) -> dict[str, str]:
    """Each package of the project as one module, which imports what its modules import."""
    joined: dict[str, str] = {}
    for module, source in sources.items():
        if under(module, project):
            lines = [f"import {'.'.join(found.target.split('.')[:2])}\n" for found in imports(source, module)]
            package = ".".join(module.split(".")[:2])
            joined[package] = joined.get(package, "") + "".join(lines)
    return joined


def resolve(target: str, sources: dict[str, str]) -> str:
    """The module an import reaches: the name itself, or what holds it."""
    return target if target in sources else target.rpartition(".")[0]


def read(*packages: str) -> dict[str, str]:
    """Source by module name."""
    found = {}
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text(encoding="utf-8")
    return found


OURS = {module: text for module, text in read("hub", "integrations").items() if ".migrations." not in module}


@pytest.mark.parametrize("module", sorted(OURS))
def test_module_keeps_to_its_floor(module: str) -> None:
    source = OURS[module]

    faults = import_faults(module, source) + size_faults(module, source) + clock_faults(module, source)

    assert "\n".join(faults) == ""


def test_events_are_written_in_one_place() -> None:
    """There, applications are told of them in the same transaction; one written elsewhere would be told to nobody."""
    writers = r"Event\.objects\.(create|bulk_create|tell_many|get_or_create|update_or_create)\b"
    writes = re.compile(rf"\b{writers}|\breturn Event\(")

    assert [name for name, text in OURS.items() if writes.search(text)] == ["integrations.flows.events"]


def test_no_two_modules_import_each_other() -> None:
    assert circles(OURS) == []


def test_no_two_packages_of_the_project_import_each_other() -> None:
    assert circles(by_package(OURS, "hub")) == []


def test_no_module_is_named_after_nothing() -> None:
    assert [module for module in OURS if module.rpartition(".")[2] in FORBIDDEN_NAMES] == []


def test_tests_are_short_enough_to_be_read() -> None:
    sources = read("tests", "bench")

    long = [f"{name}: {len(text.splitlines())}" for name, text in sources.items() if text.count("\n") > FILE_LINES]

    assert long == []
