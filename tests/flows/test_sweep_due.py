"""Which due rows a sweep takes next, where some registrations are left out."""

import secrets

import pytest

from integrations.flows.sweep_due import DueRows, Found
from integrations.models import ClientRegistration, Connection
from tests.clock import Clock
from tests.factories import make_connection, make_registration, make_user
from tests.flows.threads import in_threads

pytestmark = pytest.mark.django_db(transaction=True)


def rows_of(clock: Clock, provider: str = "") -> DueRows:
    return DueRows(provider=provider, started=clock(), horizon=clock())


def lease(
    rows: DueRows, count: int, clock: Clock, without: tuple[ClientRegistration, ...] = ()
) -> tuple[list[Found], bool]:
    left_out = {(registration.pk, ()) for registration in without}
    return rows.lease(count, without=left_out, lease_owner=secrets.token_hex(8), now=clock())


@pytest.fixture
def registrations(transactional_db: None) -> list[ClientRegistration]:
    return [make_registration() for _ in range(3)]


@pytest.fixture
def due(registrations: list[ClientRegistration], clock: Clock) -> list[Connection]:
    """Twelve of one person, in turn at each registration, the longest due first."""
    owner = make_user()
    return [
        make_connection(owner=owner, registration=registrations[n % 3], due_in=n - 60, now=clock(), sealed=False)
        for n in range(12)
    ]


def test_what_is_left_out_changes_nothing_in_the_order_of_the_rest(
    registrations: list[ClientRegistration], due: list[Connection], clock: Clock
) -> None:
    rows = rows_of(clock)
    wanted = [row.pk for n, row in enumerate(due) if n % 3 != 1]

    taken = [lease(rows, 3, clock, without=(registrations[1],)) for _ in range(3)]

    assert [[found.pk for found in batch] for batch, _ in taken] == [wanted[:3], wanted[3:6], wanted[6:]]
    assert [last for _, last in taken] == [False, False, True]
    assert Connection.objects.exclude(lease_owner="").count() == 8


def test_a_backlog_at_a_registration_that_is_off_is_passed_over(
    registrations: list[ClientRegistration], due: list[Connection], clock: Clock
) -> None:
    ClientRegistration.objects.filter(pk=registrations[0].pk).update(enabled=False)

    found, last = lease(rows_of(clock), 20, clock)

    assert [row.pk for row in found] == [row.pk for n, row in enumerate(due) if n % 3]
    assert last


def test_a_source_that_goes_back_finds_what_it_left_out(
    registrations: list[ClientRegistration], due: list[Connection], clock: Clock
) -> None:
    rows = rows_of(clock)
    lease(rows, 4, clock, without=(registrations[0],))
    lease(rows, 4, clock, without=(registrations[0],))

    rows.rewind((clock(), 0))
    assert lease(rows, 9, clock)[0] == []
    rows.rewind(None)

    assert [row.pk for row in lease(rows, 9, clock)[0]] == [due[n].pk for n in (0, 3, 6, 9)]


@pytest.mark.requirement(65)
def test_workers_that_leave_something_out_take_each_row_once(
    registrations: list[ClientRegistration], due: list[Connection], clock: Clock
) -> None:
    def take() -> list[int]:
        rows, taken, last = rows_of(clock), list[int](), False
        while not last:
            owner = secrets.token_hex(8)
            left_out = {(registrations[2].pk, ())}
            _, last = rows.lease(2, without=left_out, lease_owner=owner, now=clock())
            taken += Connection.objects.filter(lease_owner=owner).values_list("pk", flat=True)
        return taken

    taken = [pk for future in in_threads(3, take) for pk in future.result()]

    assert sorted(taken) == sorted(row.pk for n, row in enumerate(due) if n % 3 != 2)
