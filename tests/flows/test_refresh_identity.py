"""An id_token that comes with a refresh must be about the same account (OpenID Connect Core §12.2)."""

import pytest

from integrations.flows import access
from integrations.models import ClientRegistration, Connection
from integrations.oauth.errors import OAuthError
from tests.fakes.misbehaviour import Behaviour
from tests.flows.journey import Journey, fresh, stored_tokens


@pytest.mark.requirement(57)
@pytest.mark.parametrize(
    "lie",
    [
        {"sub": "sub-bob"},
        {"iss": "https://elsewhere.test"},
        {"aud": "another client"},
        {"nonce": "another"},
        {"auth_time": 1},
        {"sub": None},
    ],
    ids=lambda lie: next(iter(lie)) + str(next(iter(lie.values())) or " missing"),
)
def test_an_id_token_that_changed_its_mind_refuses_the_refresh(
    oidc_journey: Journey, lie: dict[str, str | int | None]
) -> None:
    connection = oidc_journey.connect("offline")
    before = stored_tokens(connection)
    oidc_journey.server.conduct.id_token_claims = lie
    oidc_journey.clock.advance(minutes=61)

    with pytest.raises(OAuthError):
        access.token(fresh(connection), clock=oidc_journey.clock)

    after = fresh(connection)
    assert after.status == Connection.Status.NEEDS_REAUTHORIZATION
    assert after.last_error_code
    assert stored_tokens(connection) == before


@pytest.mark.requirement(57)
@pytest.mark.parametrize("claims", [{}, {"nonce": None}, {"auth_time": None}])
def test_an_id_token_about_the_same_account_is_taken(oidc_journey: Journey, claims: dict[str, None]) -> None:
    connection = oidc_journey.connect("offline")
    oidc_journey.server.conduct.id_token_claims = claims
    oidc_journey.clock.advance(minutes=61)

    value = access.token(fresh(connection), clock=oidc_journey.clock).value

    assert oidc_journey.server.is_active(value)
    assert fresh(connection).status == Connection.Status.ACTIVE


@pytest.mark.requirement(57)
def test_a_refresh_without_an_id_token_keeps_the_account(oidc_journey: Journey) -> None:
    oidc_journey.server.conduct.id_token_on_refresh = False
    connection = oidc_journey.connect("offline")
    id_token = stored_tokens(connection).id_token
    oidc_journey.clock.advance(minutes=61)

    access.token(fresh(connection), clock=oidc_journey.clock)

    assert stored_tokens(connection).id_token == id_token


def test_keys_that_rotate_between_connect_and_refresh_are_fetched(oidc_journey: Journey) -> None:
    connection = oidc_journey.connect("offline")
    oidc_journey.server.keys.rotate()
    oidc_journey.clock.advance(minutes=61)

    assert oidc_journey.server.is_active(access.token(fresh(connection), clock=oidc_journey.clock).value)


@pytest.mark.requirement(57, 73)
def test_keys_that_cannot_be_had_cost_the_id_token_and_not_the_connection(oidc_journey: Journey) -> None:
    connection = oidc_journey.connect("offline")
    id_token = stored_tokens(connection).id_token
    oidc_journey.server.keys.rotate()
    oidc_journey.server.misbehave("jwks", Behaviour.SERVER_ERROR, times=None)
    oidc_journey.clock.advance(minutes=61)

    value = access.token(fresh(connection), clock=oidc_journey.clock).value

    assert oidc_journey.server.is_active(value)
    assert fresh(connection).status == Connection.Status.ACTIVE
    assert stored_tokens(connection).id_token == id_token


@pytest.mark.requirement(57, 73, 124)
def test_keys_at_an_address_that_is_not_asked_cost_the_id_token_and_not_the_connection(oidc_journey: Journey) -> None:
    """The name of the keys' host may lead to an inner address one day: the refresh token was spent by then."""
    connection = oidc_journey.connect("offline")
    before = stored_tokens(connection)
    metadata = {**connection.registration.metadata, "jwks_uri": "https://169.254.169.254/keys"}
    ClientRegistration.objects.filter(pk=connection.registration_id).update(metadata=metadata)
    oidc_journey.clock.advance(minutes=61)

    value = access.token(fresh(connection), clock=oidc_journey.clock).value

    after = stored_tokens(connection)
    assert oidc_journey.server.is_active(value)
    assert fresh(connection).status == Connection.Status.ACTIVE
    assert oidc_journey.server.is_active(after.refresh_token or "")
    assert (after.refresh_token != before.refresh_token, after.id_token) == (True, before.id_token)
