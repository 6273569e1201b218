"""Using a connection: the token, the session that keeps it alive, and the scope a caller needs."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from integrations.flows import access, refresh
from integrations.flows.errors import ConnectionUnusable, NotConnected, ScopeMissing
from integrations.flows.session import HubSession
from integrations.models import Connection
from integrations.oauth.errors import AddressRefused
from tests.factories import make_user
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour
from tests.flows.journey import Journey, fresh, stored_tokens
from tests.flows.threads import started


def session_of(journey: Journey, connection: Connection) -> HubSession:
    return access.session(fresh(connection), clock=journey.clock)


def notes(journey: Journey) -> str:
    return journey.server.origin + "/sandbox/api/notes"


def test_a_valid_token_costs_two_queries_at_most_and_no_write(journey: Journey) -> None:
    connection = fresh(journey.connect())
    access.token(connection, clock=journey.clock)

    with CaptureQueriesContext(
        database,
    ) as queries:
        access.token(connection, clock=journey.clock)

    assert len(queries) <= 2
    assert all(query["sql"].lstrip().upper().startswith("SELECT") for query in queries)


@pytest.mark.requirement(43)
def test_a_caller_is_refused_scope_that_the_connection_lacks(journey: Journey) -> None:
    lacking = journey.connect("notes.read", account="alice")
    journey.connect("notes.read", "notes.write", account="bob")

    with pytest.raises(ScopeMissing) as refusal:
        access.token(lacking, scope=frozenset({"notes:write"}), clock=journey.clock)

    assert refusal.value.scope == {"notes:write"}
    assert refusal.value.consent_path.startswith("/connections/consent/")
    assert journey.server.requests("api") == []


@pytest.mark.requirement(43)
def test_a_caller_is_refused_scope_that_was_lost_with_the_refresh_it_caused(journey: Journey) -> None:
    connection = journey.connect("notes.read")
    journey.server.conduct.refreshed_scope = frozenset({"profile"})
    journey.clock.advance(minutes=61)

    with pytest.raises(ScopeMissing):
        access.token(fresh(connection), scope={"notes:read"}, clock=journey.clock)


@pytest.mark.requirement(43)
def test_scope_that_is_there_is_given(journey: Journey) -> None:
    connection = journey.connect("notes.read")

    token = access.token(connection, scope=frozenset({"notes:read"}), clock=journey.clock)

    assert token.value == stored_tokens(connection).access_token
    assert token.value not in repr(token)


@pytest.mark.requirement(43)
def test_a_feature_is_looked_for_among_ones_own_connections_only(journey: Journey) -> None:
    owned = journey.connect("notes.read")

    found = access.require_feature(journey.user.pk, "sandbox", "notes.read")

    assert found.pk == owned.pk
    with pytest.raises(NotConnected):
        access.require_feature(make_user().pk, "sandbox", "notes.read")
    with pytest.raises(ScopeMissing):
        access.require_feature(journey.user.pk, "sandbox", "notes.write")


def test_a_session_calls_the_provider_with_the_token(journey: Journey) -> None:
    connection = journey.connect("notes.read")

    answer = session_of(journey, connection).get(notes(journey))

    assert answer.json() == {"notes": ["a note of alice"]}


@pytest.mark.requirement(77)
def test_a_refused_token_is_refreshed_once_and_the_call_repeated_once(journey: Journey) -> None:
    connection = journey.connect("notes.write")
    journey.server.expire_access_tokens()

    answer = session_of(journey, connection).post(notes(journey), json={"text": "hello"})

    assert answer.status_code == 200
    assert len(journey.server.refreshes()) == 1
    first, second = journey.server.requests("api")
    assert first.body == second.body == b'{"text": "hello"}'
    assert first.headers["authorization"] != second.headers["authorization"]


@pytest.mark.requirement(77)
def test_a_second_refusal_is_handed_to_the_caller(journey: Journey) -> None:
    connection = journey.connect("notes.read")
    journey.server.misbehave("api", Behaviour.INVALID_TOKEN, times=None)

    answer = session_of(journey, connection).get(notes(journey))

    assert answer.status_code == 401
    assert len(journey.server.refreshes()) == 1
    assert len(journey.server.requests("api")) == 2


@pytest.mark.requirement(77)
def test_missing_scope_is_no_reason_to_refresh(journey: Journey) -> None:
    connection = journey.connect()

    answer = session_of(journey, connection).get(notes(journey))

    assert answer.status_code == 403
    assert journey.server.refreshes() == []
    assert len(journey.server.requests("api")) == 1


@pytest.mark.requirement(77)
@pytest.mark.parametrize(
    "body",
    [lambda: BytesIO(b"once"), lambda: iter([b"on", b"ce"])],
    ids=["file", "generator"],
)
def test_a_body_that_can_be_read_only_once_is_not_sent_again(journey: Journey, body: Callable[[], object]) -> None:
    connection = journey.connect("notes.write")
    journey.server.misbehave("api", Behaviour.INVALID_TOKEN, times=None)

    answer = session_of(journey, connection).post(notes(journey), data=body())

    assert answer.status_code == 401
    assert len(journey.server.requests("api")) == 1


@pytest.mark.requirement(77)
def test_a_file_that_is_uploaded_is_not_sent_again(journey: Journey) -> None:
    connection = journey.connect("notes.write")
    journey.server.misbehave("api", Behaviour.INVALID_TOKEN, times=None)

    answer = session_of(journey, connection).post(notes(journey), files={"note": BytesIO(b"once")})

    assert answer.status_code == 401
    assert len(journey.server.requests("api")) == 1


@pytest.mark.requirement(77, 78)
@pytest.mark.django_db(transaction=True)
def test_asking_whose_account_it_is_does_not_refresh_what_was_replaced_since(oidc_journey: Journey) -> None:
    connection = oidc_journey.connect()
    old = stored_tokens(connection).access_token
    gate = oidc_journey.server.misbehave("userinfo", Behaviour.DELAY_BEFORE_PROCESSING)

    def ask() -> int:
        return access.test_connection(fresh(connection), clock=oidc_journey.clock).status

    with started(1, ask) as futures:
        gate.wait_for_arrival()
        refresh.refresh(connection.pk, clock=oidc_journey.clock, force=True)
        del oidc_journey.server.memory.access_tokens[old]
        gate.open()

    assert futures[0].result() == 200
    assert len(oidc_journey.server.refreshes()) == 1


@pytest.mark.requirement(78)
@pytest.mark.django_db(transaction=True)
def test_a_token_that_was_replaced_since_is_used_without_another_refresh(journey: Journey) -> None:
    connection = journey.connect("notes.read")
    old = stored_tokens(connection).access_token
    gate = journey.server.misbehave("api", Behaviour.DELAY_BEFORE_PROCESSING)

    with started(1, lambda: session_of(journey, connection).get(notes(journey)).status_code) as futures:
        gate.wait_for_arrival()
        refresh.refresh(connection.pk, clock=journey.clock, force=True)
        del journey.server.memory.access_tokens[old]
        gate.open()

    assert futures[0].result() == 200
    assert len(journey.server.refreshes()) == 1


@pytest.mark.requirement(79)
def test_a_token_of_unknown_lifetime_is_refreshed_when_it_is_refused(journey: Journey) -> None:
    journey.server.conduct.expires_in = None
    connection = journey.connect("notes.read")
    journey.server.expire_access_tokens()

    assert session_of(journey, connection).get(notes(journey)).status_code == 200
    assert len(journey.server.refreshes()) == 1


@pytest.mark.requirement(79)
def test_a_refused_token_without_a_refresh_token_asks_the_person(journey: Journey) -> None:
    journey.server.conduct.issue_refresh_token = False
    connection = journey.connect("notes.read")
    journey.server.expire_access_tokens()

    with pytest.raises(ConnectionUnusable):
        session_of(journey, connection).get(notes(journey))

    assert fresh(connection).status == Connection.Status.NEEDS_REAUTHORIZATION


@pytest.mark.requirement(25)
def test_a_session_of_a_registration_switched_off_sends_nothing(journey: Journey) -> None:
    connection = journey.connect("notes.read")
    running = session_of(journey, connection)
    journey.registration.enabled = False
    journey.registration.save()

    with pytest.raises(ConnectionUnusable, match="registration_disabled"):
        running.get(notes(journey))

    assert journey.server.requests("api") == []


def test_a_session_sends_its_token_to_the_providers_api_only(
    journey: Journey, second_provider_server: FakeAuthorizationServer
) -> None:
    connection = journey.connect("notes.read")
    elsewhere = second_provider_server.origin + "/api/notes"

    with pytest.raises(ConnectionUnusable, match="destination_refused"):
        session_of(journey, connection).get(elsewhere)

    assert second_provider_server.requests() == []


def test_testing_a_connection_really_calls_the_provider(journey: Journey) -> None:
    connection = journey.connect()

    assert access.test_connection(connection, clock=journey.clock).ok
    journey.server.misbehave("userinfo", Behaviour.SERVER_ERROR)
    assert not access.test_connection(connection, clock=journey.clock).ok
    journey.server.revoke_grants("alice")
    with pytest.raises(ConnectionUnusable):
        access.test_connection(connection, clock=journey.clock)


@pytest.mark.requirement(124)
def test_a_session_calls_no_address_that_is_not_public(journey: Journey, settings: Settings) -> None:
    connection = journey.connect("notes.read")
    settings.HUB_OUTBOUND_ALLOWED_HOSTS = ()

    with pytest.raises(AddressRefused):
        session_of(journey, connection).get(notes(journey))

    assert not journey.server.requests("api")


@pytest.mark.requirement(125)
def test_a_session_follows_no_redirect(journey: Journey) -> None:
    connection = journey.connect("notes.read")
    journey.server.misbehave("api", Behaviour.REDIRECT)

    answer = session_of(journey, connection).get(notes(journey), allow_redirects=True)

    assert answer.is_redirect
    assert len(journey.server.requests("api")) == 1


@pytest.mark.requirement(127)
def test_a_session_takes_no_proxy_and_no_password_from_the_environment(
    journey: Journey, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    connection = journey.connect("notes.read")
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    assert session_of(journey, connection).get(notes(journey)).ok

    sent = journey.server.requests("api")[-1].headers["authorization"]
    assert sent == f"Bearer {stored_tokens(connection).access_token}"
