"""Providers at which only a live access token can be revoked."""

import tomllib
from importlib.resources import files

import pytest

from integrations import providers
from integrations.flows import disconnect
from integrations.models import Connection, PendingRevocation
from integrations.providers import parse
from tests.fakes.misbehaviour import Behaviour
from tests.flows.journey import Journey, fresh, stored_tokens
from tests.flows.test_disconnect import end, revocations

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _only_access_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    document = tomllib.loads(files(providers).joinpath("catalog", "sandbox.toml").read_text())
    document["server"]["dialect"]["revocation"] = {"tokens": ["access_token"]}
    monkeypatch.setattr(providers, "PROVIDERS", {"sandbox": parse(document, "sandbox")})


@pytest.mark.requirement(105)
def test_an_expired_access_token_is_refreshed_so_that_it_can_be_revoked(journey: Journey) -> None:
    connection = journey.connect()
    old = stored_tokens(connection)
    journey.clock.advance(hours=2)

    outcome = end(journey, connection)

    assert outcome.remote == "revoked"
    (revoked, kind) = revocations(journey)[-1]
    assert kind == "access_token"
    assert revoked != old.access_token
    assert not journey.server.is_active(revoked)


@pytest.mark.requirement(105)
def test_a_live_access_token_is_revoked_as_it_is(journey: Journey) -> None:
    connection = journey.connect()
    sent = len(journey.server.requests("token"))

    end(journey, connection)

    assert revocations(journey) == [(revocations(journey)[0][0], "access_token")]
    assert len(journey.server.requests("token")) == sent


@pytest.mark.requirement(105)
def test_what_the_refresh_brought_is_kept_until_it_is_revoked(journey: Journey) -> None:
    connection = journey.connect()
    journey.clock.advance(hours=2)
    journey.server.misbehave("revoke", Behaviour.SERVER_ERROR, times=2)
    end(journey, connection)

    journey.clock.advance(hours=2)
    assert disconnect.retry_revocations(now=journey.clock()) in {0, 1}
    journey.clock.advance(hours=2)
    disconnect.retry_revocations(now=journey.clock())

    assert not PendingRevocation.objects.exists()
    assert fresh(connection).status == Connection.Status.REVOKED
    assert not journey.server.is_active(revocations(journey)[-1][0])
    assert journey.server.memory.reuses_detected == 0


@pytest.mark.requirement(106)
def test_a_grant_the_provider_ended_already_counts_as_revoked(journey: Journey) -> None:
    connection = journey.connect()
    journey.clock.advance(hours=2)
    journey.server.revoke_grants("alice")

    assert end(journey, connection).remote == "revoked"
    assert fresh(connection).status == Connection.Status.REVOKED
