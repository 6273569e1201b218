"""RFC 8628 §3.5: who polls too early is told so, and who does as told never again."""

from datetime import UTC, datetime, timedelta

import pytest
from oauth2_provider.models import Application

from hub.authorization_server.devices import judge_poll
from hub.authorization_server.models import DeviceAuthorization
from tests.authorization_server.device_steps import (
    begin,
    browser_of,
    decide,
    error_of,
    make_device_client,
    pass_by,
    poll,
)
from tests.factories import make_user

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def application() -> Application:
    return make_device_client()


@pytest.mark.requirement(91)
def test_who_polls_too_early_is_told_to_slow_down_and_who_does_as_told_is_not_told_again(
    application: Application,
) -> None:
    device_code = begin()["device_code"]
    assert error_of(poll(device_code)) == "authorization_pending"
    pass_by(1)
    assert error_of(poll(device_code)) == "slow_down"

    for _ in range(4):
        pass_by(10)
        assert error_of(poll(device_code)) == "authorization_pending"
    pass_by(5)
    assert error_of(poll(device_code)) == "slow_down"
    pass_by(15)
    assert error_of(poll(device_code)) == "authorization_pending"


@pytest.mark.requirement(91)
def test_polling_exactly_on_the_interval_or_a_little_under_is_never_punished(application: Application) -> None:
    device_code = begin()["device_code"]

    for seconds in [5, 5, 4.6, 5.2, 4.9, 5, 5] * 10:
        pass_by(seconds)
        DeviceAuthorization.objects.update(expires_at=datetime.now(UTC) + timedelta(seconds=60))
        assert error_of(poll(device_code)) == "authorization_pending"


@pytest.mark.requirement(91)
@pytest.mark.parametrize(
    ("interval", "waited", "is_too_early", "then"),
    [(5, None, False, 5), (5, 5, False, 5), (5, 4, False, 5), (5, 3.9, True, 10), (10, 5, True, 15), (60, 5, True, 60)],
)
def test_what_a_poll_comes_to(interval: int, waited: float | None, is_too_early: bool, then: int) -> None:
    before = None if waited is None else NOW - timedelta(seconds=waited)

    judged = judge_poll(before, interval, now=NOW)

    assert (judged.is_too_early, judged.interval_seconds) == (is_too_early, then)


@pytest.mark.requirement(91)
def test_a_client_that_never_slows_down_gets_its_tokens_all_the_same(application: Application) -> None:
    codes = begin()
    for _ in range(20):
        poll(codes["device_code"])

    decide(browser_of(make_user()), codes["user_code"])

    assert poll(codes["device_code"]).status_code == 200
