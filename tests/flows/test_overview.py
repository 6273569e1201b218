"""How the hub is: numbers that are right, cheap and dated, and what somebody should look at."""

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from integrations.flows import bulk_revoke
from integrations.flows.connection_counts import connection_counts
from integrations.flows.overview import Concern, Overview, overview
from integrations.flows.selection import Selection
from integrations.models import ClientRegistration, Connection, ProviderStanding, SweepRun, VaultEntry
from tests.clock import Clock
from tests.factories import make_connection, make_pending_revocation, make_registration

pytestmark = pytest.mark.django_db
Status = Connection.Status


def swept(at: datetime, *, seconds: int | None = 2, **counts: int) -> SweepRun:
    ended = None if seconds is None else at + timedelta(seconds=seconds)
    return SweepRun.objects.create(started_at=at, finished_at=ended, counts=counts, by_provider={})


def look(clock: Clock) -> Overview:
    cache.clear()
    return overview(clock=clock)


def concerns(clock: Clock) -> dict[str, Concern]:
    return {concern.kind: concern for concern in look(clock).concerns}


def test_connections_are_counted_by_provider_and_status(clock: Clock) -> None:
    first, second = make_registration(slug="a"), make_registration(slug="b", provider="github")
    for registration, status in (
        (first, Status.ACTIVE),
        (first, Status.ACTIVE),
        (first, Status.REVOKED),
        (second, Status.NEEDS_REAUTHORIZATION),
    ):
        make_connection(registration=registration, status=status, now=clock(), sealed=False)

    counts = look(clock).snapshot.counts

    assert {name: dict(totals) for name, totals in counts.by_provider().items()} == {
        "github": {"needs_reauthorization": 1},
        "sandbox": {"active": 2, "revoked": 1},
    }
    assert (counts.of_registration(first.pk), counts.active, counts.at) == (2, 2, clock())


def test_sweeps_are_added_up_by_hour_and_day(clock: Clock) -> None:
    swept(clock(), refreshed=5, retry_later=1)
    swept(clock() + timedelta(minutes=10), refreshed=7, needs_reauthorization=2, moved_on=9)
    swept(clock() - timedelta(hours=3), refreshed=4)
    swept(clock() - timedelta(days=13), needs_operator=3)
    swept(clock() - timedelta(days=15), refreshed=1000)
    swept(clock() - timedelta(hours=1), seconds=None)

    found = look(clock)

    hours, days = found.last_hours(), found.last_days()
    assert (len(hours), len(days)) == (24, 14)
    assert (hours[-1].refreshed, hours[-1].failed, hours[-4].refreshed) == (12, 3, 4)
    assert (days[-1].refreshed, days[-1].failed, days[0].failed) == (16, 3, 3)
    assert sum(day.refreshed for day in days) == 16
    assert hours[0].start == clock() - timedelta(hours=23)


def test_the_number_of_queries_is_the_same_whatever_there_is_and_few_when_others_have_just_looked(clock: Clock) -> None:
    taken = []
    for _ in range(2):
        for _ in range(5):
            make_connection(now=clock(), failure_count=1)
            swept(clock(), refreshed=1)
            make_pending_revocation(now=clock())
        bulk_revoke.begin(Selection(provider="sandbox"), reason="x", actor="x", now=clock())
        cache.clear()
        for _ in range(2):
            with CaptureQueriesContext(database) as queries:
                overview(clock=clock)
            taken.append(len(queries))

    assert taken == [10, 4, 10, 4]


def test_what_was_counted_is_kept_for_a_while_and_says_of_when_it_is(clock: Clock) -> None:
    registration = make_registration()
    before = connection_counts(clock=clock)
    make_connection(registration=registration, now=clock())
    then = clock()
    clock.advance(seconds=30)

    again = connection_counts(clock=clock)

    assert again == before
    assert again.at == then
    cache.clear()
    assert connection_counts(clock=clock).of_registration(registration.pk) == 1


def test_nothing_needs_attention_where_all_is_well(clock: Clock) -> None:
    assert look(clock).concerns == ()
    make_connection(now=clock())
    swept(clock() - timedelta(minutes=5), refreshed=1)

    assert look(clock).concerns == ()


def test_a_registration_in_alarm_is_named_unless_it_is_off(clock: Clock) -> None:
    registration = make_registration(slug="work")
    ClientRegistration.objects.update(last_error_code="invalid_client", last_error_at=clock())

    alarm = concerns(clock)["alarm"]

    assert (alarm.subject, alarm.code, alarm.since, alarm.key) == ("work", "invalid_client", clock(), registration.pk)
    ClientRegistration.objects.update(enabled=False)
    assert concerns(clock) == {}


