"""A provider that misbehaves: what each fault leaves behind, and how the connection comes back."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import pytest
from pytest_django import Settings

from integrations.flows import access
from integrations.models import ClientRegistration, Connection
from integrations.oauth.errors import OAuthError
from tests.fakes.conduct import Rotation
from tests.fakes.misbehaviour import Behaviour
from tests.flows.journey import Journey, fresh, stored_tokens
from tests.flows.threads import started


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault of the token endpoint during one refresh; `spent` says that the provider did its work first."""

    behaviour: Behaviour
    code: str
    spent: bool = False


FAULTS = (
    Fault(behaviour=Behaviour.DROP_BEFORE_PROCESSING, code="connection_lost"),
    Fault(behaviour=Behaviour.DROP_AFTER_PROCESSING, code="connection_lost", spent=True),
    Fault(behaviour=Behaviour.RATE_LIMITED, code="rate_limited"),
    Fault(behaviour=Behaviour.SERVER_ERROR, code="server_error"),
    Fault(behaviour=Behaviour.HTML, code="unreadable_response"),
    Fault(behaviour=Behaviour.TRUNCATED_JSON_AFTER_PROCESSING, code="unreadable_response", spent=True),
    Fault(behaviour=Behaviour.WRONG_TYPES_AFTER_PROCESSING, code="unreadable_response", spent=True),
)


def borrow(journey: Journey, connection: Connection) -> str:
    return access.token(fresh(connection), clock=journey.clock).value


def broken(journey: Journey, connection: Connection) -> str:
    """The code with which borrowing fails."""
    with pytest.raises(OAuthError) as failure:
        borrow(journey, connection)
    return failure.value.code


def is_working(journey: Journey, connection: Connection) -> bool:
    row = fresh(connection)
    return row.status == Connection.Status.ACTIVE and journey.server.is_active(stored_tokens(row).access_token)


@pytest.mark.requirement(159)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.behaviour)
@pytest.mark.parametrize("rotation", list(Rotation))
def test_a_fault_passes_unless_a_rotated_token_was_lost_with_it(
    journey: Journey, fault: Fault, rotation: Rotation
) -> None:
    journey.server.conduct.rotation = rotation
    connection = journey.connect()
    stored = stored_tokens(connection)
    journey.server.misbehave("token", fault.behaviour)
    journey.clock.advance(minutes=61)

    assert broken(journey, connection) == fault.code
    assert fresh(connection).status == Connection.Status.ACTIVE
    assert stored_tokens(connection) == stored
    journey.clock.advance(minutes=1)

    if fault.spent and rotation is Rotation.ALWAYS:
        assert broken(journey, connection) == "invalid_grant"
        assert fresh(connection).status == Connection.Status.NEEDS_REAUTHORIZATION
        journey.connect(connection=fresh(connection))
    else:
        borrow(journey, connection)
    assert is_working(journey, connection)


@pytest.mark.requirement(159)
@pytest.mark.django_db(transaction=True)
def test_a_slow_answer_is_waited_for(journey: Journey) -> None:
    connection = journey.connect()
    journey.clock.advance(minutes=61)
    gate = journey.server.misbehave("token", Behaviour.DELAY_AFTER_PROCESSING)

    with started(1, lambda: borrow(journey, connection)):
        gate.wait_for_arrival()
        gate.open()

    assert is_working(journey, connection)


@pytest.mark.requirement(45, 159)
def test_an_answer_that_never_comes_ends_at_the_deadline(journey: Journey, settings: Settings) -> None:
    settings.HUB_HTTP_DEADLINE_SECONDS = 1
    connection = journey.connect()
    journey.clock.advance(minutes=61)
    gate = journey.server.misbehave("token", Behaviour.DELAY_BEFORE_PROCESSING)

    assert broken(journey, connection) == "timeout"
    gate.open()
    assert fresh(connection).lease_owner == ""
    assert fresh(connection).status == Connection.Status.ACTIVE


