"""One registration, many tenants of a provider: whatever goes out for a connection goes to the tenant it is at."""

from urllib.parse import urlsplit

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from integrations import vault
from integrations.flows import access, connect, reseal
from integrations.flows.disconnect import disconnect
from integrations.flows.errors import ConnectionUnusable, ConnectRefused
from integrations.flows.refresh import refresh
from integrations.flows.register import Registration, register
from integrations.models import AuthorizationRequest, ClientRegistration, Connection
from integrations.oauth.errors import OAuthError, ResponseRefused
from integrations.providers import VariableRefused
from integrations.vault import SealError
from tests.clock import Clock
from tests.factories import make_connection, make_user
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.registration import register_helpdesk
from tests.flows.journey import Journey, fresh, stored_tokens


@pytest.fixture
def registration(db: None, provider_server: FakeAuthorizationServer) -> ClientRegistration:
    return register_helpdesk(provider_server)


def begin(journey: Journey, desk: str, *features: str, region: str = "eu") -> str:
    return connect.begin(
        user=journey.user,
        browser=journey.browser,
        registration=journey.registration,
        features=features,
        variables={"desk": desk, "region": region},
        now=journey.clock(),
    )


def connected(journey: Journey, desk: str, *features: str, region: str = "eu", account: str = "alice") -> Connection:
    pairs = journey.server.authorize(begin(journey, desk, *features, region=region), account=account)
    return fresh(journey.complete(pairs).connection)


def paths(server: FakeAuthorizationServer, endpoint: str) -> list[str]:
    return [request.path for request in server.requests(endpoint)]


def test_two_tenants_under_one_registration_live_side_by_side(
    journey: Journey, provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    acme, globex = connected(journey, "acme", "tickets.read"), connected(journey, "globex", "tickets.read", region="us")
    assert acme.subject == globex.subject
    assert (acme.issuer, globex.issuer) == (
        f"{provider_server.origin}/eu/acme/oauth",
        f"{provider_server.origin}/us/globex/oauth",
    )
    assert paths(provider_server, "token") == ["/eu/acme/oauth/token/", "/us/globex/oauth/token/"]
    assert paths(provider_server, "userinfo") == ["/eu/acme/sandbox/api/profile", "/us/globex/sandbox/api/profile"]
    provider_server.forget_requests()

    for row in (acme, globex):
        refresh(row.pk, clock=clock, force=True)
        access.session(row, clock=clock).get("/notes")
        access.test_connection(row, clock=clock)
        disconnect(row, actor="robin", now=clock())

    assert paths(provider_server, "token") == ["/eu/acme/oauth/token/", "/us/globex/oauth/token/"]
    assert paths(provider_server, "api") == ["/eu/acme/sandbox/api/notes", "/us/globex/sandbox/api/notes"]
    assert paths(provider_server, "userinfo") == ["/eu/acme/sandbox/api/profile", "/us/globex/sandbox/api/profile"]
    assert {urlsplit(path).path for path in paths(provider_server, "revoke")} == {
        "/eu/acme/oauth/revoke_token/",
        "/us/globex/oauth/revoke_token/",
    }


def test_enabling_and_reconnecting_stay_at_the_tenant(
    journey: Journey, provider_server: FakeAuthorizationServer
) -> None:
    row = connected(journey, "acme", region="us")

    url = journey.begin("tickets.read", connection=row)
    completed = journey.complete(provider_server.authorize(url))

    assert urlsplit(url).path == "/us/acme/oauth/authorize/"
    assert completed.connection.pk == row.pk
    assert fresh(row).variables == {"desk": "acme", "region": "us"}
    assert paths(provider_server, "token") == ["/us/acme/oauth/token/"] * 2


def test_the_same_account_at_the_same_tenant_is_one_connection(journey: Journey) -> None:
    assert connected(journey, "acme").pk == connected(journey, "acme").pk


@pytest.mark.requirement(10, 12, 13)
def test_the_code_goes_to_the_tenant_of_the_attempt_whatever_comes_back(
    journey: Journey, provider_server: FakeAuthorizationServer
) -> None:
    ours, theirs = begin(journey, "acme"), begin(journey, "mallory")
    foreign = dict(provider_server.authorize(theirs))
    state = dict(provider_server.authorize(ours))["state"]
    provider_server.forget_requests()

    with pytest.raises(ResponseRefused):
        journey.complete([*(foreign | {"state": state}).items()])
    assert not provider_server.requests("token")

    pairs = dict(provider_server.authorize(begin(journey, "acme")))
    journey.complete([*pairs.items(), ("desk", "mallory"), ("variable_desk", "mallory")])
    assert paths(provider_server, "token") == ["/eu/acme/oauth/token/"]


@pytest.mark.requirement(10, 13)
def test_an_attempt_that_was_moved_to_another_tenant_does_not_open(
    journey: Journey, provider_server: FakeAuthorizationServer
) -> None:
    pairs = provider_server.authorize(begin(journey, "acme"))
    AuthorizationRequest.objects.update(variables={"desk": "mallory", "region": "eu"})
    moved = [(name, value) for name, value in pairs if name != "iss"]
    moved.append(("iss", f"{provider_server.origin}/eu/mallory/oauth"))

    with pytest.raises(ConnectRefused):
        journey.complete(moved)

    assert not provider_server.requests("token")


@pytest.mark.requirement(113)
def test_tokens_do_not_open_for_a_row_that_was_moved_to_another_tenant(journey: Journey, clock: Clock) -> None:
    row = connected(journey, "acme")
    Connection.objects.update(variables={"desk": "mallory", "region": "eu"})

    with pytest.raises(SealError):
        stored_tokens(row)
    with pytest.raises(ConnectionUnusable):
        access.token(row, clock=clock)
    assert fresh(row).status == Connection.Status.NEEDS_REAUTHORIZATION


def test_tokens_of_a_tenant_are_sealed_anew_with_the_rest(journey: Journey, clock: Clock, settings: Settings) -> None:
    row = connected(journey, "acme")
    old = settings.HUB_SEALING_KEYS
    settings.HUB_SEALING_KEYS = f"next:{'A' * 43}=,{old}"

    assert reseal.reseal(now=clock()).unopened == ()
    assert stored_tokens(row).access_token
    assert vault.keyring().primary == "next"


@pytest.mark.requirement(113, 134)
@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"desk": "acme", "region": "mars"},
        {"desk": "../admin"},
        {"desk": "acme", "origin": "http://127.0.0.1:1"},
        {"desk": "acme", "token_endpoint": "https://evil.example"},
    ],
)
def test_an_answer_that_does_not_fit_starts_no_attempt(journey: Journey, variables: dict[str, str]) -> None:
    with pytest.raises(VariableRefused):
        connect.begin(
            user=journey.user,
            browser="b",
            registration=journey.registration,
            features=(),
            variables=variables,
            now=journey.clock(),
        )

    assert not AuthorizationRequest.objects.exists()


