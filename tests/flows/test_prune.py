"""What has served its time goes, by rule, batch by batch, and nothing else."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection as database
from django.utils import timezone

from integrations.flows.prune import BATCH, RULES, Pruned, Rule, prune
from integrations.models import AnsweredRequest, AuthorizationRequest, Connection, Event, Notice, SweepRun, Use
from tests.factories import make_authorization_request, make_connection, make_notice, make_sweep_run, make_use
from tests.flows.threads import started
from tests.lending import make_connect_link, make_webhook_delivery

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime.fromisoformat("2026-06-01T12:00:00+00:00")


def ago(**span: int) -> datetime:
    return NOW - timedelta(**span)


def events(connection: Connection, kind: Event.Kind, *, at: datetime, count: int = 1) -> None:
    Event.objects.bulk_create(
        Event(kind=kind, connection=connection, owner=connection.owner, created_at=at) for _ in range(count)
    )


def not_at_all(seconds: float) -> None:
    pass


def pruned(**options: Any) -> Pruned:
    return prune(now=NOW, pause=not_at_all, **options)


def test_each_rule_takes_what_is_over_and_leaves_the_rest() -> None:
    connection = make_connection(now=NOW)
    for days in (731, 729, 91, 89, 1):
        events(connection, Event.Kind.REFRESHED, at=ago(days=days))
        events(connection, Event.Kind.CONNECTED, at=ago(days=days))
    for days in (1, 399, 401):
        make_use(connection=connection, now=ago(days=days))
    for days in (1, 89, 91):
        make_sweep_run(now=ago(days=days))
    SweepRun.objects.create(started_at=ago(days=100))
    make_authorization_request(expires_in=-1, now=NOW)
    make_authorization_request(expires_in=1, now=NOW)
    make_notice(created_at=ago(days=4))
    make_notice(created_at=ago(days=2))
    for days in (-1, 1):
        Session.objects.create(session_key=f"key {days}", session_data="", expire_date=ago(days=days))
    for days in (1, 89, 91):
        make_webhook_delivery(created_at=ago(days=days))

    for hours in (25, 23):
        make_connect_link(expires_in=0, now=ago(days=0) - timedelta(hours=hours))
    for number, moment in enumerate((NOW, NOW + timedelta(seconds=1))):
        AnsweredRequest.objects.create(name=f"{number}", fingerprint="x", begun_at=NOW, expires_at=moment)

    expected = {
        "authorization_requests": 1,
        "connect_links": 1,
        "answered_requests": 1,
        "events": 4,
        "uses": 1,
        "sweep_runs": 2,
        "notices": 1,
        "sessions": 1,
        "webhook_deliveries": 1,
    }
    assert pruned(dry_run=True).deleted == expected
    assert pruned().deleted == expected

    assert sorted(Event.objects.values_list("kind", "created_at")) == [
        *(("connected", ago(days=days)) for days in (729, 91, 89, 1)),
        *(("refreshed", ago(days=days)) for days in (89, 1)),
    ]
    assert (Use.objects.count(), SweepRun.objects.count()) == (2, 2)
    assert (AuthorizationRequest.objects.count(), Notice.objects.count(), Session.objects.count()) == (1, 1, 1)
    assert pruned() == Pruned(deleted=dict.fromkeys(expected, 0))


def test_rows_go_in_small_transactions_and_a_stopped_run_is_gone_on_with() -> None:
    events(make_connection(), Event.Kind.REFRESHED, at=ago(days=100), count=2 * BATCH + 10)
    deleted: list[int] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, *rest: Any) -> Any:
        if sql.startswith("DELETE"):
            deleted.append(len(params))
        return execute(sql, params, *rest)

    with database.execute_wrapper(note):
        first = pruned(stop=lambda: True)
        second = pruned()

    assert (first.deleted["events"], first.complete) == (BATCH, False)
    assert (second.deleted["events"], second.complete) == (BATCH + 10, True)
    assert deleted == [BATCH, BATCH, 10]


def test_sessions_that_ran_out_go_in_batches_too_and_stop_when_told() -> None:
    Session.objects.bulk_create(
        Session(session_key=f"{number}", session_data="", expire_date=ago(days=1)) for number in range(BATCH + 1)
    )

    first = pruned(stop=lambda: True)

    assert (first.deleted["sessions"], first.complete, Session.objects.count()) == (BATCH, False, 1)
    assert pruned().deleted["sessions"] == 1


def test_what_stays_is_hardly_looked_at() -> None:
    connection = make_connection()
    events(connection, Event.Kind.REFRESHED, at=ago(days=100), count=3)
    events(connection, Event.Kind.REFRESHED, at=ago(days=1), count=3 * BATCH)
    statements: list[str] = []

    def note(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        statements.append(sql)
        return execute(sql, *rest)

    with database.execute_wrapper(note):
        assert pruned().deleted["events"] == 3

    looked = [sql for sql in statements if sql.startswith("SELECT") and "integrations_event" in sql]
    assert len(looked) == len(Event.Kind)
    assert all(f"LIMIT {BATCH}" in sql for sql in looked)


def test_progress_is_told_batch_by_batch() -> None:
    events(make_connection(), Event.Kind.REFRESHED, at=ago(days=100), count=BATCH + 1)
    told: list[int] = []

    pruned(progress=lambda done, total: told.append(done))

    assert told == [BATCH, BATCH + 1]


def test_others_write_while_rows_go() -> None:
    connection = make_connection()
    events(connection, Event.Kind.REFRESHED, at=ago(days=100), count=6 * BATCH)

    def write() -> int:
        count = 0
        while count < 20 or Event.objects.filter(created_at__lt=ago(days=90)).exists():
            events(connection, Event.Kind.REFRESHED, at=NOW)
            count += 1
        return count

    with started(2, write) as futures:
        assert prune(now=NOW).deleted["events"] == 6 * BATCH

    assert Event.objects.count() == sum(future.result() for future in futures)


@pytest.mark.parametrize(("name", "rule"), RULES)
def test_what_is_over_is_found_by_an_index(name: str, rule: Rule) -> None:
    if database.vendor == "postgresql":
        with database.cursor() as cursor:
            cursor.execute("SET enable_seqscan = off")
            cursor.execute("SET enable_sort = off")

    plans = [rows.values_list("pk", column)[:BATCH].explain() for rows, column, _ in rule(NOW)]

    assert plans
    for plan in plans:
        # SQLite walks a table in the order of its key.
        assert "Index" in plan or "INDEX" in plan or (name == "notices" and database.vendor == "sqlite")
        assert "Sort" not in plan
        assert "TEMP B-TREE" not in plan


def test_the_command_clears_sessions_too(capsys: pytest.CaptureFixture[str]) -> None:
    Session.objects.create(session_key="old", session_data="", expire_date=timezone.now() - timedelta(days=1))
    Session.objects.create(session_key="new", session_data="", expire_date=timezone.now() + timedelta(days=1))
    make_authorization_request(expires_in=-60)

    call_command("prune", "--dry-run")
    assert (Session.objects.count(), AuthorizationRequest.objects.count()) == (2, 1)
    call_command("prune")

    assert [session.session_key for session in Session.objects.all()] == ["new"]
    assert "1 authorization requests" in capsys.readouterr().out
