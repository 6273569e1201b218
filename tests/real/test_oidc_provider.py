"""The main job against a real OpenID provider: code and PKCE, rotation with reuse detection, `iss`, revocation."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests
from django.contrib.auth.models import User

from integrations import vault
from integrations.flows import access, connect, disconnect, register
from integrations.flows.clients import redirect_uri
from integrations.flows.register import Registration
from integrations.models import Attempt, ClientRegistration, Connection
from integrations.oauth.errors import AccessDenied, OAuthError
from integrations.vault import TokenSet
from tests.clock import Clock
from tests.factories import make_user
from tests.flows.attempting import why
from tests.flows.checking import check, codes
from tests.real.conftest import REAL_SLUG
from tests.real.oidc_provider import OidcProvider, Person

pytestmark = [pytest.mark.real, pytest.mark.django_db]

BROWSER = "a browser"


@dataclass(kw_only=True)
class RealJourney:
    """A person of the hub, and who they are at the provider."""

    user: User
    person: Person
    registration: ClientRegistration
    provider: OidcProvider
    clock: Clock

    def connect(self, *features: str, connection: Connection | None = None, agree: bool = True) -> Connection:
        url = connect.begin(
            user=self.user,
            browser=BROWSER,
            registration=self.registration,
            features=features,
            connection=connection,
            now=self.clock(),
        )
        pairs = self.person.authorize(url, redirect_uri=redirect_uri(self.registration), agree=agree)
        assert dict(pairs)["iss"] == self.provider.issuer
        completed = connect.complete(
            user=self.user, browser=BROWSER, registration=self.registration, pairs=pairs, now=self.clock()
        )
        return fresh(completed.connection)

    def borrow(self, connection: Connection) -> str:
        return access.token(fresh(connection), clock=self.clock).value


def fresh(connection: Connection) -> Connection:
    return Connection.objects.select_related("registration", "owner").get(pk=connection.pk)


def stored(connection: Connection) -> TokenSet:
    return vault.read(Connection.objects.select_related("vault_entry").get(pk=connection.pk))


@pytest.fixture
def journey(db: None, oidc_provider: OidcProvider, clock: Clock) -> Iterator[RealJourney]:
    given = Registration(
        slug=REAL_SLUG,
        provider="oidc",
        client_id=oidc_provider.client_id,
        client_secret=oidc_provider.client_secret,
        variables={"issuer": oidc_provider.issuer, "api_base_url": oidc_provider.issuer + "/api"},
    )
    registration = register.register(given, now=clock())
    yield RealJourney(
        user=make_user(), person=Person("alice"), registration=registration, provider=oidc_provider, clock=clock
    )


def test_a_connection_is_made_and_used(journey: RealJourney) -> None:
    connection = journey.connect("offline", "profile")

    assert (connection.issuer, connection.subject) == (journey.provider.issuer, "alice")
    assert connection.account_label == "Real alice"
    assert connection.scope == {"openid", "offline_access", "profile"}
    assert access.test_connection(connection, clock=journey.clock).status == 200


def test_a_session_gets_what_the_scope_allows(journey: RealJourney) -> None:
    connection = journey.connect("offline")
    with access.session(connection, clock=journey.clock) as session:
        assert session.get("/notes").status_code == 403

    journey.registration.extra_scope = "notes:read"
    journey.registration.save()
    upgraded = journey.connect("offline", connection=connection)

    with access.session(upgraded, scope={"notes:read"}, clock=journey.clock) as session:
        assert session.get("/notes").json() == {"notes": ["a note of alice"]}


@pytest.mark.requirement(71)
def test_a_refresh_rotates_the_refresh_token(journey: RealJourney) -> None:
    connection = journey.connect("offline")
    old = stored(connection)
    journey.clock.advance(minutes=61)

    value = journey.borrow(connection)

    new = stored(connection)
    assert new.refresh_token != old.refresh_token
    assert journey.provider.is_active(value)
    assert journey.provider.is_active(new.refresh_token or "")
    assert not journey.provider.is_active(old.refresh_token or "")


@pytest.mark.requirement(41)
def test_scope_is_added_step_by_step_and_the_connection_goes_on(journey: RealJourney) -> None:
    connection = journey.connect("offline")
    before = stored(connection)

    upgraded = journey.connect("profile", connection=connection)

    assert upgraded.pk == connection.pk
    assert upgraded.scope == {"openid", "offline_access", "profile"}
    assert stored(upgraded).refresh_token != before.refresh_token
    journey.clock.advance(minutes=61)
    assert journey.provider.is_active(journey.borrow(upgraded))


@pytest.mark.requirement(41)
def test_a_denied_upgrade_leaves_the_connection_working(journey: RealJourney) -> None:
    connection = journey.connect("offline")

    with pytest.raises(AccessDenied):
        journey.connect("profile", connection=connection, agree=False)

    journey.clock.advance(minutes=61)
    assert journey.provider.is_active(journey.borrow(connection))
    assert fresh(connection).scope == {"openid", "offline_access"}


@pytest.mark.requirement(22)
def test_another_account_does_not_take_the_connection_over(journey: RealJourney) -> None:
    connection = journey.connect("offline")
    journey.person = Person("mallory")

    with pytest.raises(OAuthError, match="other_account"):
        journey.connect("offline", connection=connection)

    assert fresh(connection).subject == "alice"
    assert journey.provider.is_active(stored(connection).access_token)


@pytest.mark.requirement(72)
def test_a_stolen_refresh_token_ends_the_family_and_asks_the_person(journey: RealJourney) -> None:
    connection = journey.connect("offline")
    stolen = stored(connection).refresh_token
    journey.clock.advance(minutes=61)
    journey.borrow(connection)

    reused = requests.post(
        f"{journey.provider.issuer}/token",
        data={"grant_type": "refresh_token", "refresh_token": stolen},
        auth=journey.provider.basic,
        timeout=20,
    )

    assert reused.json()["error"] == "invalid_grant"
    assert not journey.provider.is_active(stored(connection).access_token)
    journey.clock.advance(minutes=61)
    with pytest.raises(OAuthError, match="invalid_grant"):
        journey.borrow(connection)
    assert fresh(connection).status == Connection.Status.NEEDS_REAUTHORIZATION
    assert journey.provider.is_active(stored(journey.connect("offline", connection=connection)).access_token)


@pytest.mark.requirement(105)
def test_disconnecting_revokes_at_the_provider(journey: RealJourney) -> None:
    connection = journey.connect("offline")
    tokens = stored(connection)
    assert journey.provider.is_active(tokens.access_token)

    outcome = disconnect.disconnect(connection, actor="tester", now=journey.clock())

    assert outcome.remote == "revoked"
    assert not journey.provider.is_active(tokens.refresh_token or "")
    assert not journey.provider.is_active(tokens.access_token)
    assert fresh(connection).status == Connection.Status.REVOKED


@pytest.mark.requirement(30)
def test_a_stolen_code_is_worth_nothing_in_another_attempt(journey: RealJourney) -> None:
    urls = [
        connect.begin(
            user=journey.user, browser=BROWSER, registration=journey.registration, features=(), now=journey.clock()
        )
        for _ in range(2)
    ]
    back_to = redirect_uri(journey.registration)
    stolen = dict(Person("victim").authorize(urls[0], redirect_uri=back_to))["code"]
    own = dict(journey.person.authorize(urls[1], redirect_uri=back_to))

    with pytest.raises(OAuthError, match="invalid_grant"):
        connect.complete(
            user=journey.user,
            browser=BROWSER,
            registration=journey.registration,
            pairs=list((own | {"code": stolen}).items()),
            now=journey.clock(),
        )

    assert not Connection.objects.exists()


def test_a_check_up_finds_nothing_wrong_and_a_wrong_secret(journey: RealJourney) -> None:
    good = check(journey.registration, journey.clock)
    vault.seal_client_secret(journey.registration, "another secret")
    journey.registration.save()
    bad = check(journey.registration, journey.clock)

    assert [finding.code for finding in good.findings if finding.level in ("failure", "unknown")] == []
    assert {"metadata_ok", "pkce_ok", "auth_method_ok", "client_accepted", "keys_ok"} <= {*codes(good)}
    assert {"provider_clock_ok", "host_on_loopback"} <= {*codes(good)}
    assert "client_refused" in codes(bad)


def test_an_attempt_is_followed_step_by_step(journey: RealJourney) -> None:
    journey.connect("profile")
    with pytest.raises(AccessDenied):
        journey.connect("profile", agree=False)

    made, denied = Attempt.objects.order_by("pk")
    assert [step["step"] for step in made.steps][-2:] == ["identity", "connected"]
    assert why(denied, now=journey.clock()).code == "consent_denied"