def test_what_the_operator_fixed_is_kept_with_the_connection(
    db: None, provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    registration = register_helpdesk(provider_server, slug="fixed", desk="acme")
    journey = Journey(user=make_user(), registration=registration, server=provider_server, clock=clock)
    with pytest.raises(VariableRefused):
        begin(journey, "other")
    url = connect.begin(user=journey.user, browser=journey.browser, registration=registration, features=(), now=clock())
    row = journey.complete(provider_server.authorize(url)).connection
    given = given_again(registration, variables={"origin": provider_server.origin})
    changed = register(given, now=clock())

    refresh(row.pk, clock=clock, force=True)

    assert changed.variables == {"origin": provider_server.origin}
    assert fresh(row).variables == {"desk": "acme", "region": "eu"}
    assert paths(provider_server, "token") == ["/eu/acme/oauth/token/"] * 2


def test_a_connection_stays_at_its_tenant_when_the_operator_fixes_another(
    journey: Journey, provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    row = connected(journey, "acme")
    variables = {"origin": provider_server.origin, "desk": "globex"}
    register(given_again(journey.registration, variables=variables), now=clock())
    provider_server.forget_requests()

    refresh(row.pk, clock=clock, force=True)

    assert paths(provider_server, "token") == ["/eu/acme/oauth/token/"]


def given_again(registration: ClientRegistration, **changes: object) -> Registration:
    given = {"client_id": registration.client_id, "client_secret": "s3cret+/ %:ü", "variables": registration.variables}
    return Registration(slug=registration.slug, provider="helpdesk", **(given | changes))


def test_a_value_that_connections_still_need_is_not_taken_away(
    db: None, provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    registration = register_helpdesk(provider_server, slug="fixed", desk="acme")
    make_connection(registration=registration)

    with pytest.raises(VariableRefused) as refused:
        register(given_again(registration, variables={"origin": provider_server.origin}), now=clock())

    assert refused.value.field == "desk"
    registration.refresh_from_db()
    assert registration.variables["desk"] == "acme"


@pytest.mark.requirement(113)
def test_leaving_the_tenant_to_people_needs_the_secret_again(
    db: None, provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    registration = register_helpdesk(provider_server, slug="fixed", desk="acme")

    with pytest.raises(VariableRefused, match="Enter the client secret again"):
        variables = {"origin": provider_server.origin}
        register(given_again(registration, client_secret=None, variables=variables), now=clock())


def test_what_a_tenant_says_that_a_person_named_is_no_alarm(
    journey: Journey, provider_server: FakeAuthorizationServer
) -> None:
    pairs = provider_server.authorize(begin(journey, "nowhere"))
    provider_server.misbehave("token", Behaviour.ERROR, error="invalid_client")

    with pytest.raises(OAuthError):
        journey.complete(pairs)

    journey.registration.refresh_from_db()
    assert journey.registration.last_error_code == ""


def test_a_token_of_a_tenant_costs_two_queries(journey: Journey, clock: Clock) -> None:
    row = connected(journey, "acme")
    access.token(row, clock=clock)

    with CaptureQueriesContext(database) as queries:
        access.token(row, clock=clock)

    assert len(queries) <= 2
