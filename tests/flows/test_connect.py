"""A person connects an account: what is asked, what is stored, and what a denial leaves."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from integrations.models import Connection
from integrations.oauth.errors import AccessDenied, OAuthError, Remedy
from tests.factories import make_connection, make_registration, make_user
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.registration import register_oauth2
from tests.flows.journey import Journey, fresh, kinds, stored_tokens


def asked_scope(authorization_url: str) -> set[str]:
    return set(parse_qs(urlsplit(authorization_url).query).get("scope", [""])[0].split())


def test_a_connection_is_stored_with_its_account_and_tokens(journey: Journey) -> None:
    connection = journey.connect("notes.read", account="bob")

    assert (connection.owner, connection.registration) == (journey.user, journey.registration)
    assert (connection.subject, connection.account_label) == ("sub-bob", "bob")
    assert connection.scope == {"profile", "notes:read"}
    assert connection.access_expires_at == journey.clock() + timedelta(seconds=3600)
    assert journey.server.is_active(stored_tokens(connection).access_token)
    assert journey.server.is_active(stored_tokens(connection).refresh_token or "")
    assert kinds(connection) == ["connected"]


def test_only_what_is_wanted_is_asked_for(journey: Journey) -> None:
    assert asked_scope(journey.begin()) == {"profile"}
    assert asked_scope(journey.begin("notes.read")) == {"profile", "notes:read"}


def test_where_to_return_to_comes_back(journey: Journey) -> None:
    pairs = journey.server.authorize(journey.begin(return_to="/somewhere/"))

    assert journey.complete(pairs).return_to == "/somewhere/"


def test_the_generic_oauth2_provider_connects(journey: Journey) -> None:
    journey = replace(journey, registration=register_oauth2(journey.server))

    connection = journey.connect()

    assert connection.subject == "sub-alice"
    assert connection.scope == {"notes:read"}


def test_the_generic_openid_provider_connects_by_its_id_token(oidc_journey: Journey) -> None:
    connection = oidc_journey.connect("profile")

    assert (connection.issuer, connection.subject) == (oidc_journey.server.origin, "sub-alice")
    assert stored_tokens(connection).id_token


def test_a_second_account_is_a_second_connection(journey: Journey) -> None:
    first = journey.connect(account="alice")
    second = journey.connect(account="bob")

    assert first.pk != second.pk
    assert journey.server.is_active(stored_tokens(first).access_token)


def test_the_same_account_again_renews_its_connection(journey: Journey) -> None:
    first = journey.connect()
    again = journey.connect()

    assert again.pk == first.pk
    assert journey.server.is_active(stored_tokens(again).access_token)
    assert Connection.objects.count() == 1


def test_two_people_may_connect_the_same_account(journey: Journey) -> None:
    mine = journey.connect()
    theirs = replace(journey, user=make_user()).connect()

    assert mine.pk != theirs.pk


def test_reconnecting_brings_a_lost_connection_back(journey: Journey) -> None:
    connection = journey.connect("notes.read")
    Connection.objects.update(status="needs_reauthorization", refresh_due_at=None, last_error_code="invalid_grant")

    reconnected = journey.connect(connection=connection)

    assert (reconnected.pk, reconnected.status) == (connection.pk, Connection.Status.ACTIVE)
    assert reconnected.scope == {"profile", "notes:read"}
    assert reconnected.last_error_code == ""


def test_a_denial_stores_nothing_and_says_whose_turn_it_is(journey: Journey) -> None:
    pairs = journey.server.authorize(journey.begin(), error="access_denied")

    with pytest.raises(AccessDenied) as refusal:
        journey.complete(pairs)

    assert refusal.value.remedy is Remedy.REAUTHORIZE
    assert not Connection.objects.exists()


@pytest.mark.requirement(39)
def test_what_was_not_granted_is_told_and_asked_for_alone(journey: Journey) -> None:
    pairs = journey.server.authorize(journey.begin("notes.read", "notes.write"), scope="profile notes:read")

    completed = journey.complete(pairs)

    connection = fresh(completed.connection)
    assert [feature.slug for feature in completed.missing] == ["notes.write"]
    assert connection.scope == {"profile", "notes:read"}
    assert asked_scope(journey.begin("notes.write", connection=connection)) == {
        "profile",
        "notes:read",
        "notes:write",
    }


@pytest.mark.requirement(39)
def test_an_answer_without_scope_grants_what_was_asked_for(journey: Journey) -> None:
    journey.server.conduct.say_scope = False

    assert journey.connect("notes.read").scope == {"profile", "notes:read"}


@pytest.mark.requirement(40)
def test_more_scope_than_asked_for_is_flagged_and_not_used(journey: Journey) -> None:
    journey.server.conduct.granted_scope = frozenset({"profile", "notes:read", "notes:write"})

    connection = journey.connect("notes.read")

    assert connection.scope == {"profile", "notes:read"}
    assert "scope_unexpected" in kinds(connection)


@pytest.mark.requirement(41)
def test_an_upgrade_asks_old_and_new_and_stores_what_was_confirmed(journey: Journey) -> None:
    connection = journey.connect("notes.read")

    url = journey.begin("notes.write", connection=connection)
    completed = journey.complete(journey.server.authorize(url))

    assert asked_scope(url) == {"profile", "notes:read", "notes:write"}
    assert fresh(completed.connection).pk == connection.pk
    assert fresh(connection).scope == {"profile", "notes:read", "notes:write"}
    assert "scope_changed" in kinds(connection)


@pytest.mark.requirement(41)
def test_an_upgrade_granted_in_part_stores_that_part(journey: Journey) -> None:
    connection = journey.connect("notes.read")

    journey.connect("notes.write", connection=connection, scope="profile notes:write")

    assert fresh(connection).scope == {"profile", "notes:write"}


@pytest.mark.requirement(41)
@pytest.mark.parametrize("error", ["access_denied", "invalid_scope", "server_error"])
def test_a_failed_upgrade_leaves_the_old_connection_working(journey: Journey, error: str) -> None:
    connection = journey.connect("notes.read")
    tokens = stored_tokens(connection)
    pairs = journey.server.authorize(journey.begin("notes.write", connection=connection), error=error)

    with pytest.raises(OAuthError):
        journey.complete(pairs)

    assert fresh(connection).status == Connection.Status.ACTIVE
    assert fresh(connection).scope == {"profile", "notes:read"}
    assert stored_tokens(connection) == tokens
    assert journey.server.is_active(tokens.access_token)


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour.DROP_BEFORE_PROCESSING,
        Behaviour.DROP_AFTER_PROCESSING,
        Behaviour.SERVER_ERROR,
        Behaviour.RATE_LIMITED,
        Behaviour.HTML,
        Behaviour.TRUNCATED_JSON_AFTER_PROCESSING,
        Behaviour.WRONG_TYPES_AFTER_PROCESSING,
        Behaviour.REDIRECT,
    ],
)
@pytest.mark.requirement(31)
def test_a_code_is_sent_once_whatever_the_answer(journey: Journey, behaviour: Behaviour) -> None:
    pairs = journey.server.authorize(journey.begin())
    journey.server.misbehave("token", behaviour)

    with pytest.raises(OAuthError):
        journey.complete(pairs)

    assert len(journey.server.requests("token")) == 1
    assert not Connection.objects.exists()


@pytest.mark.requirement(41)
def test_a_provider_with_an_incremental_mode_is_asked_in_it(journey: Journey) -> None:
    connection = make_connection(owner=journey.user, registration=make_registration(provider="google", variables={}))
    at_google = replace(journey, registration=connection.registration)

    assert "include_granted_scopes" not in at_google.begin()
    assert "include_granted_scopes=true" in at_google.begin(connection=connection)
