"""A back-off lasts as long as there is reason to wait, and says who can end it."""

from dataclasses import replace

import pytest

from integrations.flows import access, register
from integrations.flows.register import Registration
from integrations.models import Connection
from integrations.oauth.errors import OAuthError, Remedy
from tests.factories import CLIENT_SECRET
from tests.fakes.misbehaviour import Behaviour
from tests.flows.journey import Journey, fresh, stored_tokens

pytestmark = pytest.mark.django_db(transaction=True)


def refused(journey: Journey, connection: Connection) -> OAuthError:
    with pytest.raises(OAuthError) as failure:
        access.token(fresh(connection), clock=journey.clock)
    return failure.value


def failing(journey: Journey, error: str, *, times: int | None = 1) -> Connection:
    """A connection whose refresh just failed."""
    connection = journey.connect()
    journey.clock.advance(minutes=61)
    journey.server.misbehave("token", Behaviour.ERROR, error=error, times=times)
    refused(journey, connection)
    return connection


def test_a_refused_registration_is_an_operators_concern_while_its_connections_wait_too(journey: Journey) -> None:
    connection = failing(journey, "invalid_client")

    again = refused(journey, connection)

    assert (again.code, again.remedy) == ("invalid_client", Remedy.OPERATOR)
    assert len(journey.server.requests("token")) == 2


def test_mending_a_registration_ends_the_wait_of_its_connections(journey: Journey) -> None:
    connection = failing(journey, "invalid_client")
    row = journey.registration
    given = Registration(slug=row.slug, provider=row.provider, client_id=row.client_id, variables=row.variables)

    register.register(replace(given, client_secret=CLIENT_SECRET), now=journey.clock())

    assert access.token(fresh(connection), clock=journey.clock).value == stored_tokens(connection).access_token
    assert fresh(connection).failure_count == 0


def test_testing_a_connection_asks_the_provider_however_long_the_hub_would_wait(journey: Journey) -> None:
    connection = failing(journey, "server_error")
    assert refused(journey, connection).remedy is Remedy.RETRY

    assert access.test_connection(fresh(connection), clock=journey.clock).ok
    assert journey.server.requests("userinfo")


def test_testing_a_connection_waits_as_long_as_the_provider_asked_for(journey: Journey) -> None:
    connection = journey.connect()
    journey.clock.advance(minutes=61)
    journey.server.misbehave("token", Behaviour.RATE_LIMITED)
    refused(journey, connection)
    asked = len(journey.server.requests("token"))

    with pytest.raises(OAuthError) as failure:
        access.test_connection(fresh(connection), clock=journey.clock)

    assert failure.value.remedy is Remedy.RETRY
    assert len(journey.server.requests("token")) == asked


def test_a_provider_that_refuses_every_token_is_asked_for_one_a_minute(journey: Journey) -> None:
    connection = journey.connect("notes.read")
    journey.server.misbehave("api", Behaviour.INVALID_TOKEN, times=None)

    with access.session(fresh(connection), clock=journey.clock) as session:
        statuses = {session.get(f"{journey.server.origin}/sandbox/api/notes").status_code for _ in range(5)}
        assert len(journey.server.refreshes()) == 1
        journey.clock.advance(minutes=2)
        session.get(f"{journey.server.origin}/sandbox/api/notes")

    assert statuses == {401}
    assert len(journey.server.refreshes()) == 2
