"""What the database says to whoever watches."""

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations.flows import figures
from integrations.flows.figures import FIGURES, QUERIES, Figure
from integrations.models import ClientRegistration, Connection, SweepRun
from tests.factories import make_connection, make_notice, make_pending_revocation, make_registration, make_user
from tests.lending import make_webhook_delivery, make_webhook_endpoint

pytestmark = pytest.mark.django_db


def all_figures() -> dict[Figure, dict[tuple[str, ...], float]]:
    now = timezone.now()
    return {f: dict(values) for query in QUERIES.values() for f, values in query(now).items()}


def test_an_empty_hub_has_figures_and_no_sweep() -> None:
    found = all_figures()

    assert found[figures.OLDEST_DUE] == {(): 0.0}
    assert found[figures.CONNECTIONS] == {}
    assert found[figures.NOTICES] == {("connected",): 0.0, ("needs_you",): 0.0, ("webhook_disabled",): 0.0}
    assert found[figures.EVENTS_HELD_BACK] == {(): 0.0}
    assert figures.SWEEP_FINISHED not in found
    assert set(found) <= set(FIGURES)


@pytest.mark.requirement(157)
def test_the_oldest_that_is_due_is_told_but_none_that_nobody_may_refresh() -> None:
    off = make_registration(enabled=False)
    make_connection(registration=off, due_in=-7200)
    make_connection(owner=make_user(is_active=False), due_in=-7200)
    make_connection(due_in=-600)
    make_connection(due_in=-60)
    make_connection(due_in=600)

    found = all_figures()

    assert 599 < found[figures.OLDEST_DUE][()] < 7000
    assert found[figures.DUE] == {("sandbox",): 2.0}


@pytest.mark.requirement(157)
def test_connections_are_counted_by_provider_and_status_and_so_are_those_that_need_somebody() -> None:
    needs_you = Connection.Status.NEEDS_REAUTHORIZATION
    make_connection()
    make_connection()
    make_connection(status=needs_you, refresh_due_at=None)
    ClientRegistration.objects.create(slug="gone", provider="left-the-catalogue", client_id="hub")
    make_connection(registration=ClientRegistration.objects.get(slug="gone"))

    found = all_figures()

    assert found[figures.CONNECTIONS] == {
        ("sandbox", "active"): 2,
        ("sandbox", "needs_reauthorization"): 1,
        ("other", "active"): 1,
    }
    assert found[figures.NEEDS_REAUTHORIZATION] == {("sandbox",): 1, ("other",): 0}


def test_the_last_sweep_that_ended_is_told_though_a_newer_one_runs() -> None:
    now = timezone.now()
    SweepRun.objects.create(started_at=now - timedelta(minutes=9), finished_at=now - timedelta(minutes=8))
    SweepRun.objects.create(started_at=now - timedelta(minutes=4), finished_at=now - timedelta(minutes=3))
    SweepRun.objects.create(started_at=now)

    found = all_figures()

    assert found[figures.SWEEP_STARTED] == {(): now.timestamp()}
    assert found[figures.SWEEP_FINISHED] == {(): (now - timedelta(minutes=3)).timestamp()}
    assert found[figures.SWEEP_DURATION] == {(): 60.0}


def test_what_waits_and_what_is_refused_is_told() -> None:
    make_pending_revocation()
    make_notice()
    row = make_registration(slug="broken")
    ClientRegistration.objects.filter(pk=row.pk).update(last_error_code="invalid_client")
    off = make_registration(slug="broken-but-off", enabled=False)
    ClientRegistration.objects.filter(pk=off.pk).update(last_error_code="invalid_client")

    found = all_figures()

    assert found[figures.REVOCATIONS] == {(): 1}
    assert found[figures.OLDEST_REVOCATION][()] > 0
    assert sum(found[figures.NOTICES].values()) == 1
    assert found[figures.ALARMS] == {("sandbox", "broken"): 1}


def test_what_is_late_is_what_no_receiver_delays() -> None:
    now = timezone.now()
    hour = now - timedelta(hours=1)
    make_webhook_delivery(next_attempt_at=now - timedelta(minutes=10))
    make_webhook_delivery(next_attempt_at=now + timedelta(minutes=10))
    make_webhook_delivery(make_webhook_endpoint(failing_since=hour), next_attempt_at=hour)
    make_webhook_delivery(make_webhook_endpoint(paused_until=now + timedelta(minutes=1)), next_attempt_at=hour)
    make_webhook_delivery(make_webhook_endpoint(disabled_at=now, disabled_why="gone"), state="failed")

    found = all_figures()

    assert found[figures.WEBHOOKS] == {(): 4}
    assert 600 <= found[figures.OLDEST_WEBHOOK][()] < 660
    assert found[figures.WEBHOOKS_OFF] == {(): 1}