def test_a_provider_that_nobody_asks_is_named_with_why_and_since_when(clock: Clock) -> None:
    work = make_registration(slug="work")
    down = {"reason": "down", "error_code": "server_error", "since": clock(), "until": clock()}
    ProviderStanding.objects.create(endpoint="down.test", registration=work, **down)
    later = clock() + timedelta(minutes=5)
    asked = {"reason": "asked", "error_code": "rate_limited", "since": clock(), "until": later}
    ProviderStanding.objects.create(endpoint="asked.test", registration=work, **asked)
    ProviderStanding.objects.create(endpoint="well.test", registration=work)

    found = concerns(clock)

    assert {(one.kind, one.subject, one.code) for one in found.values()} == {
        ("down", "work (down.test)", "server_error"),
        ("paused", "work (asked.test)", "rate_limited"),
    }
    assert {(one.since, one.key) for one in found.values()} == {(clock(), work.pk)}


def test_a_provider_is_failing_from_a_tenth_of_its_connections_on(clock: Clock) -> None:
    registration = make_registration(slug="work")
    swept(clock(), refreshed=1)
    rows = [make_connection(registration=registration, now=clock(), sealed=False) for _ in range(20)]

    def fail(count: int) -> None:
        Connection.objects.filter(pk__in=[row.pk for row in rows[:count]]).update(failure_count=1)

    fail(1)
    assert "failing" not in concerns(clock)
    fail(2)

    assert (concerns(clock)["failing"].subject, concerns(clock)["failing"].count) == ("work", 2)


def test_sweeps_that_did_not_run_lately_are_missed_where_there_is_something_to_renew(clock: Clock) -> None:
    swept(clock() - timedelta(hours=3))
    assert "stale_sweep" not in concerns(clock)
    make_connection(now=clock())

    assert concerns(clock)["stale_sweep"].since == clock() - timedelta(hours=3) + timedelta(seconds=2)
    SweepRun.objects.all().delete()
    swept(clock(), seconds=None)
    assert "no_sweep" in concerns(clock)
    swept(clock())
    assert concerns(clock) == {}


def test_what_is_overdue_is_counted_but_not_what_nobody_can_renew(clock: Clock) -> None:
    swept(clock())
    make_connection(now=clock(), due_in=-3600)
    make_connection(now=clock(), due_in=-60)
    make_connection(now=clock(), due_in=-7200, registration=make_registration(enabled=False))

    overdue = concerns(clock)["overdue"]

    assert (overdue.count, overdue.since) == (1, clock() - timedelta(hours=1))


def test_keys_are_told_by_what_is_under_them(clock: Clock, settings: Settings) -> None:
    swept(clock())
    rows = [make_connection(now=clock()) for _ in range(3)]
    text = settings.HUB_SEALING_KEYS
    key = text.partition(":")[2]
    settings.HUB_SEALING_KEYS = f"new:{key},{text}"
    VaultEntry.objects.filter(pk=rows[0].pk).update(key_id="lost")

    found = look(clock)

    assert [(use.key_id, use.entries, use.is_primary, use.is_known) for use in found.snapshot.keys] == [
        ("new", 0, True, True),
        ("test", 2, False, True),
        ("lost", 1, False, False),
    ]
    assert {kind: (c.subject, c.count) for kind, c in concerns(clock).items()} == {
        "key_old": ("test", 2),
        "key_missing": ("lost", 1),
    }
    settings.HUB_SEALING_KEYS = "nonsense"
    assert "keys_broken" in concerns(clock)


def test_what_waits_in_the_journal_is_told_and_what_is_being_written_is_not(
    clock: Clock, recovery_journal: Path
) -> None:
    for name, minutes in (("old", 20), ("older", 60), ("fresh", 1)):
        path = recovery_journal / f"{name}.journal"
        path.write_bytes(b"")
        moment = (clock() - timedelta(minutes=minutes)).timestamp()
        os.utime(path, (moment, moment))

    journal = concerns(clock)["journal"]

    assert (journal.count, journal.since) == (2, clock() - timedelta(hours=1))


def test_a_journal_that_is_not_there_is_no_matter(clock: Clock, settings: Settings, tmp_path: Path) -> None:
    settings.HUB_RECOVERY_JOURNAL = tmp_path / "nowhere"

    assert look(clock).concerns == ()


def test_revocations_that_wait_for_days_and_orders_under_way_are_told(clock: Clock) -> None:
    row = make_pending_revocation(now=clock())
    type(row).objects.update(created_at=clock() - timedelta(hours=5))
    order = bulk_revoke.begin(Selection(provider="sandbox"), reason="x", actor="x", now=clock())
    assert {kind: c.key for kind, c in concerns(clock).items()} == {"bulk": order.pk}
    type(row).objects.update(created_at=clock() - timedelta(days=2))

    assert concerns(clock)["unrevoked"].count == 1
