"""Registering the hub at a provider: what is checked before it is kept, and what is never sent elsewhere."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from integrations import vault
from integrations.flows import clients, register
from integrations.flows.register import Registration
from integrations.models import ClientRegistration, Event
from integrations.oauth.errors import AddressRefused, DiscoveryRefused, OAuthError, ProviderUnavailable
from integrations.providers import FieldRefused, UnknownProvider, VariableRefused
from tests.clock import Clock
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour

pytestmark = pytest.mark.django_db

SECRET = "a secret of ours"


@pytest.fixture
def given(provider_server: FakeAuthorizationServer) -> Registration:
    return Registration(
        slug="staff",
        provider="oidc",
        client_id="hub",
        client_secret=SECRET,
        variables={"issuer": provider_server.origin},
    )


def test_what_the_issuer_publishes_is_kept(
    given: Registration, provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    registration = register.register(given, now=clock(), actor="operator")

    server = clients.server_of(registration, {})
    assert server.token_endpoint == provider_server.endpoint("token")
    assert server.revocation_endpoint == provider_server.endpoint("revoke")
    assert server.authorization_response_iss_parameter_supported
    assert registration.metadata_fetched_at == clock()
    assert [event.kind for event in Event.objects.all()] == ["registered"]


def test_the_secret_is_sealed_and_in_no_event(given: Registration, clock: Clock) -> None:
    registration = register.register(given, now=clock())

    registration.refresh_from_db()
    assert vault.open_client_secret(registration) == SECRET
    assert SECRET.encode() not in bytes(registration.sealed_client_secret or b"")
    assert SECRET not in str(Event.objects.values_list())
    assert SECRET not in repr(given)


@pytest.mark.requirement(60)
@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://elsewhere.test"},
        {"issuer": None},
        {"token_endpoint": None},
        {"token_endpoint": "http://169.254.169.254/latest"},
        {"jwks_uri": "file:///etc/passwd"},
    ],
    ids=["another issuer", "no issuer", "no token endpoint", "inside address", "no https"],
)
def test_metadata_that_must_not_be_used_stores_nothing(
    given: Registration, provider_server: FakeAuthorizationServer, clock: Clock, metadata: Mapping[str, Any]
) -> None:
    provider_server.conduct.metadata = metadata

    with pytest.raises((DiscoveryRefused, AddressRefused)):
        register.register(given, now=clock())

    assert not ClientRegistration.objects.exists()


@pytest.mark.requirement(60)
def test_an_issuer_is_compared_letter_by_letter(
    given: Registration, provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    with pytest.raises(OAuthError):
        register.register(replace(given, variables={"issuer": provider_server.origin + "/"}), now=clock())

    assert not ClientRegistration.objects.exists()


@pytest.mark.parametrize(
    "behaviour", [Behaviour.SERVER_ERROR, Behaviour.DROP_BEFORE_PROCESSING, Behaviour.TRUNCATED_JSON_AFTER_PROCESSING]
)
def test_an_issuer_that_does_not_answer_stores_nothing(
    given: Registration, provider_server: FakeAuthorizationServer, clock: Clock, behaviour: Behaviour
) -> None:
    provider_server.misbehave("metadata", behaviour, times=None)

    with pytest.raises(ProviderUnavailable):
        register.register(given, now=clock())

    assert not ClientRegistration.objects.exists()


def test_registering_again_without_a_secret_keeps_it(given: Registration, clock: Clock) -> None:
    register.register(given, now=clock())

    registration = register.register(replace(given, client_secret=None, extra_scope="notes:read"), now=clock())

    assert ClientRegistration.objects.count() == 1
    assert vault.open_client_secret(registration) == SECRET
    assert registration.extra_scope == "notes:read"


def test_a_stored_secret_is_not_sent_to_another_address(
    given: Registration, second_provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    register.register(given, now=clock())

    with pytest.raises(VariableRefused):
        register.register(
            replace(given, client_secret=None, variables={"issuer": second_provider_server.origin}), now=clock()
        )

    assert "issuer" in ClientRegistration.objects.get().metadata
    assert ClientRegistration.objects.get().metadata["issuer"] != second_provider_server.origin


def test_an_empty_secret_is_a_public_client(given: Registration, clock: Clock) -> None:
    registration = register.register(replace(given, client_secret=""), now=clock())

    assert not registration.has_client_secret


@pytest.mark.parametrize(
    "changes",
    [
        {"provider": "nowhere"},
        {"variables": {}},
        {"variables": {"issuer": "javascript:alert(1)"}},
        {"slug": "a b"},
        {"slug": "a" * 80},
        {"client_id": "x" * 600},
        {"token_endpoint_auth_method": "magic"},
    ],
    ids=["provider", "missing variable", "wrong variable", "slug", "long slug", "long client_id", "method"],
)
def test_wrong_input_stores_nothing(given: Registration, clock: Clock, changes: dict[str, Any]) -> None:
    with pytest.raises((UnknownProvider, VariableRefused, AddressRefused)):
        register.register(replace(given, **changes), now=clock())

    assert not ClientRegistration.objects.exists()


@pytest.mark.requirement(25)
def test_switching_off_is_told_once(given: Registration, clock: Clock) -> None:
    registration = register.register(given, now=clock())

    for _ in range(2):
        register.set_enabled(registration, False, actor="operator")

    registration.refresh_from_db()
    assert not registration.enabled
    assert Event.objects.filter(kind=Event.Kind.REGISTRATION_CHANGED, actor="operator").count() == 1


@pytest.mark.requirement(61)
def test_a_stored_secret_does_not_follow_metadata_to_another_host(
    given: Registration,
    provider_server: FakeAuthorizationServer,
    second_provider_server: FakeAuthorizationServer,
    clock: Clock,
) -> None:
    registration = register.register(given, now=clock())
    provider_server.conduct.metadata = {"token_endpoint": second_provider_server.endpoint("token")}

    with pytest.raises(FieldRefused, match="client secret again"):
        register.register(replace(given, client_secret=None), now=clock())

    registration.refresh_from_db()
    assert registration.metadata["token_endpoint"] == provider_server.endpoint("token")
    register.register(given, now=clock())
    registration.refresh_from_db()
    assert registration.metadata["token_endpoint"] == second_provider_server.endpoint("token")
