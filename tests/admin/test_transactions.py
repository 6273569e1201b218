"""While a provider is asked, an operator's click holds no transaction: SQLite would let nobody else write."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection as database
from django.db import connections
from django.test import Client

from integrations.models import ClientRegistration
from tests.admin.posting import Page
from tests.clock import Clock
from tests.factories import CLIENT_SECRET, make_connection
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.registration import register_sandbox

pytestmark = pytest.mark.django_db(transaction=True)


def nobody_holds_a_transaction() -> bool:
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
            )
            return bool(cursor.fetchone() == (0,))
        cursor.execute("PRAGMA busy_timeout = 0")
        try:
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("ROLLBACK")
        except Exception as error:
            assert "locked" in str(error)
            return False
        finally:
            cursor.execute("PRAGMA busy_timeout = 20000")
    return True


def free_while_asked(server: FakeAuthorizationServer, endpoint: str, *, click: Callable[[], Page]) -> bool:
    """Whether others could write at the moment the provider had the request; the click must reach it."""
    gate = server.misbehave(endpoint, Behaviour.DELAY_BEFORE_PROCESSING)

    def clicked() -> Page:
        try:
            return click()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(clicked)
        gate.wait_for_arrival()
        free = nobody_holds_a_transaction()
        gate.open()
        assert answer.result().status_code in (200, 302)
    return free


@pytest.mark.requirement(68)
@pytest.mark.parametrize("page", ["", "{pk}/change/"], ids=["list", "detail"])
@pytest.mark.parametrize(
    ("action", "endpoint"), [("refresh_now", "token"), ("revoke_and_wipe", "revoke")], ids=["refresh", "revoke"]
)
def test_an_action_holds_no_transaction(
    operator: Client, provider_server: FakeAuthorizationServer, page: str, action: str, endpoint: str
) -> None:
    row = make_connection(registration=register_sandbox(provider_server))
    url = "/admin/integrations/connection/" + page.format(pk=row.pk)
    name = "CHANGE_FORM-action" if page else "action"
    data = {name: action, "action": action, "_selected_action": str(row.pk), "confirmed": "yes", "index": "0"}

    assert free_while_asked(provider_server, endpoint, click=lambda: operator.post(url, data))


@pytest.mark.requirement(68)
def test_saving_a_registration_holds_no_transaction(
    operator: Client, provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    data = {
        "slug": "mine",
        "client_id": "hub",
        "client_secret": CLIENT_SECRET,
        "enabled": "on",
        "variable_issuer": provider_server.origin,
    }
    url = "/admin/integrations/clientregistration/add/?provider=oidc"

    assert free_while_asked(provider_server, "metadata", click=lambda: operator.post(url, data))
    assert ClientRegistration.objects.get().slug == "mine"
