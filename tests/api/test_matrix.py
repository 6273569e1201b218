"""Route × scope, and route × who asks: each route found by itself, so that none is forgotten."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from hub.authorization_server.configuration import SCOPE
from integrations.models import AnsweredRequest, Connection, ConnectLink, Event
from tests.api.calling import Program, issue, program_of
from tests.api.matrix import Route, routes
from tests.factories import make_connection, make_registration, make_user
from tests.lending import make_allowance

pytestmark = pytest.mark.django_db

ROUTES = routes()
EACH = pytest.mark.parametrize("route", ROUTES, ids=str)


@pytest.fixture
def connection() -> Connection:
    row = make_connection(owner=make_user("owner"), registration=make_registration(slug="here"), account_label="Ada L.")
    make_allowance(row)
    return row


def snapshot() -> list[Any]:
    return [
        list(Connection.objects.order_by("pk").values()),
        [model._default_manager.count() for model in (Event, ConnectLink, AnsweredRequest)],
    ]


def test_there_is_something_to_sweep() -> None:
    assert {route.scope for route in ROUTES} >= set(SCOPE) - {"connections:call"}


@pytest.mark.requirement(148)
@EACH
def test_route_has_its_scope_and_the_scope_is_one_that_there_is(route: Route) -> None:
    assert route.scope in SCOPE


@pytest.mark.requirement(148)
@EACH
@pytest.mark.parametrize("scope", [*SCOPE, "", "unknown"])
def test_scope_alone_opens_its_own_routes_and_no_other(route: Route, scope: str, connection: Connection) -> None:
    before = snapshot()

    response = route.ask(program_of(connection.owner, scope=scope), connection)

    if scope == route.scope:
        assert response.status_code not in (401, 403, 404)
    else:
        assert response.status_code == 403
        assert (
            f'error="insufficient_scope", error_description="This needs the scope {route.scope}."'
            in (response["WWW-Authenticate"])
        )
        assert response["WWW-Authenticate"].count(f'scope="{route.scope}"') == 1
        assert snapshot() == before
    assert route.documents(response.status_code)


@pytest.mark.requirement(147)
@EACH
@pytest.mark.parametrize("who", ["anonymous", "unknown", "expired", "inactive"])
def test_without_a_live_token_nobody_gets_in(route: Route, who: str, connection: Connection) -> None:
    tokens = {
        "anonymous": "",
        "unknown": "nobody-issued-this",
        "expired": issue(connection.owner, expires_in=-1),
        "inactive": issue(connection.owner),
    }
    if who == "inactive":
        User.objects.update(is_active=False)
    before = snapshot()

    response = route.ask(Program(token=tokens[who]), connection)

    challenge = response["WWW-Authenticate"]
    assert response.status_code == 401
    assert ("error=" in challenge) is bool(tokens[who])
    assert 'resource_metadata="http://127.0.0.1:8000/.well-known/oauth-protected-resource/api/v1"' in challenge
    assert snapshot() == before


@pytest.mark.requirement(111)
@EACH
@pytest.mark.parametrize("who", ["stranger", "staff", "superuser", "another application", "application of its own"])
def test_what_is_not_theirs_is_unknown_to_everybody_else(route: Route, who: str, connection: Connection) -> None:
    programs = {
        "stranger": lambda: program_of(make_user()),
        "staff": lambda: program_of(make_user(is_staff=True)),
        "superuser": lambda: program_of(make_user(is_staff=True, is_superuser=True)),
        "another application": lambda: program_of(connection.owner, client_id="client-2"),
        "application of its own": lambda: program_of(None),
    }
    before = list(Connection.objects.values())

    response = route.ask(programs[who](), connection)

    told = response.content.decode()
    assert str(connection.uuid) not in told
    assert "Ada L." not in told
    assert list(Connection.objects.values()) == before
    if route.names_a_connection:
        wants_person = bool(told) and response.json()["code"] == "person_required"
        assert response.status_code == (403 if wants_person else 404)
    assert route.documents(response.status_code)


@pytest.mark.requirement(111)
@EACH
def test_owner_gets_what_is_theirs(route: Route, connection: Connection) -> None:
    response = route.ask(program_of(connection.owner), connection)
    # What a provider that is not there comes to is no concern of this sweep.
    assert response.status_code < 400 or response.status_code in (502, 503)
    assert route.documents(response.status_code)