@pytest.mark.requirement(159)
@pytest.mark.parametrize("rotation", list(Rotation))
def test_any_way_to_rotate_survives_refresh_after_refresh(journey: Journey, rotation: Rotation) -> None:
    journey.server.conduct.rotation = rotation
    connection = journey.connect()

    for _ in range(3):
        journey.clock.advance(minutes=61)
        borrow(journey, connection)

    assert is_working(journey, connection)
    assert journey.server.memory.reuses_detected == 0


@pytest.mark.requirement(159)
def test_a_grant_taken_back_at_the_provider_needs_its_person(journey: Journey) -> None:
    connection = journey.connect()
    journey.server.revoke_grants("alice")
    journey.clock.advance(minutes=61)

    assert broken(journey, connection) == "invalid_grant"
    assert fresh(connection).status == Connection.Status.NEEDS_REAUTHORIZATION
    journey.connect(connection=fresh(connection))
    assert is_working(journey, connection)


@pytest.mark.requirement(159)
def test_a_scope_taken_back_is_stored_and_can_be_granted_again(journey: Journey) -> None:
    connection = journey.connect("notes.read")
    journey.server.conduct.refreshed_scope = frozenset({"profile"})
    journey.clock.advance(minutes=61)

    borrow(journey, connection)
    assert fresh(connection).scope == {"profile"}

    journey.server.conduct.refreshed_scope = None
    journey.connect("notes.read", connection=fresh(connection))
    assert fresh(connection).scope == {"profile", "notes:read"}


@pytest.mark.requirement(159)
def test_rotated_keys_are_fetched(oidc_journey: Journey) -> None:
    connection = oidc_journey.connect("offline")
    oidc_journey.server.keys.rotate()
    oidc_journey.clock.advance(minutes=61)

    borrow(oidc_journey, connection)

    assert is_working(oidc_journey, connection)


@pytest.mark.requirement(81, 159)
@pytest.mark.parametrize("minutes", [-90, 90])
def test_a_provider_whose_clock_is_wrong_is_refreshed_by_ours(journey: Journey, minutes: int) -> None:
    journey.server.conduct.clock_skew = timedelta(minutes=minutes)
    connection = journey.connect()

    assert fresh(connection).access_expires_at == journey.clock() + timedelta(hours=1)
    assert journey.server.is_active(borrow(journey, connection))
    assert journey.server.refreshes() == []


@pytest.mark.requirement(53, 159)
@pytest.mark.parametrize(("seconds", "accepted"), [(20, True), (-20, True), (120, False), (-700, False)])
def test_an_id_token_of_a_skewed_clock_is_taken_within_the_leeway(
    oidc_journey: Journey, seconds: int, accepted: bool
) -> None:
    oidc_journey.server.conduct.clock_skew = timedelta(seconds=seconds)

    with suppress(OAuthError):
        oidc_journey.connect()

    assert Connection.objects.exists() is accepted


@pytest.mark.requirement(159)
def test_a_certificate_nobody_trusts_stops_the_refresh_and_mends(journey: Journey) -> None:
    connection = journey.connect()
    stored = stored_tokens(connection)
    move(journey.registration, journey.server.untrusted_origin)
    journey.clock.advance(minutes=61)

    assert broken(journey, connection) == "tls_failed"
    assert fresh(connection).status == Connection.Status.ACTIVE
    assert stored_tokens(connection) == stored
    assert journey.server.refreshes() == []

    move(journey.registration, journey.server.origin)
    journey.clock.advance(minutes=1)
    borrow(journey, connection)
    assert is_working(journey, connection)


@pytest.mark.requirement(73)
def test_a_provider_that_is_gone_is_waited_for(journey: Journey) -> None:
    connection = journey.connect()
    move(journey.registration, "http://127.0.0.1:9")
    journey.clock.advance(minutes=61)

    assert broken(journey, connection) == "connection_failed"
    move(journey.registration, journey.server.origin)
    journey.clock.advance(minutes=1)
    borrow(journey, connection)
    assert is_working(journey, connection)


def move(registration: ClientRegistration, origin: str) -> None:
    registration.variables = {"origin": origin}
    registration.save()
