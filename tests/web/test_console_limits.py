"""How often a person may call: one call at a time, thirty a minute."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from integrations.web import turns
from tests.fakes.misbehaviour import Behaviour
from tests.flows.threads import started
from tests.web.calling import asked, call
from tests.web.person import Person, text_of


@pytest.mark.requirement(121)
@pytest.mark.django_db(transaction=True)
def test_a_second_call_at_the_same_time_is_not_sent(person: Person, stranger: Person) -> None:
    connection, theirs = person.connect("notes.read"), stranger.connect("notes.read", account="bob")
    gate = person.server.misbehave("api", Behaviour.DELAY_BEFORE_PROCESSING)
    with started(1, lambda: call(person, connection).status_code) as first:
        gate.wait_for_arrival()

        second = call(person, connection)
        of_another_person = call(stranger, theirs)
        gate.open()

    assert first[0].result() == 200
    assert second.status_code == 429
    assert "One call at a time" in text_of(second)
    assert of_another_person.status_code == 200
    assert len(asked(person)) == 2
    assert call(person, connection).status_code == 200


@pytest.mark.requirement(121)
def test_thirty_calls_a_minute_are_made(person: Person) -> None:
    connection = person.connect("notes.read")
    a_moment_ago = timezone.now() - timedelta(seconds=5)
    for _ in range(turns.CALLS - 1):
        with turns.turn(person.user.pk, now=a_moment_ago):
            pass
    assert call(person, connection).status_code == 200

    refused = call(person, connection)

    assert refused.status_code == 429
    assert 50 <= int(refused.headers["Retry-After"]) <= 60
    assert "That was a lot in one minute" in text_of(refused)
    assert len(asked(person)) == 1


@pytest.mark.requirement(121)
def test_a_turn_ends_with_its_minute_and_with_an_error() -> None:
    now = timezone.now()
    for _ in range(turns.CALLS):
        with pytest.raises(ZeroDivisionError), turns.turn(1, now=now):
            raise ZeroDivisionError
    with pytest.raises(turns.NotNow), turns.turn(1, now=now + timedelta(seconds=59)):
        pass

    with turns.turn(1, now=now + timedelta(seconds=60)), pytest.raises(turns.NotNow), turns.turn(1, now=now):
        pass
    with turns.turn(2, now=now):
        pass


def test_a_turn_that_outlived_its_time_does_not_end_another() -> None:
    now = timezone.now()
    with turns.turn(1, now=now):
        cache.delete("turn:1")
        cache.add("turn:1", "another call's")

    with pytest.raises(turns.NotNow), turns.turn(1, now=now):
        pass
