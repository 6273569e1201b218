"""What a sweep leaves alone: a token that still works, a journal nobody can read, an alarm anyone could raise."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from integrations.flows import access, vanished
from integrations.flows.sweep import SweepOptions, sweep
from integrations.models import ClientRegistration, Connection, Event
from integrations.oauth.errors import OAuthError
from integrations.providers import get
from tests.flows.journey import Journey, fresh, stored_tokens
from tests.flows.leases import lease_to_somebody
from tests.flows.sweeping import around_statements, connect_many

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.requirement(73)
def test_a_token_that_still_works_outlives_a_refresh_whose_outcome_is_unknown(journey: Journey) -> None:
    connection = journey.connect()
    journey.clock.advance(minutes=57)
    lease_to_somebody(connection, journey=journey, seconds=-360, sent=True)

    report = sweep(SweepOptions(), clock=journey.clock)

    assert report.counts == {"uncertain": 1}
    assert access.token(fresh(connection), clock=journey.clock).value == stored_tokens(connection).access_token
    journey.clock.advance(minutes=5)
    assert sweep(SweepOptions(), clock=journey.clock).counts == {"needs_reauthorization": 1}


@pytest.mark.requirement(70)
def test_a_tolerated_reuse_is_tolerated_for_so_long_and_no_longer(journey: Journey) -> None:
    tolerated = get("atlassian").server.dialect.refresh_token_reuse_seconds
    ClientRegistration.objects.update(provider="atlassian", variables={})
    connection = journey.connect() if tolerated == 0 else _row(journey)
    lease_to_somebody(connection, journey=journey, seconds=-1, sent=True)

    assert vanished.may_send_again(fresh(connection), now=journey.clock())
    assert not vanished.may_send_again(fresh(connection), now=journey.clock() + timedelta(seconds=tolerated))


def _row(journey: Journey) -> Connection:
    return Connection.objects.create(
        owner=journey.user, registration=journey.registration, issuer="https://issuer.example.test", subject="1"
    )


def test_a_journal_that_cannot_be_read_stops_nothing(journey: Journey) -> None:
    connection = journey.connect()
    journey.clock.advance(minutes=61)
    folder = Path(settings.HUB_RECOVERY_JOURNAL)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "folder.journal").mkdir()
    record = {"connection": connection.pk, "version": 1, "lease_owner": "", "fields": {}, "sealed": "", "key_id": ""}
    lines = [record, {**record, "connection": "x"}, [], "text"]
    (folder / "other.journal").write_text("\n".join(json.dumps(line) for line in lines) + "\n\x00 torn")

    assert sweep(SweepOptions(), clock=journey.clock).counts == {"refreshed": 1}


@pytest.mark.parametrize("error", ["unauthorized_client", "invalid_scope", "unsupported_response_type"])
def test_an_error_that_came_by_the_browser_raises_no_alarm(journey: Journey, error: str) -> None:
    pairs = dict(journey.server.authorize(journey.begin()))
    del pairs["code"]

    with pytest.raises(OAuthError):
        journey.complete([*pairs.items(), ("error", error)])

    assert ClientRegistration.objects.get().last_error_code == ""
    assert not Event.objects.filter(kind=Event.Kind.REGISTRATION_BROKEN).exists()


@pytest.mark.requirement(73)
def test_many_refreshes_whose_outcome_is_unknown_cost_a_sweep_one_look(journey: Journey) -> None:
    gone: dict[str, Any] = {"lease_owner": "vanished", "lease_until": journey.clock(), "refresh_sent": True}
    connect_many(journey.registration, journey.server, 30, clock=journey.clock, **gone)
    looks = list[str]()

    def count(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        looks.extend([sql] if 'JOIN "integrations_vaultentry"' in sql else [])
        return execute(sql, params, many, context)

    with around_statements(count):
        report = sweep(SweepOptions(), clock=journey.clock)

    assert report.counts == {"uncertain": 30}
    assert len(looks) <= 3
