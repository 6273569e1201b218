"""An event is there if, and only if, the change it tells of is: whichever statement of a flow fails."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError
from django.db import connection as database
from pytest_django import Settings

from integrations.flows import access, disconnect, refresh, register, uses
from integrations.flows.register import Registration
from integrations.flows.rename import rename
from integrations.models import ClientRegistration, Connection, Event, PendingRevocation, Use, VaultEntry
from integrations.oauth.errors import OAuthError
from tests.fakes.misbehaviour import Behaviour
from tests.flows.journey import Journey, fresh

pytestmark = pytest.mark.django_db(transaction=True)
WRITES = ("INSERT", "UPDATE", "DELETE")
#: Facts in their own right: nothing changed, and that is what they tell.
ALONE = (Event.Kind.CONNECT_FAILED,)

type Act = Callable[[], object]


@dataclass
class Statements:
    """How many writes went through before the one that failed; None failed when the flow has fewer."""

    fails_at: int
    seen: int = 0

    @property
    def failed(self) -> bool:
        return self.seen >= self.fails_at


@contextmanager
def failing(at: int) -> Iterator[Statements]:
    """The write of this number fails, as does all that comes right after it, like on a database that went away."""
    statements = Statements(at)

    def wrapper(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if sql.startswith(WRITES):
            statements.seen += 1
            if statements.seen == at:
                raise OperationalError("the database went away")
        return execute(sql, *rest)

    with database.execute_wrapper(wrapper):
        yield statements


def state() -> list[Any]:
    """All that events tell of; not the leases, which tell nobody anything."""
    return [
        list(
            Connection.objects.order_by("pk").values_list(
                *(
                    "pk",
                    "status",
                    "version",
                    "granted_scope",
                    "name",
                    "failure_count",
                    "last_error_code",
                    "last_used_at",
                )
            )
        ),
        [(entry.pk, bytes(entry.sealed)) for entry in VaultEntry.objects.order_by("pk")],
        list(ClientRegistration.objects.order_by("pk").values_list("pk", "slug", "client_id", "last_error_code")),
        list(PendingRevocation.objects.order_by("pk").values_list("pk")),
        list(Use.objects.order_by("pk").values_list("pk", "count")),
    ]


def connects(journey: Journey, account: str) -> Act:
    return lambda: journey.connect(account=account)


def reconnects_with_more(journey: Journey, account: str) -> Act:
    connection = journey.connect(account=account)
    return lambda: journey.connect("notes.read", account=account, connection=connection)


def refreshes(journey: Journey, account: str) -> Act:
    connection = journey.connect(account=account)
    return lambda: refresh.refresh(connection.pk, clock=journey.clock, force=True)


def fails(behaviour: Behaviour, **details: Any) -> Callable[[Journey, str], Act]:
    def prepare(journey: Journey, account: str) -> Act:
        journey.server.behave()
        ClientRegistration.objects.update(last_error_code="")
        act = refreshes(journey, account)
        journey.server.misbehave("token", behaviour, times=None, **details)
        return act

    return prepare


def disconnects(journey: Journey, account: str) -> Act:
    connection = journey.connect(account=account)
    return lambda: disconnect.wipe(connection, actor="a person", now=journey.clock())


def revokes(journey: Journey, account: str) -> Act:
    PendingRevocation.objects.all().delete()
    disconnects(journey, account)()
    return lambda: disconnect.retry_revocations(now=journey.clock())


def renames(journey: Journey, account: str) -> Act:
    connection = journey.connect(account=account)
    return lambda: rename(connection, name="Work", actor="a person")


def uses_it(journey: Journey, account: str) -> Act:
    connection = journey.connect(account=account)
    uses.forget()
    return lambda: access.token(fresh(connection), clock=journey.clock, actor="nightly import")


def finds_a_broken_seal(journey: Journey, account: str) -> Act:
    connection = journey.connect(account=account)
    VaultEntry.objects.filter(pk=connection.pk).update(sealed=b"\x01\x04test" + b"x" * 60)
    return lambda: access.token(fresh(connection), clock=journey.clock)


def registers(journey: Journey, account: str) -> Act:
    given = Registration(
        slug=account,
        provider="sandbox",
        client_id="hub",
        client_secret="a secret",
        variables={"origin": journey.server.origin},
    )
    return lambda: register.register(given, now=journey.clock())


@pytest.mark.requirement(156)
@pytest.mark.parametrize(
    ("prepare", "kinds"),
    [
        (connects, ["connected"]),
        (reconnects_with_more, ["reconnected", "scope_changed"]),
        (refreshes, ["refreshed"]),
        (fails(Behaviour.SERVER_ERROR), ["refresh_failed"]),
        (fails(Behaviour.ERROR, error="invalid_grant"), ["needs_reauthorization"]),
        (fails(Behaviour.ERROR, error="invalid_client"), ["registration_broken", "refresh_failed"]),
        (disconnects, ["disconnected"]),
        (revokes, ["revoked_at_provider"]),
        (renames, ["renamed"]),
        (uses_it, ["used"]),
        (finds_a_broken_seal, ["seal_broken"]),
        (registers, ["registered"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_whichever_write_fails_there_is_no_event_without_its_change_nor_the_other_way_round(
    journey: Journey, settings: Settings, prepare: Callable[[Journey, str], Act], kinds: list[str]
) -> None:
    settings.HUB_REFRESH_WAIT_SECONDS = 0.05
    for number in itertools.count(1):
        journey.server.add_account(f"person{number}")
        act = prepare(journey, f"person{number}")
        before, newest = state(), Event.objects.order_by("-pk").values_list("pk", flat=True).first() or 0

        with failing(number) as statements, suppress(DatabaseError, OAuthError):
            act()

        told = [event.kind for event in Event.objects.filter(pk__gt=newest).exclude(kind__in=ALONE).order_by("pk")]
        assert (state() != before) == bool(told), f"write {number}: {told}"
        if not statements.failed:
            assert told == kinds
            assert number > 2
            return
