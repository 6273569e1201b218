"""What `manage.py check` says about wrong settings."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from integrations.models import ClientRegistration
from integrations.vault import new_key
from tests.factories import make_authorization_request, make_connection, make_pending_revocation

# Django's own checks of models ask the database what it can do.
pytestmark = pytest.mark.django_db


def errors(databases: Sequence[str] | None = None) -> list[str]:
    """Ids of our own findings."""
    return [str(message.id) for message in run_checks(databases=databases) if str(message.id).startswith("hub.")]


def test_right_settings_have_nothing_to_say() -> None:
    assert errors() == []


@pytest.mark.requirement(94)
@pytest.mark.parametrize("keys", ["", "k1", "k1:", "k1:c2hvcnQ=", "k1:not base64", f"k1:{'A' * 43}=,k1:{'B' * 43}="])
def test_malformed_sealing_keys_are_told_at_the_start(settings: Settings, keys: str) -> None:
    settings.HUB_SEALING_KEYS = keys

    assert errors() == ["hub.E001"]


def test_the_finding_does_not_repeat_a_key(settings: Settings) -> None:
    settings.HUB_SEALING_KEYS = "k1:Y2FuYXJ5Y2FuYXJ5"

    assert "Y2FuYXJ5" not in "".join(str(message) for message in run_checks())


def test_a_site_without_https_is_told(settings: Settings) -> None:
    settings.HUB_MODE = "production"
    settings.SITE_URL = "http://hub.example.com"

    assert errors() == ["hub.E002"]


@pytest.mark.requirement(129)
@pytest.mark.parametrize("value", ["Strict", "None", None, False])
def test_a_session_cookie_that_is_not_lax_is_told(settings: Settings, value: object) -> None:
    settings.SESSION_COOKIE_SAMESITE = value

    assert errors() == ["hub.E003"]


@pytest.mark.requirement(67)
def test_a_lease_shorter_than_the_call_is_told(settings: Settings) -> None:
    settings.HUB_LEASE_SECONDS = 19
    settings.HUB_HTTP_DEADLINE_SECONDS = 10

    assert errors() == ["hub.E004"]


def test_a_journal_that_cannot_be_a_folder_is_told(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    settings.HUB_RECOVERY_JOURNAL = file / "journal"

    assert errors() == ["hub.E005"]


def test_a_journal_that_others_can_read_is_told(settings: Settings, tmp_path: Path) -> None:
    journal = tmp_path / "open"
    journal.mkdir()
    journal.chmod(0o755)
    settings.HUB_RECOVERY_JOURNAL = journal

    assert errors() == ["hub.E005"]


def test_a_journal_that_does_not_exist_yet_is_fine(settings: Settings, tmp_path: Path) -> None:
    settings.HUB_RECOVERY_JOURNAL = tmp_path / "not" / "yet"

    assert errors() == []


def test_a_registration_without_its_catalogue_entry_is_told() -> None:
    ClientRegistration.objects.create(slug="gone", provider="gone", client_id="c")
    ClientRegistration.objects.create(slug="here", provider="oidc", client_id="c")

    assert errors(databases=["default"]) == ["hub.E006"]


@pytest.mark.requirement(94)
def test_a_key_that_has_the_name_of_another_is_told(settings: Settings) -> None:
    make_connection()
    assert errors(databases=["default"]) == []

    settings.HUB_SEALING_KEYS = f"{new_key('k2')},{new_key('test')}"

    assert errors(databases=["default"]) == ["hub.E007"]


@pytest.mark.requirement(94)
@pytest.mark.parametrize("make", [make_connection, make_pending_revocation, make_authorization_request])
def test_a_key_that_something_lies_under_and_is_not_there_is_told(
    settings: Settings, make: Callable[[], object]
) -> None:
    make()

    settings.HUB_SEALING_KEYS = new_key("k2")

    assert errors(databases=["default"]) == ["hub.E008"]


def test_a_key_service_that_is_not_set_up_is_told(settings: Settings) -> None:
    settings.HUB_SEALING_KEYS = "k2:aws-kms:AAAA"

    assert errors(databases=["default"]) == ["hub.E001"]
