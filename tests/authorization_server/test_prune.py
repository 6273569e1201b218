"""What the authorization server remembers goes when its time is over; `prune` sees to it."""

import io
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from hub.authorization_server.models import DeviceAuthorization, SpentCode, Tally
from tests.authorization_server.steps import make_application

pytestmark = pytest.mark.django_db(transaction=True)


def make_rows(expires_at: datetime, number: int) -> None:
    application = make_application(f"client-of-{number}")
    DeviceAuthorization.objects.create(
        application=application,
        device_code_hash=f"device-{number}",
        user_code_hash=f"user-{number}",
        interval_seconds=5,
        expires_at=expires_at,
    )
    SpentCode.objects.create(
        application=application,
        code_hash=f"code-{number}",
        token_family="00000000-0000-4000-8000-000000000000",
        expires_at=expires_at,
    )
    Tally.objects.create(name="test", subject_hash=f"subject-{number}", expires_at=expires_at)


def counts() -> list[int]:
    models: tuple[Any, ...] = (DeviceAuthorization, SpentCode, Tally)
    return [model.objects.count() for model in models]


@pytest.mark.parametrize("command", ["prune", "prune_grants"])
def test_what_is_over_goes_and_the_rest_stays(command: str) -> None:
    now = timezone.now()
    make_rows(now - timedelta(seconds=1), 1)
    make_rows(now + timedelta(hours=1), 2)

    call_command("prune_grants", "--dry-run", stdout=io.StringIO())
    assert counts() == [2, 2, 2]
    call_command(command, stdout=io.StringIO())

    assert counts() == [1, 1, 1]
    assert SpentCode.objects.get().code_hash == "code-2"
