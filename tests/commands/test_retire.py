"""A key is not let go for want of looking."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from integrations.vault import new_key

pytestmark = pytest.mark.django_db


@pytest.mark.requirement(94)
def test_a_journal_that_cannot_be_read_may_need_the_key(recovery_journal: Path, settings: Settings) -> None:
    recovery_journal.mkdir(exist_ok=True)
    (recovery_journal / "of-root.journal").mkdir()
    settings.HUB_SEALING_KEYS = f"{new_key('next')},{settings.HUB_SEALING_KEYS}"

    with pytest.raises(CommandError) as refused:
        call_command("rotate_keys", "retire", "test", stdout=StringIO())

    assert refused.value.returncode == 1
    assert "1 in this host's recovery journal" in str(refused.value)
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("rotate_keys", "status", "--json", stdout=out)
    keys = {key["key_id"]: key["counts"] for key in json.loads(out.getvalue())["keys"]}
    assert keys == {"next": {}, "test": {}, "": {"recovery_journal": 1}}


@pytest.mark.requirement(94)
@pytest.mark.parametrize("step", ["retire", "verify"])
def test_a_mistyped_key_is_not_said_to_be_free(step: str) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("rotate_keys", step, "tset", stdout=StringIO())

    assert refused.value.returncode == 2
    assert "'tset'" in str(refused.value)
