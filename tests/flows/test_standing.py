"""What workers know of each other's providers: pauses, circuits, and whose turn it is."""

import itertools
from collections.abc import Callable
from datetime import timedelta

import pytest

from integrations.flows import standing
from integrations.flows.clients import client_for
from integrations.flows.schedule import backoff, circuit_pause
from integrations.flows.standing import News, Reason, Trouble
from integrations.models import ClientRegistration, ProviderStanding
from tests.clock import Clock
from tests.factories import make_connection, make_registration
from tests.flows.threads import in_threads

pytestmark = pytest.mark.django_db(transaction=True)

ENDPOINT = "login.example.test"
LEASE_SECONDS = 60


@pytest.fixture
def note(db: None, clock: Clock) -> Callable[..., ProviderStanding]:
    """Note a trouble, as a sweep does; the row."""
    registration = make_registration()

    def call(reason: Reason, *, seconds: int = 0, endpoint: str = ENDPOINT) -> ProviderStanding:
        instance = (registration.pk, ())
        trouble = Trouble(
            endpoint=endpoint, instance=instance, reason=reason, error_code="server_error", seconds=seconds
        )
        standing.write_down(News(troubles=[trouble]), now=clock())
        return ProviderStanding.objects.get(endpoint=endpoint)

    return call


def verdict(clock: Clock, endpoint: str = ENDPOINT) -> standing.Verdict:
    return standing.verdicts({endpoint}, now=clock()).get(endpoint, standing.FREE)


@pytest.mark.requirement(73)
def test_a_pause_that_was_asked_for_lasts_as_long_as_it_was_asked_for(
    note: Callable[..., object], clock: Clock
) -> None:
    note(Reason.ASKED, seconds=100)

    assert verdict(clock).until == clock() + timedelta(seconds=100)
    assert verdict(clock, "other.example.test") == standing.FREE
    clock.advance(seconds=99)
    assert verdict(clock).was_asked
    clock.advance(seconds=1)
    assert verdict(clock) == standing.FREE


def test_a_trouble_begins_anew_where_an_earlier_pause_is_over(
    note: Callable[..., ProviderStanding], clock: Clock
) -> None:
    note(Reason.ASKED, seconds=100)
    clock.advance(days=9)

    assert note(Reason.ASKED, seconds=100).since == clock()
    clock.advance(seconds=50)
    assert note(Reason.DOWN).since == clock() - timedelta(seconds=50)


@pytest.mark.requirement(73)
def test_a_shorter_pause_does_not_end_a_longer_one(note: Callable[..., object], clock: Clock) -> None:
    note(Reason.ASKED, seconds=100)
    note(Reason.ASKED, seconds=5)

    assert verdict(clock).until == clock() + timedelta(seconds=100)


@pytest.mark.requirement(73, 76)
def test_what_is_down_is_tried_by_one_alone(note: Callable[..., ProviderStanding], clock: Clock) -> None:
    row = note(Reason.DOWN)
    assert verdict(clock).until == row.until
    clock.advance(minutes=1)
    assert row.state(now=clock()) == "half_open"

    found = [future.result() for future in in_threads(8, lambda: verdict(clock))]

    assert sorted(v.trying for v in found) == [False] * 7 + [True]
    assert {v.until for v in found if not v.trying} == {clock() + timedelta(seconds=LEASE_SECONDS)}


@pytest.mark.requirement(73, 76)
def test_the_turn_of_one_that_vanished_goes_to_another(note: Callable[..., object], clock: Clock) -> None:
    note(Reason.DOWN)
    clock.advance(minutes=1)
    assert verdict(clock).trying

    clock.advance(seconds=LEASE_SECONDS - 1)
    assert not verdict(clock).trying
    clock.advance(seconds=1)
    assert verdict(clock).trying


