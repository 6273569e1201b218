"""What a person allowed: seen, changed, taken back."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from oauth2_provider.models import AccessToken, Application, Grant, RefreshToken

from hub.resource_server.authenticate import authenticate
from integrations.flows import lend
from integrations.flows.errors import NotLent
from integrations.flows.lend import Borrower
from integrations.models import Allowance, Connection, Event
from tests.applications.asking import allowed, browser_of, decide, open_page, tick, token_after
from tests.authorization_server.steps import call, get_code, make_application, refresh
from tests.factories import make_connection, make_use, make_user
from tests.lending import make_allowance
from tests.web.test_hostile_text import CONTROLS, VECTORS, assert_harmless

pytestmark = pytest.mark.django_db
NOTES = "profile notes:read notes:write"
PAGE = "/applications/authorized/client-1/"


@pytest.fixture
def person() -> User:
    make_application()
    return make_user("robin")


@pytest.fixture
def browser(person: User) -> Client:
    return browser_of(person)


@pytest.fixture
def connection(person: User) -> Connection:
    return make_connection(owner=person, scope=NOTES, name="Work")


def words(page: Any) -> str:
    return " ".join(page.content.decode().split())


def test_the_list_says_who_what_and_which_connections(browser: Client, connection: Connection) -> None:
    token_after(decide(browser, *tick(connection, "profile")))
    use = make_use(connection=connection, actor="application: Example Client [client-1]")
    make_use(connection=connection, actor="somebody else")
    make_use(connection=connection, actor="application: Example Client [client-2]")
    # Whoever owns it calls it something else: that hides no use.
    Application.objects.update(name="Other")

    page = browser.get("/applications/")

    (row,) = page.context["authorized"]
    assert (row.name, row.connections) == ("Other", ("Work",))
    assert row.abilities[0] == "See your name"
    assert row.last_used_at == max(use.last_used_at, AccessToken.objects.get().created)
    assert row.since is not None and row.since <= row.last_used_at
    assert 'href="/applications/authorized/client-1/"' in page.content.decode()


def test_nothing_is_listed_that_nobody_allowed_or_another_did(browser: Client) -> None:
    other = browser_of(make_user("other"))
    token_after(decide(other))

    assert browser.get("/applications/").context["authorized"] == []
    assert browser.get(PAGE).status_code == 404
    assert browser.post(PAGE + "remove/").status_code == 404
    assert AccessToken.objects.count() == 1


@pytest.mark.requirement(135)
def test_what_another_allowed_looks_like_what_is_not_there(browser: Client) -> None:
    other = browser_of(make_user("other"))
    token_after(decide(other))

    for path in ("", "remove/"):
        theirs, nobodys = (browser.get(f"/applications/authorized/{name}/{path}") for name in ("client-1", "nobody"))
        assert theirs.status_code == nobodys.status_code == 404
        assert dict(theirs.headers) == dict(nobodys.headers)


def test_the_choice_is_changed_on_its_page(browser: Client, connection: Connection, person: User) -> None:
    token_after(decide(browser, *tick(connection, "profile")))
    other = make_connection(owner=person, scope=NOTES)

    response = browser.post(PAGE, {"allowed": tick(other, "notes.read")}, follow=True)

    assert response.redirect_chain == [(PAGE, 303)]
    assert allowed(person) == {other.pk: ["notes.read", "profile"]}
    browser.post(PAGE, {})
    assert allowed(person) == {}


@pytest.mark.requirement(111, 134)
def test_the_page_allows_nothing_of_anybody_else(browser: Client, connection: Connection, person: User) -> None:
    token_after(decide(browser, *tick(connection, "profile")))
    theirs = make_connection(scope=NOTES)
    hostile = {"allowed": tick(theirs, "profile"), "person": theirs.owner_id, "client_id": "client-2", "issuer": "x"}

    browser.post(PAGE, hostile)

    assert not Allowance.objects.exists()


def test_an_address_points_at_what_is_missing_and_ticks_nothing(browser: Client, connection: Connection) -> None:
    token_after(decide(browser, *tick(connection, "profile")))

    page = browser.get(PAGE, {"connection": str(connection.uuid), "scope": "notes:write"})

    text = words(page)
    assert "nothing changes unless you tick it" in text
    (service,) = page.context["choice"].services
    (share,) = service.shares
    assert {box.value.partition(":")[2]: box.is_ticked for box in share.ticks} == {
        "profile": True,
        "notes.read": False,
        "notes.write": False,
    }
    assert [box.title for box in share.ticks if "asked for this" in box.text] == ["Write notes"]


@pytest.mark.requirement(132)
@pytest.mark.parametrize("vector", [*VECTORS, CONTROLS])
def test_an_address_points_nowhere_by_nonsense(browser: Client, connection: Connection, vector: str) -> None:
    Application.objects.update(name=vector.replace("\x00", ""))
    token_after(decide(browser, *tick(connection, "profile")))
    vector = vector.replace("\x00", "")
    for query in ({"connection": vector, "scope": vector}, {"connection": str(uuid4()), "scope": vector}):
        page = browser.get(PAGE, query)
        assert page.status_code == 200
        assert_harmless(page.content.decode(), vector)
    for path in ("/applications/", PAGE + "remove/", f"/connections/{connection.uuid}/", "/activity/"):
        assert_harmless(browser.get(path).content.decode(), vector)


def test_what_was_removed_is_refused_from_its_next_call_on(
    browser: Client, connection: Connection, person: User
) -> None:
    tokens = token_after(decide(browser, *tick(connection, "profile")))
    assert call("/api/v1/me", tokens["access_token"]).status_code == 200
    other = make_user("other")
    theirs = token_after(decide(browser_of(other)))
    get_code(person)
    Event.objects.all().delete()

    assert "It is refused from its next call on" in words(browser.get(PAGE + "remove/"))
    assert call("/api/v1/me", tokens["access_token"]).status_code == 200
    browser.post(PAGE + "remove/")

    assert call("/api/v1/me", tokens["access_token"]).status_code == 401
    assert refresh(tokens["refresh_token"]).status_code == 400
    assert allowed(person) == {}
    assert not Grant.objects.filter(user=person).exists()
    told = Event.objects.order_by("pk").values_list("kind", "connection", "actor")
    assert list(told) == [
        ("application_removed", connection.pk, "robin"),
        ("application_removed", None, "robin"),
    ]
    assert call("/api/v1/me", theirs["access_token"]).status_code == 200
    assert RefreshToken.objects.get().user == other
    assert browser.get(PAGE).status_code == 404


def test_another_application_keeps_what_it_was_allowed(browser: Client, connection: Connection, person: User) -> None:
    token_after(decide(browser, *tick(connection, "profile")))
    make_allowance(connection, client_id="client-2", features=["profile"])

    browser.post(PAGE + "remove/")

    assert list(Allowance.objects.values_list("client_id", flat=True)) == ["client-2"]


def test_removing_is_undone_by_allowing_again(browser: Client, connection: Connection) -> None:
    token_after(decide(browser, *tick(connection, "profile")))
    browser.post(PAGE + "remove/")

    tokens = token_after(decide(browser, *tick(connection, "profile")))

    assert call("/api/v1/me", tokens["access_token"]).status_code == 200


def test_every_form_needs_its_csrf_token(person: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(person)
    for path in ("", "remove/"):
        assert strict.post(PAGE + path).status_code == 403


def test_activity_and_the_connections_page_name_the_application(browser: Client, connection: Connection) -> None:
    token_after(decide(browser, *tick(connection, "notes.read")))
    make_use(connection=connection, actor="application: Example Client [client-1]")

    page = words(browser.get(f"/connections/{connection.uuid}/"))
    assert "Shared with" in page
    assert 'href="/applications/authorized/client-1/"' in page
    assert "Example Client [client-1] (application)" in page
    browser.post(PAGE + "remove/")
    activity = words(browser.get("/activity/"))

    for sentence in (
        "Example Client [client-1] may act for you.",
        "Example Client [client-1] may use Sandbox.",
        "Example Client [client-1] may no longer use Sandbox.",
        "Example Client [client-1] may no longer act for you.",
    ):
        assert sentence in activity
    assert "No application may use it." in words(browser.get(f"/connections/{connection.uuid}/"))


@pytest.mark.requirement(132)
@pytest.mark.parametrize("name", ["Example Client", "Example Client [client-1]", "Example" * 30])
def test_an_application_with_anothers_name_is_told_apart_wherever_it_is_named(
    browser: Client, connection: Connection, name: str
) -> None:
    Application.objects.update(name=name)
    make_application("impostor-2", name=name)
    for client_id, mark in (("client-1", "client-1"), ("impostor-2", "impostor")):
        asked = words(open_page(browser, client_id=client_id))
        assert f"<code data-varies>{mark}</code>" in asked
        borrower = Borrower(issuer="", client_id=client_id, client_name=name, person_id=connection.owner_id)
        decide(browser, *tick(connection, "notes.read"), client_id=client_id)
        make_use(connection=connection, actor=borrower.actor)

    for path in ("/applications/", f"/connections/{connection.uuid}/", "/activity/"):
        page = words(browser.get(path))
        assert "client-1" in page.replace("/client-1/", "") and "impostor" in page.replace("/impostor-2/", "")
    assert f"{name[:90]} [impostor] may use Sandbox" in words(browser.get("/activity/"))
    assert f"{name[:90]} [impostor] (application)" in words(browser.get(f"/connections/{connection.uuid}/"))
    assert "<code data-varies>impostor</code>" in words(browser.get("/applications/authorized/impostor-2/"))


def test_a_client_of_another_issuer_is_told_apart_by_it() -> None:
    actors = {
        Borrower(issuer=issuer, client_id="robot", client_name="robot", person_id=None, subject=subject).actor
        for issuer in ("", "https://sso.example/realms/one", "https://sso.example/realms/two")
        for subject in ("", "someone")
    }
    assert {actor for actor in actors if "/" not in actor} == {"application: robot [robot]"}
    assert len(actors) == 5 and "application: robot (someone) [sso.example/realms/two]" in actors


@pytest.mark.requirement(112)
def test_what_one_application_may_is_nothing_for_another_and_one_connection_nothing_for_the_next(
    browser: Client, connection: Connection, person: User
) -> None:
    other = make_connection(owner=person, scope=NOTES)
    decide(browser, *tick(connection, "profile", "notes.read", "notes.write"))

    def borrower(client_id: str) -> Borrower:
        return Borrower(issuer="", client_id=client_id, client_name="x", person_id=person.pk)

    assert lend.token(borrower("client-1"), connection.uuid).value
    for client_id, uuid in (("client-1", other.uuid), ("client-2", connection.uuid)):
        with pytest.raises(NotLent):
            lend.token(borrower(client_id), uuid)


def test_the_consent_path_of_a_caller_leads_to_the_page(browser: Client, connection: Connection) -> None:
    tokens = token_after(decide(browser, *tick(connection, "profile")))
    request = RequestFactory().get("/api/v1/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})

    path = authenticate(request).borrower.consent_path

    assert path == PAGE
    assert browser.get(path).status_code == 200
