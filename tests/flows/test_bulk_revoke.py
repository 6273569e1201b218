"""Revoking many: everything that was chosen and nothing else, in batches that are done exactly once, whatever stops."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.db import connection as database

from integrations.flows import bulk_revoke
from integrations.flows.selection import Selection
from integrations.models import BulkMember, BulkRevocation, Connection, Event, PendingRevocation, VaultEntry
from tests.clock import Clock
from tests.factories import make_connection, make_registration, make_user
from tests.fakes.misbehaviour import Behaviour
from tests.flows.journey import Journey, fresh
from tests.flows.stumbling import Died, dying_when
from tests.flows.threads import in_threads

Status = Connection.Status
ALL_OF_SANDBOX = Selection(provider="sandbox")


def order(selection: Selection, *, clock: Clock, reason: str = "provider was broken into") -> BulkRevocation:
    return bulk_revoke.begin(selection, reason=reason, actor="operator", now=clock())


def again(order: BulkRevocation) -> BulkRevocation:
    return BulkRevocation.objects.get(pk=order.pk)


def disconnected(**fields: object) -> int:
    return Event.objects.filter(kind=Event.Kind.DISCONNECTED, **fields).count()


def actions() -> list[object]:
    rows = Event.objects.filter(kind=Event.Kind.ADMIN_ACTION).order_by("pk")
    return [row.details["action"] for row in rows]


@contextmanager
def refusing_to_wipe(connection: Connection) -> Iterator[None]:
    """A database that will not have one vault entry deleted."""

    def refuse(execute: Callable[..., object], sql: str, params: Sequence[object], *rest: object) -> object:
        if sql.startswith('DELETE FROM "integrations_vaultentry"') and connection.pk in params:
            raise IntegrityError("canary value of a row")
        return execute(sql, params, *rest)

    with database.execute_wrapper(refuse):
        yield


@pytest.mark.requirement(105, 108, 156)
def test_what_was_chosen_is_wiped_and_revoked_with_one_event_each_and_the_rest_stays(journey: Journey) -> None:
    rows = [journey.connect(account=name) for name in ("alice", "bob")]
    asleep = make_connection(registration=journey.registration, status=Status.NEEDS_REAUTHORIZATION)
    over = make_connection(registration=journey.registration, status=Status.REVOKED, sealed=False)
    others = make_connection(registration=make_registration(provider="github"))
    job = order(ALL_OF_SANDBOX, clock=journey.clock)
    assert disconnected() == 0
    late = make_connection(registration=journey.registration)

    assert bulk_revoke.go_on(job.pk, clock=journey.clock)

    assert {fresh(row).status for row in (*rows, asleep)} == {Status.REVOKED}
    assert all(grant.revoked for name in ("alice", "bob") for grant in journey.server.grants(name))
    assert {fresh(others).status, fresh(late).status} == {Status.ACTIVE}
    assert set(VaultEntry.objects.values_list("pk", flat=True)) == {others.pk, late.pk}
    done = again(job)
    assert (done.total, done.wiped, done.failed, done.finished_at) == (3, 3, 0, journey.clock())
    for row in (*rows, asleep):
        event = row.events.get(kind=Event.Kind.DISCONNECTED)
        assert (event.actor, event.details) == ("operator", {"reason": "provider was broken into"})
    assert not over.events.exists()
    assert actions() == ["bulk_revocation_begun", "bulk_revocation_finished"]


@pytest.mark.requirement(108)
def test_what_was_confirmed_is_what_is_revoked_whatever_matches_by_then(
    journey: Journey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_revoke, "BATCH", 1)
    joins = make_connection(registration=journey.registration)
    first, leaves, last, over = (
        make_connection(registration=journey.registration, last_error_code="timeout") for _ in range(4)
    )
    joins_later = make_connection(registration=journey.registration)
    job = order(Selection(error="timeout"), clock=journey.clock)
    Connection.objects.filter(pk__in=(joins.pk, joins_later.pk)).update(last_error_code="timeout")
    Connection.objects.filter(pk=leaves.pk).update(last_error_code="")
    Connection.objects.filter(pk=over.pk).update(status=Status.REVOKED, refresh_due_at=None)

    bulk_revoke.go_on(job.pk, clock=journey.clock)

    assert {fresh(row).status for row in (first, leaves, last)} == {Status.REVOKED}
    assert {fresh(row).status for row in (joins, joins_later)} == {Status.ACTIVE}
    assert (again(job).total, again(job).wiped, again(job).is_under_way) == (4, 3, False)
    assert not BulkMember.objects.exists()


@pytest.mark.requirement(108)
def test_what_is_not_what_was_shown_is_not_ordered(journey: Journey) -> None:
    shown = [make_connection(registration=journey.registration) for _ in range(2)]
    found = bulk_revoke.preview(ALL_OF_SANDBOX, now=journey.clock())
    Connection.objects.filter(pk=shown[0].pk).update(status=Status.REVOKED, refresh_due_at=None)
    make_connection(registration=journey.registration)

    with pytest.raises(bulk_revoke.SelectionChanged):
        bulk_revoke.begin(ALL_OF_SANDBOX, reason="why", actor="x", now=journey.clock(), confirmed=found.mark)

    assert not BulkRevocation.objects.exists()
    assert not BulkMember.objects.exists()
    assert actions() == []


@pytest.mark.requirement(108)
@pytest.mark.django_db(transaction=True)
def test_a_worker_that_dies_in_a_batch_leaves_it_to_the_next_and_nothing_is_done_twice(
    journey: Journey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_revoke, "BATCH", 3)
    rows = [make_connection(registration=journey.registration) for _ in range(8)]
    job = order(ALL_OF_SANDBOX, clock=journey.clock)

    with dying_when(lambda sql, params: "vaultentry" in sql and rows[4].pk in params), pytest.raises(Died):  # type: ignore[operator]
        bulk_revoke.go_on(job.pk, clock=journey.clock)
    half = again(job)
    journey.clock.advance(minutes=2)
    bulk_revoke.go_on_all(clock=journey.clock)

    assert (half.wiped, half.cursor, half.is_under_way) == (3, rows[2].pk, True)
    done = again(job)
    assert (done.wiped, done.failed, done.finished_at) == (8, 0, journey.clock())
    assert disconnected() == 8
    assert all(disconnected(connection=row) == 1 for row in rows)


@pytest.mark.requirement(108)
def test_who_was_killed_holds_the_order_for_two_minutes_and_no_longer(journey: Journey) -> None:
    make_connection(registration=journey.registration)
    job = order(ALL_OF_SANDBOX, clock=journey.clock)
    BulkRevocation.objects.update(lease_owner="dead", lease_until=journey.clock() + bulk_revoke.LEASE)

    assert not bulk_revoke.go_on(job.pk, clock=journey.clock)
    journey.clock.advance(minutes=2)

    assert bulk_revoke.go_on(job.pk, clock=journey.clock)
    assert again(job).wiped == 1


@pytest.mark.requirement(108)
def test_what_cannot_be_ended_is_told_with_its_reason_and_does_not_stop_the_others(
    journey: Journey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_revoke, "BATCH", 2)
    first, stuck, last = (make_connection(registration=journey.registration) for _ in range(3))
    job = order(ALL_OF_SANDBOX, clock=journey.clock)

    with refusing_to_wipe(stuck):
        bulk_revoke.go_on(job.pk, clock=journey.clock)

    done = again(job)
    assert (done.wiped, done.failed, done.is_under_way) == (2, 1, False)
    assert done.failures == [
        {"connection": stuck.pk, "registration": "sandbox", "why": "The database refused the change."}
    ]
    assert [fresh(row).status for row in (first, stuck, last)] == [Status.REVOKED, Status.ACTIVE, Status.REVOKED]
    assert not stuck.events.exists()
    assert VaultEntry.objects.filter(pk=stuck.pk).exists()


@pytest.mark.requirement(108)
def test_providers_that_do_not_answer_are_named_and_asked_again(journey: Journey) -> None:
    make_connection(registration=journey.registration)
    journey.server.misbehave("revoke", Behaviour.SERVER_ERROR)
    job = order(ALL_OF_SANDBOX, clock=journey.clock)

    bulk_revoke.go_on(job.pk, clock=journey.clock)
    (told,) = bulk_revoke.waiting(again(job))
    assert (told.registration, told.count) == ("sandbox", 1)
    assert told.code
    assert not VaultEntry.objects.exists()
    journey.clock.advance(hours=1)
    bulk_revoke.go_on(job.pk, clock=journey.clock)

    assert bulk_revoke.waiting(again(job)) == ()
    assert Connection.objects.get().status == Status.REVOKED
    assert disconnected() == 1


def test_a_cancelled_order_leaves_what_it_has_not_reached(journey: Journey) -> None:
    rows = [make_connection(registration=journey.registration) for _ in range(2)]
    job = order(ALL_OF_SANDBOX, clock=journey.clock)

    assert bulk_revoke.cancel(job.pk, actor="somebody", now=journey.clock())
    assert not bulk_revoke.cancel(job.pk, actor="somebody", now=journey.clock())
    bulk_revoke.go_on(job.pk, clock=journey.clock)
    bulk_revoke.go_on_all(clock=journey.clock)

    assert {fresh(row).status for row in rows} == {Status.ACTIVE}
    assert again(job).cancelled_by == "somebody"
    assert not BulkMember.objects.exists()
    assert actions() == ["bulk_revocation_begun", "bulk_revocation_cancelled"]


def test_a_budget_that_is_spent_leaves_the_rest_for_later(journey: Journey) -> None:
    for _ in range(bulk_revoke.BATCH + 1):
        make_connection(registration=journey.registration)
    job = order(ALL_OF_SANDBOX, clock=journey.clock)
    readings = iter(range(1000))

    def hurrying() -> object:
        """Ten seconds pass between any two looks at the clock."""
        return journey.clock() + timedelta(seconds=10 * next(readings))

    bulk_revoke.go_on(job.pk, clock=hurrying, budget=timedelta(seconds=45))  # type: ignore[arg-type]

    assert (again(job).wiped, again(job).is_under_way) == (bulk_revoke.BATCH, True)


@pytest.mark.requirement(108)
@pytest.mark.django_db(transaction=True)
def test_two_workers_at_one_order_do_no_harm(journey: Journey) -> None:
    rows = [make_connection(registration=journey.registration) for _ in range(40)]
    job = order(ALL_OF_SANDBOX, clock=journey.clock)
    journey.server.misbehave("revoke", Behaviour.SERVER_ERROR, times=None)

    futures = in_threads(3, lambda: bulk_revoke.go_on(job.pk, clock=journey.clock))

    assert any(future.result() for future in futures)
    assert again(job).wiped == 40
    assert all(disconnected(connection=row) == 1 for row in rows)
    assert PendingRevocation.objects.filter(bulk=job).count() == 40


def test_the_order_of_nothing_is_through_at_once(journey: Journey) -> None:
    job = order(Selection(provider="nothing-of-the-kind"), clock=journey.clock)

    bulk_revoke.go_on(job.pk, clock=journey.clock)

    assert (again(job).total, again(job).is_under_way) == (0, False)


def test_the_preview_counts_connections_owners_and_registrations(journey: Journey) -> None:
    owner = make_user()
    make_connection(owner=owner, registration=journey.registration)
    make_connection(owner=owner, registration=make_registration(slug="other"))
    make_connection(registration=journey.registration)
    make_connection(registration=journey.registration, status=Status.REVOKING)

    found = bulk_revoke.preview(ALL_OF_SANDBOX, now=journey.clock())

    assert (found.total, found.owners) == (3, 2)
    assert found.by_registration == (("other", 1), ("sandbox", 2))


@pytest.mark.requirement(99)
def test_a_text_somebody_searched_by_is_in_no_event(journey: Journey) -> None:
    order(Selection(text="pasted-by-mistake"), clock=journey.clock)

    assert "pasted-by-mistake" not in str(Event.objects.get().details)