@pytest.mark.requirement(73, 76)
def test_a_failed_try_opens_the_circuit_for_longer_and_a_good_one_closes_it(
    note: Callable[..., ProviderStanding], clock: Clock
) -> None:
    note(Reason.DOWN)
    waits = []
    for _ in range(6):
        clock.advance(minutes=6)
        assert verdict(clock).trying
        row = note(Reason.DOWN)
        assert row.until is not None
        waits.append((row.until - clock()).total_seconds())

    assert all(later > earlier for earlier, later in itertools.pairwise(waits[:4]))
    assert all(60 <= wait <= 330 for wait in waits)
    clock.advance(minutes=6)
    standing.write_down(News(works=[ENDPOINT]), now=clock())
    assert verdict(clock) == standing.FREE
    assert ProviderStanding.objects.get().state(now=clock()) == "closed"
    assert note(Reason.DOWN).openings == 1


@pytest.mark.requirement(76)
def test_workers_that_find_it_down_at_once_count_as_one(note: Callable[..., ProviderStanding], clock: Clock) -> None:
    first = note(Reason.DOWN)
    second = note(Reason.DOWN)

    assert (second.openings, second.until) == (1, first.until)


def test_an_answer_that_left_before_the_circuit_opened_does_not_close_it(
    note: Callable[..., ProviderStanding], clock: Clock
) -> None:
    row = note(Reason.DOWN)

    standing.write_down(News(works=[ENDPOINT]), now=clock())

    assert verdict(clock).until == row.until


@pytest.mark.requirement(76)
def test_moments_of_a_capped_endpoint_are_given_once_whoever_asks(clock: Clock, transactional_db: None) -> None:
    instance = (make_registration().pk, ())

    def take() -> float:
        first = standing.reserve(ENDPOINT, instance, count=10, per_minute=600, now=clock())
        assert first is not None
        return (first - clock()).total_seconds()

    found = sorted(future.result() for future in in_threads(6, take))

    assert found == pytest.approx([0, 1, 2, 3, 4, 5])
    clock.advance(minutes=1)
    assert take() == 0


@pytest.mark.requirement(76)
def test_an_operators_cap_goes_before_the_catalogues(registration: ClientRegistration) -> None:
    registration.token_requests_per_minute = 7
    registration.full_clean()
    registration.token_requests_per_minute = 0

    with pytest.raises(Exception, match="greater than or equal to 1"):
        registration.full_clean()


@pytest.mark.requirement(73)
def test_those_who_were_sent_away_until_the_same_moment_come_back_apart() -> None:
    waits = [backoff(1, retry_after=600, seed=str(number)).total_seconds() for number in range(1000)]

    assert min(waits) >= 600
    assert max(waits) <= 630
    assert len({round(wait) for wait in waits}) >= 25


@pytest.mark.requirement(76)
def test_a_circuit_stays_open_for_longer_each_time_up_to_five_minutes() -> None:
    waits = [circuit_pause(number, seed="any").total_seconds() for number in range(1, 12)]

    assert 30 <= waits[0] <= 33
    assert waits[:4] == sorted(waits[:4])
    assert all(300 <= wait <= 330 for wait in waits[4:])


@pytest.mark.requirement(76)
def test_who_finds_a_capped_endpoint_taken_takes_nothing_away(clock: Clock, transactional_db: None) -> None:
    """Sweeps that begin again and again would else push its next free moment away faster than time passes."""
    instance = (make_registration().pk, ())

    def take() -> float | None:
        first = standing.reserve(ENDPOINT, instance, count=1, per_minute=30, now=clock())
        return None if first is None else (first - clock()).total_seconds()

    assert [take() for _ in range(50)] == [0, 2, 4, *[None] * 47]
    clock.advance(seconds=6)
    assert take() == 0


@pytest.mark.requirement(76)
def test_what_callers_have_taken_keeps_sweeps_away_for_a_minute_at_most(clock: Clock, transactional_db: None) -> None:
    registration = make_registration()
    registration.token_requests_per_minute = 60
    registration.save()
    connection = make_connection(registration=registration, now=clock())
    client = client_for(registration, {})
    for _ in range(100):
        standing.take_a_place(connection, client, url=f"https://{ENDPOINT}/token", now=clock())
    instance = (registration.pk, ())

    assert standing.reserve(ENDPOINT, instance, count=1, per_minute=60, now=clock()) is None
    clock.advance(seconds=60)
    assert standing.reserve(ENDPOINT, instance, count=1, per_minute=60, now=clock()) == clock()
