"""A person about to connect an account at the fake provider."""

import pytest

from integrations.models import ClientRegistration
from tests.clock import Clock
from tests.factories import make_user
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.registration import register_oidc, register_sandbox
from tests.flows.journey import Journey


@pytest.fixture
def registration(db: None, provider_server: FakeAuthorizationServer) -> ClientRegistration:
    return register_sandbox(provider_server)


@pytest.fixture
def journey(registration: ClientRegistration, provider_server: FakeAuthorizationServer, clock: Clock) -> Journey:
    return Journey(user=make_user(), registration=registration, server=provider_server, clock=clock)


@pytest.fixture
def oidc_journey(db: None, provider_server: FakeAuthorizationServer, clock: Clock) -> Journey:
    registration = register_oidc(provider_server, clock=clock)
    return Journey(user=make_user(), registration=registration, server=provider_server, clock=clock)


@pytest.fixture
def oidc(db: None, provider_server: FakeAuthorizationServer, clock: Clock) -> ClientRegistration:
    """A registration whose endpoints were discovered."""
    return register_oidc(provider_server, clock=clock)
