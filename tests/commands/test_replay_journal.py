"""What the recovery journal holds is told, and what this user cannot read of it is named."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

pytestmark = pytest.mark.django_db


def of_another_user(journal: Path) -> None:
    journal.mkdir(exist_ok=True)
    (journal / "earlier.gone").mkdir()


def no_folder_at_all(journal: Path) -> None:
    journal.rmdir()
    journal.write_text("")


@pytest.mark.parametrize(("spoil", "name"), [(of_another_user, "earlier.gone"), (no_folder_at_all, "")])
def test_what_cannot_be_read_is_named_and_needs_an_operator(
    recovery_journal: Path, spoil: Callable[[Path], None], name: str
) -> None:
    spoil(recovery_journal)
    report, lines = StringIO(), StringIO()

    with pytest.raises(CommandError) as refused:
        call_command("replay_journal", "--json", stdout=report)
    with pytest.raises(CommandError):
        call_command("replay_journal", stdout=lines)

    assert refused.value.returncode == 1
    told = json.loads(report.getvalue())
    assert told["files_not_opened"] == [name or recovery_journal.name]
    assert (told["kept_aside"], told["answers"]) == ([], [])
    assert "cannot be opened by this user" in lines.getvalue()
