"""No page takes a form that another site made: every address, by somebody who is signed in."""

import pytest
from django.test import Client

from integrations.models import AccountClosure, Connection
from tests.factories import make_event, make_pending_revocation, make_sweep_run, make_user
from tests.web.person import Person
from tests.web.test_access import routes, snapshot, values_for

#: Asked by programs, which show who they are in the request itself and have no cookie that a browser would add.
OF_PROGRAMS = {
    "oauth2_provider:token",
    "oauth2_provider:revoke-token",
    "oauth2_provider:introspect",
    "oauth2_provider:device-authorization",
    "oauth2_provider:register",
}


@pytest.fixture
def connection(person: Person) -> Connection:
    connection = person.connect("notes.read")
    make_event(connection=connection)
    make_pending_revocation(connection=connection)
    make_sweep_run()
    AccountClosure.objects.create(user=make_user(), started_at=connection.created_at)
    return connection


@pytest.mark.requirement(100)
@pytest.mark.parametrize("is_operator", [False, True])
def test_every_form_wants_its_token(person: Person, connection: Connection, is_operator: bool) -> None:
    user = make_user("root", is_staff=True, is_superuser=True) if is_operator else person.user
    elsewhere = Client(enforce_csrf_checks=True, headers={"Origin": "https://evil.example", "HX-Request": "true"})
    elsewhere.force_login(user)
    before = snapshot()

    taken = []
    for route in routes():
        path = route.path(values_for(connection, route_name=route.name))
        for method in (elsewhere.post, elsewhere.put, elsewhere.patch, elsewhere.delete):
            answer = method(path)
            of_programs = route.name in OF_PROGRAMS or route.name.startswith("api-v1:") or "sandbox" in route.pattern
            if answer.status_code != 403 and not of_programs:
                taken.append((route.name, answer.status_code))

    assert taken == []
    assert snapshot() == before
    assert elsewhere.get("/accounts/sessions/").status_code == 200
