"""A restored database is looked at, and nothing is written into it."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from integrations.models import SealingKey
from integrations.vault import new_key
from tests.factories import make_connection
from tests.flows.journaling import left_in_journal
from tests.flows.journey import Journey

pytestmark = pytest.mark.django_db


def assessed() -> dict[str, Any]:
    out = StringIO()
    try:
        call_command("assess_restore", "--json", stdout=out)
    except CommandError as error:
        assert error.returncode == 1
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def test_a_key_that_the_database_does_not_know_is_not_made_known(journey: Journey, settings: Settings) -> None:
    left_in_journal(journey, journey.connect())
    settings.HUB_SEALING_KEYS = f"{new_key('next')},{settings.HUB_SEALING_KEYS}"

    found = assessed()

    assert (found["opened"], found["unopened"]) == (2, {})
    assert not SealingKey.objects.filter(key_id="next").exists()


def test_another_key_of_the_same_name_is_told(settings: Settings) -> None:
    make_connection()
    settings.HUB_SEALING_KEYS = new_key("test")

    found = assessed()

    assert (found["opened"], found["unopened"]) == (0, {"key_wrong": 2})
