"""What a service granted unasked: shown where a person chooses, and lent only where they ticked it."""

import pytest
from django.test import Client

from integrations.flows import lend
from integrations.flows.errors import ScopeMissing
from integrations.flows.lend import Borrower
from integrations.models import Allowance, Connection
from tests.applications.asking import allowed, browser_of, decide, tick, token_after
from tests.authorization_server.steps import make_application
from tests.factories import make_connection, make_user

pytestmark = pytest.mark.django_db
PAGE = "/applications/authorized/client-1/"


@pytest.fixture
def connection() -> Connection:
    make_application()
    return make_connection(owner=make_user("robin"), scope="profile notes:read", unexpected_scope="notes:write stray")


@pytest.fixture
def browser(connection: Connection) -> Client:
    assert connection.owner
    return browser_of(connection.owner)


def lent_to(connection: Connection) -> str:
    borrower = Borrower(issuer="", client_id="client-1", client_name="Example", person_id=connection.owner_id)
    try:
        return lend.token(borrower, connection.uuid).value
    except ScopeMissing as error:
        return error.code


@pytest.mark.requirement(40, 112)
def test_it_is_lent_only_where_its_owner_ticked_it(browser: Client, connection: Connection) -> None:
    features = tick(connection, "profile", "notes.read")
    token_after(decide(browser, *features))
    assert lent_to(connection) == "token_exceeds_consent"

    page = browser.get(PAGE, {"connection": str(connection.uuid), "scope": "stray"})
    last = page.context["choice"].services[0].shares[0].ticks[-1]
    assert (last.title, last.is_ticked) == ("What else Sandbox gave", False)
    assert last.text == "Nobody asked for it: Write and delete your notes, stray. The application asked for this."
    assert page.context["choice"].services[0].shares[0].state == "2 of 3 allowed"
    browser.post(PAGE, {"allowed": [*features, last.value]})
    assert lent_to(connection).startswith("access")
    assert "what was granted unasked" in browser.get(f"/connections/{connection.uuid}/").content.decode()

    Connection.objects.update(unexpected_scope="more notes:write stray")
    assert lent_to(connection) == "token_exceeds_consent"
    browser.post(PAGE, {"allowed": features})
    assert lent_to(connection) == "token_exceeds_consent"


def test_it_cannot_be_ticked_where_there_is_none(browser: Client, connection: Connection) -> None:
    Connection.objects.update(unexpected_scope="")
    token_after(decide(browser, *tick(connection, "profile", "+unasked")))
    assert allowed(Allowance.objects.get().person) == {connection.pk: ["profile"]}  # type: ignore[arg-type]
