"""One contract for all commands of ours, those that are added later too: this walks the folders they are in.

A command that offers --json has a section in docs/commands.md whose first ```json block is the shape of its report.
"""

import io
import json
import re
from pathlib import Path

import pytest
from django.core.management import CommandError, ManagementUtility, call_command, load_command_class
from django.core.management.base import BaseCommand
from django.utils import timezone
from pytest_django import Settings

from integrations.crypto import new_key
from tests.commands.contract import (
    ARGUMENTS,
    COMMANDS,
    DOCUMENT,
    FOLDERS,
    ROOT,
    WITHOUT_DATABASE,
    documented,
    shape_faults,
    write_journal,
)
from tests.commands.in_turn import Ended, run_in_turn
from tests.factories import make_authorization_request, make_connection, make_registration

each_command = pytest.mark.parametrize("name", COMMANDS)


def loaded(name: str) -> BaseCommand:
    folder = next(folder for folder in FOLDERS if (folder / f"{name}.py").exists())
    return load_command_class(".".join(folder.relative_to(ROOT).parts[:-2]), name)


def offers_json(name: str) -> bool:
    try:
        loaded(name).create_parser("manage.py", name).parse_args([*ARGUMENTS.get(name, ()), "--json"])
    except CommandError:
        return False
    return True


OFFERS_JSON = [name for name in COMMANDS if offers_json(name)]
WITH_DATABASE = [name for name in COMMANDS if name not in WITHOUT_DATABASE]


def ended(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a command line that goes no further than its options."""
    with pytest.raises(SystemExit) as caught:
        ManagementUtility(["manage.py", *arguments]).execute()
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


def test_there_are_commands_to_look_at() -> None:
    assert {"sweep_tokens", "replay_journal", "prune", "demo"} <= set(COMMANDS)


@each_command
def test_help_has_an_example_and_the_exit_codes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ended(capsys, name, "--help")

    assert code == 0
    assert re.search(rf"^example.*manage\.py {name}\b", out, flags=re.MULTILINE | re.DOTALL)
    assert re.search(r"^exit code", out, flags=re.MULTILINE)


@each_command
def test_an_option_that_does_not_exist_is_wrong_usage(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = ended(capsys, name, "--no-such-option")

    assert (code, out) == (2, "")
    assert "Traceback" not in err


@each_command
def test_options_are_not_abbreviated(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What a crontab says must not change its meaning when an option is added."""
    code, _, err = ended(capsys, name, *ARGUMENTS.get(name, ()), "--verbosit", "1")

    assert code == 2
    assert "--verbosit" in err


@each_command
def test_it_is_in_the_reference(name: str) -> None:
    assert f"\n## {name}\n" in DOCUMENT.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def without_a_database(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    """What each command came to, as JSON where it offers that, at a database in which there is nothing."""
    folder = tmp_path_factory.mktemp("empty")
    write_journal(folder / "recovery")
    environment = {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": f"sqlite:///{folder / 'empty.sqlite3'}",
        "HUB_RECOVERY_JOURNAL": str(folder / "recovery"),
        "HUB_METRICS_DIRECTORY": str(folder / "metrics"),
    }
    lines = [(name, *ARGUMENTS.get(name, ()), *(["--json"] if name in OFFERS_JSON else [])) for name in WITH_DATABASE]
    return dict(zip(WITH_DATABASE, run_in_turn(lines, environment), strict=True))


@pytest.mark.parametrize("name", WITH_DATABASE)
def test_without_a_database_it_says_so_in_a_sentence(name: str, without_a_database: dict[str, Ended]) -> None:
    code, out, err = without_a_database[name]

    assert code == 3
    assert "manage.py migrate" in err
    assert "Traceback" not in err
    if name in OFFERS_JSON:
        failure = json.loads(out)
        assert failure["error"]["code"] == "database"
        assert "manage.py migrate" in failure["error"]["message"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", OFFERS_JSON)
def test_its_report_has_the_documented_shape(
    name: str, recovery_journal: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path
) -> None:
    settings.HUB_METRICS, settings.HUB_METRICS_DIRECTORY = True, tmp_path / "metrics"
    make_connection(registration=make_registration(), due_in=-60, now=timezone.now())
    make_authorization_request(expires_in=-60)
    write_journal(recovery_journal)
    monkeypatch.setattr("sys.stdin", io.StringIO("a secret\n"))
    out = io.StringIO()

    try:
        call_command(name, *ARGUMENTS.get(name, ()), "--json", stdout=out)
    except CommandError as error:
        assert error.returncode == 1

    report = json.loads(out.getvalue())
    assert list(shape_faults(documented(name)[0], report)) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("sweep_tokens", "--provider", "nonsense"),
        ("register_client", "nonsense"),
        ("replay_journal", "--directory", "/nowhere/at/all"),
        ("assess_restore", "--journal", "/nowhere/at/all"),
    ],
)
def test_wrong_usage_is_one_object_too(arguments: tuple[str, ...]) -> None:
    out = io.StringIO()

    with pytest.raises(CommandError) as caught:
        call_command(*arguments, "--json", stdout=out)

    failure = json.loads(out.getvalue())
    assert caught.value.returncode == 2
    assert failure == {"error": {"code": "usage", "message": str(caught.value)}}


@pytest.mark.django_db
def test_what_an_operator_must_do_comes_after_the_report(settings: Settings, recovery_journal: Path) -> None:
    make_connection()
    settings.HUB_SEALING_KEYS = new_key("another")
    out = io.StringIO()

    with pytest.raises(CommandError, match="HUB_SEALING_KEYS lacks keys") as caught:
        call_command("assess_restore", "--json", stdout=out)

    assert caught.value.returncode == 1
    assert json.loads(out.getvalue())["missing_keys"] == {"test": 2}


def test_a_shape_that_differs_is_noticed() -> None:
    shape = {"a": {"<name>": 1}, "b": [{"c": 1}], "d": 1}

    assert list(shape_faults(shape, {"a": {"x": 1, "y": 2}, "b": [], "d": None})) == []
    assert len(list(shape_faults(shape, {"a": {"x": {}}, "b": [{"e": 1}], "d": []}))) == 3
    assert len(list(shape_faults(shape, {"a": {}, "b": []}))) == 1
