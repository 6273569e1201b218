"""What a service granted unasked: shown where a person chooses, and lent only where they ticked it."""

import pytest
from django.test import Client

from integrations.flows import lend
from integrations.flows.allow import finish_link
from integrations.flows.errors import ScopeMissing
from integrations.flows.lend import Borrower
from integrations.models import Allowance, Connection, Event
from tests.applications.asking import allowed, browser_of, decide, tick, token_after
from tests.authorization_server.steps import make_application
from tests.factories import make_authorization_request, make_connection, make_event, make_user
from tests.lending import make_connect_link

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

    # What is granted later is not allowed by a tick for what was granted then.
    Connection.objects.update(unexpected_scope="more notes:write stray")
    share = browser.get(PAGE).context["choice"].services[0].shares[0]
    assert (share.state, share.ticks[-1].is_ticked) == ("2 of 3 allowed", False)
    browser.post(PAGE, {"allowed": [*features, last.value, *tick(connection, "+unasked")]})
    assert lent_to(connection) == "token_exceeds_consent"


def test_it_cannot_be_ticked_where_there_is_none(browser: Client, connection: Connection) -> None:
    Connection.objects.update(unexpected_scope="")
    token_after(decide(browser, *tick(connection, "profile", "+unasked", "+unasked.e3b0c44298fc")))
    assert allowed(Allowance.objects.get().person) == {connection.pk: ["profile"]}  # type: ignore[arg-type]


@pytest.mark.requirement(40, 112)
@pytest.mark.parametrize(("granted", "lends"), [("notes:write stray", True), ("more notes:write stray", False)])
def test_a_link_shares_nothing_unasked_that_its_page_did_not_show(
    browser: Client, connection: Connection, granted: str, lends: bool
) -> None:
    token_after(decide(browser, *tick(connection, "profile", "notes.read")))
    share = browser.get(PAGE).context["choice"].services[0].shares[0]
    browser.post(PAGE, {"allowed": [box.value for box in share.ticks]})
    connection.unexpected_scope = granted
    connection.save()
    link = make_connect_link(user=connection.owner, registration=connection.registration)
    link.shares = True
    link.save()
    request = make_authorization_request(user=connection.owner, connection=connection)
    request.link = link
    make_event(kind=Event.Kind.RECONNECTED, connection=connection)

    finish_link(request, connection, actor="robin")

    assert (lent_to(connection) != "token_exceeds_consent") is lends
