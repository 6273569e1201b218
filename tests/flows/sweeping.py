"""Many connections at once, sweeps over them, and what there is to see afterwards."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.backends.signals import connection_created

from integrations.flows.sweep import SweepOptions, SweepReport, sweep
from integrations.models import ClientRegistration, Connection
from tests.clock import Clock
from tests.factories import make_connection, make_tokens, make_user
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.flows.journey import stored_tokens

type ExecuteWrapper = Callable[..., Any]


def swept(clock: Clock, **options: Any) -> SweepReport:
    return sweep(SweepOptions(**options), clock=clock)


def connect_many(
    registration: ClientRegistration,
    server: FakeAuthorizationServer,
    count: int,
    *,
    clock: Clock,
    due_in: int = -60,
    scope: str = "profile",
    **fields: Any,
) -> list[Connection]:
    """As many accounts of one person, connected without a browser; the provider knows their tokens."""
    owner = fields.pop("owner", None) or make_user()
    rows = []
    with transaction.atomic():
        for number in range(count):
            account = server.add_account(f"{owner.username}-{number}-of-{registration.slug}")
            granted = frozenset(scope.split())
            grant = server.memory.consent(account, client_id=registration.client_id, scope=granted, nonce=None)
            tokens = make_tokens(
                access_token=server.memory.new_access_token(grant, scope=granted).value,
                refresh_token=server.memory.new_refresh_token(grant),
            )
            columns = {"subject": account.subject, "account_label": account.name, "expires_in": due_in + 60, **fields}
            columns |= {"owner": owner, "registration": registration, "scope": scope, "tokens": tokens, "now": clock()}
            rows.append(make_connection(due_in=due_in, **columns))
    return rows


def versions(rows: Sequence[Connection]) -> list[int]:
    """How often each was stored, in the rows' order."""
    found = dict(Connection.objects.filter(pk__in=[row.pk for row in rows]).values_list("pk", "version"))
    return [found[row.pk] for row in rows]


def statuses(rows: Sequence[Connection]) -> Counter[str]:
    return Counter(Connection.objects.filter(pk__in=[row.pk for row in rows]).values_list("status", flat=True))


def are_idle(rows: Sequence[Connection]) -> bool:
    """Whether nobody has a lease."""
    return not Connection.objects.filter(pk__in=[row.pk for row in rows]).exclude(lease_owner="").exists()


def are_in_step(rows: Sequence[Connection], server: FakeAuthorizationServer) -> bool:
    """Whether the vault holds, for each, the tokens that the provider gave last."""
    newest = {grant.account.name: grant.refresh_tokens[-1] for grant in server.memory.grants if not grant.revoked}
    return all(stored_tokens(row).refresh_token == newest[row.account_label] for row in rows)


@contextmanager
def around_statements(wrapper: ExecuteWrapper) -> Iterator[None]:
    """Around what connections that are opened from now on execute: a sweep opens one in a thread of its own."""
    wrapped = []

    def install(connection: Any, **_: Any) -> None:
        if wrapper not in connection.execute_wrappers:
            connection.execute_wrappers.append(wrapper)
            wrapped.append(connection)

    connection_created.connect(install)
    try:
        yield
    finally:
        connection_created.disconnect(install)
        for connection in wrapped:
            connection.execute_wrappers.remove(wrapper)
