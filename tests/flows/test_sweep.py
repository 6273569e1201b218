"""A sweep refreshes what is due, and only that."""

import pytest

from integrations.flows.sweep import SweepOptions, SweepReport, sweep
from integrations.models import SweepRun
from tests.flows.journey import Journey, kinds, stored_tokens

pytestmark = pytest.mark.django_db(transaction=True)


def swept(journey: Journey, **options: object) -> SweepReport:
    return sweep(SweepOptions(**options), clock=journey.clock)  # type: ignore[arg-type]


def test_a_sweep_refreshes_what_is_due(journey: Journey) -> None:
    connections = [journey.connect(account=name) for name in ("alice", "bob", "carol")]
    old = [stored_tokens(connection) for connection in connections]
    journey.clock.advance(minutes=61)

    report = swept(journey)

    assert report.counts == {"refreshed": 3}
    assert report.by_provider == {"sandbox": {"refreshed": 3}}
    for connection, tokens in zip(connections, old, strict=True):
        assert journey.server.is_active(stored_tokens(connection).access_token)
        assert stored_tokens(connection) != tokens
        assert kinds(connection).count("refreshed") == 1
    assert SweepRun.objects.get().counts == {"refreshed": 3}
