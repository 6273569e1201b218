"""A sweep over the tenants of one registration: each at its own token endpoint, and none waits for another."""

import pytest

from integrations.flows.clients import instance_of
from integrations.flows.sweep_due import TENANTS_NAMED, DueRows
from integrations.flows.sweep_source import Source
from integrations.models import ClientRegistration, Connection
from tests.clock import Clock
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.registration import register_helpdesk
from tests.flows.journey import fresh
from tests.flows.sweeping import are_idle, are_in_step, connect_many, swept, versions

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def registration(db: None, provider_server: FakeAuthorizationServer) -> ClientRegistration:
    return register_helpdesk(provider_server)


def at(
    desk: str, registration: ClientRegistration, server: FakeAuthorizationServer, clock: Clock, **fields: object
) -> list[Connection]:
    variables = {"desk": desk, "region": "eu"}
    return connect_many(registration, server, 3, clock=clock, variables=variables, scope="profile", **fields)  # type: ignore[arg-type]


def test_each_tenant_is_asked_at_its_own_token_endpoint(
    registration: ClientRegistration, provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    rows = at("acme", registration, provider_server, clock) + at("globex", registration, provider_server, clock)

    report = swept(clock)

    assert report.counts == {"refreshed": 6}
    assert are_in_step(rows, provider_server)
    asked = [request.path for request in provider_server.refreshes()]
    assert sorted(asked) == ["/eu/acme/oauth/token/"] * 3 + ["/eu/globex/oauth/token/"] * 3


def test_a_tenant_that_refuses_the_hub_keeps_no_other_waiting(
    registration: ClientRegistration, provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    acme = at("acme", registration, provider_server, clock, due_in=-120)
    globex = at("globex", registration, provider_server, clock)
    provider_server.conduct.refusing_tenants = frozenset({"/eu/acme"})

    swept(clock, concurrency=1)

    assert versions(globex) == [2, 2, 2]
    assert versions(acme) == [1, 1, 1]
    assert are_idle(acme)
    assert [request.path for request in provider_server.refreshes()].count("/eu/acme/oauth/token/") == 1


def test_a_tenant_that_cannot_be_asked_keeps_no_other_waiting(
    registration: ClientRegistration, provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    broken = at("acme", registration, provider_server, clock, due_in=-120)
    globex = at("globex", registration, provider_server, clock)
    Connection.objects.filter(pk__in=[row.pk for row in broken]).update(variables={"desk": "acme", "region": "mars"})

    report = swept(clock)

    assert report.counts == {"needs_operator": 3, "refreshed": 3}
    assert versions(globex) == [2, 2, 2]
    assert fresh(broken[0]).status == Connection.Status.ACTIVE


def test_a_tenant_is_left_out_and_no_other(
    registration: ClientRegistration, provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    acme = at("acme", registration, provider_server, clock, due_in=-120)
    globex = at("globex", registration, provider_server, clock)
    source = Source(rows=DueRows(provider="", started=clock(), horizon=clock()), clock=clock)

    batch = source.claim(10, without={instance_of(acme[0])})

    assert {job.connection.pk for job in batch.jobs} == {row.pk for row in globex}


def test_a_registration_without_tenants_is_left_out_whole(
    registration: ClientRegistration, provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    many = {(registration.pk, (("desk", f"desk{number}"),)) for number in range(2 * TENANTS_NAMED)}
    at("acme", registration, provider_server, clock)
    source = Source(rows=DueRows(provider="", started=clock(), horizon=clock()), clock=clock)

    batch = source.claim(10, without={*many, (registration.pk, ())})

    assert not batch.jobs
