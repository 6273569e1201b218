"""A person with a browser and a provider, for what programs ask of them, and what calls through the hub share."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from integrations.models import ClientRegistration
from tests.api.calls import Calls, make_calls
from tests.api.trusted import Issuer, serving
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.registration import register_sandbox
from tests.fakes.upstream import FakeUpstream
from tests.web.person import Person, new_person


@pytest.fixture
def provider_server() -> Iterator[FakeAuthorizationServer]:
    """A fake provider on the real clock, as the views."""
    with FakeAuthorizationServer() as server:
        yield server


@pytest.fixture
def registration(db: None, provider_server: FakeAuthorizationServer) -> ClientRegistration:
    return register_sandbox(provider_server)


@pytest.fixture
def person(registration: ClientRegistration, provider_server: FakeAuthorizationServer) -> Person:
    """Somebody who is signed in and has connected nothing."""
    return new_person("robin", server=provider_server)


@pytest.fixture
def stranger(registration: ClientRegistration, provider_server: FakeAuthorizationServer) -> Person:
    """Somebody else, signed in elsewhere."""
    return new_person("mallory", server=provider_server)


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        yield upstream


@pytest.fixture
def elsewhere() -> Iterator[FakeUpstream]:
    """Another host, which must hear of nothing."""
    with FakeUpstream() as upstream:
        yield upstream


@pytest.fixture
def calls(upstream: FakeUpstream, db: None) -> Calls:
    return make_calls(upstream)


@pytest.fixture
def issuer(settings: Settings) -> Iterator[Issuer]:
    with serving() as found:
        settings.HUB_TRUSTED_ISSUERS = (found.url,)
        yield found
