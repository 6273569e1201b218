"""Operators switch applications off, and open the hub's own connections to those that act for themselves."""

from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from oauth2_provider.models import AccessToken, Application
from pytest_django import Settings

from hub.applications.models import Suspension
from integrations.flows import lend
from integrations.flows.errors import NotLent
from integrations.flows.lend import Borrower
from integrations.models import Allowance, Connection, Event
from tests.admin.posting import fields_of, messages_of
from tests.applications.asking import browser_of, decide, open_page, tick, token_after
from tests.authorization_server.steps import call, get_code, make_application, refresh, token_request
from tests.factories import make_connection, make_registration, make_user
from tests.lending import make_allowance

pytestmark = pytest.mark.django_db
LISTED = "/admin/oauth2_provider/application/"
RULES = "/admin/integrations/allowance/"
NOTES = "profile notes:read notes:write"


@pytest.fixture
def operator() -> Client:
    return member("view_allowance", "add_allowance", "delete_allowance", "view_application", "add_suspension")


def member(*codenames: str) -> Client:
    user = make_user("operator", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return browser_of(user)


def words(page: Any) -> str:
    return " ".join(page.content.decode().split())


def service() -> Application:
    return make_application("robot", grant_type=Application.GRANT_CLIENT_CREDENTIALS, name="Robot")


def borrower(client_id: str = "robot") -> Borrower:
    return Borrower(issuer="", client_id=client_id, client_name="Robot", person_id=None)


@pytest.mark.requirement(136)
@pytest.mark.parametrize(
    ("address", "is_for"),
    [
        ("https://app.example/callback", ("public", "confidential")),
        ("http://127.0.0.1/callback", ("public",)),
        ("http://localhost/callback", ()),
        ("http://app.example/callback", ()),
        ("https://user@app.example/", ()),
        ("", ()),
    ],
)
@pytest.mark.parametrize("client_type", ["public", "confidential"])
def test_an_operator_changes_addresses_by_the_rule_of_the_pages(
    settings: Settings, address: str, is_for: tuple[str, ...], client_type: str
) -> None:
    settings.OAUTH2_PROVIDER = {**settings.OAUTH2_PROVIDER, "ALLOWED_REDIRECT_URI_SCHEMES": ["https"]}
    application = make_application(client_type=client_type, redirect_uris="http://127.0.0.1:4000/kept")
    changed = {"name": "Other", "redirect_uris": f"http://127.0.0.1:4000/kept\n{address}" if address else " "}

    member("view_application", "change_application").post(f"{LISTED}{application.pk}/change/", changed)

    application.refresh_from_db()
    expected = f"http://127.0.0.1:4000/kept {address}" if client_type in is_for else "http://127.0.0.1:4000/kept"
    assert application.redirect_uris == expected
    assert (application.name == "Other") == (client_type in is_for)


# -- switching off


@pytest.mark.requirement(100, 156)
@pytest.mark.parametrize("way", ["list", "page"])
def test_switching_off_is_confirmed_ends_tokens_and_is_told(operator: Client, way: str) -> None:
    application = make_application()
    user = make_user("user")
    connection = make_connection(owner=user)
    tokens = token_after(decide(browser_of(user), *tick(connection, "profile")))
    Event.objects.all().delete()

    if way == "list":
        asked = operator.post(LISTED, {"action": "switch_off", "index": "0", "_selected_action": application.pk})
    else:
        assert f"{application.pk}/switch/" in operator.get(f"{LISTED}{application.pk}/change/").content.decode()
        asked = operator.get(f"{LISTED}{application.pk}/switch/")
    assert "used by 1 person" in words(asked)
    assert call("/api/v1/me", tokens["access_token"]).status_code == 200
    done = operator.post(LISTED, fields_of(asked) | {"reason": "was broken into"}, follow=True)

    assert messages_of(done) == ["Switched off: Example Client."]
    assert call("/api/v1/me", tokens["access_token"]).status_code == 401
    assert refresh(tokens["refresh_token"]).status_code == 401
    assert open_page(browser_of(user)).status_code == 400
    assert Allowance.objects.get().connection == connection
    event = Event.objects.get()
    assert (event.kind, event.actor) == ("admin_action", "operator")
    assert (event.details["action"], event.details["reason"]) == ("switched off", "was broken into")
    assert "was broken into" in LogEntry.objects.get().get_change_message()


def test_what_is_on_again_may_ask_again_and_has_no_old_tokens(operator: Client) -> None:
    application, user = make_application(), make_user("user")
    tokens = token_after(decide(browser_of(user)))
    for action in ("switch_off", "switch_on"):
        form = {"action": action, "index": "0", "_selected_action": application.pk, "confirmed": "yes"}
        operator.post(LISTED, form)

    assert call("/api/v1/me", tokens["access_token"]).status_code == 401
    assert call("/api/v1/me", token_after(decide(browser_of(user)))["access_token"]).status_code == 200
    assert [event.details["action"] for event in Event.objects.filter(kind="admin_action").order_by("pk")] == [
        "switched off",
        "switched on",
    ]


def test_a_code_that_was_on_its_way_is_worth_nothing(operator: Client) -> None:
    application, user = make_application(), make_user("user")
    code = get_code(user)
    form = {"action": "switch_off", "index": "0", "_selected_action": application.pk, "confirmed": "yes"}
    operator.post(LISTED, form)
    Suspension.objects.all().delete()

    answer = token_request(grant_type="authorization_code", code=code, code_verifier="v" * 43)

    assert answer.status_code == 400
    assert not AccessToken.objects.exists()


@pytest.mark.requirement(145)
def test_a_service_that_is_off_gets_no_token(operator: Client) -> None:
    application = service()
    assert token_request(client_id="robot", grant_type="client_credentials").status_code == 200
    Suspension.objects.create(application=application, operator="x")

    assert token_request(client_id="robot", grant_type="client_credentials").status_code == 401


@pytest.mark.requirement(100, 111)
def test_who_may_only_look_switches_nothing() -> None:
    onlooker, application = member("view_application", "view_allowance"), service()

    form = {"action": "switch_off", "index": "0", "_selected_action": application.pk, "confirmed": "yes"}
    onlooker.post(LISTED, form)
    page = onlooker.get(f"{LISTED}{application.pk}/change/")

    assert page.status_code == 200
    assert "switch/" not in page.content.decode() and "Open connections to it" not in page.content.decode()
    assert onlooker.get(f"{LISTED}{application.pk}/switch/").status_code == 403
    assert onlooker.post(f"{RULES}add/?application={application.pk}").status_code == 403
    assert not Suspension.objects.exists() and not Allowance.objects.exists()


@pytest.mark.requirement(99)
def test_no_page_has_a_secret(operator: Client) -> None:
    application = make_application()

    for path in (LISTED, f"{LISTED}{application.pk}/change/", f"{LISTED}{application.pk}/switch/"):
        page = operator.get(path).content.decode()
        assert application.client_secret not in page and "pbkdf2" not in page


def test_a_superuser_deletes_one_with_all_that_it_held() -> None:
    chief = browser_of(make_user("chief", is_staff=True, is_superuser=True))
    application, user = make_application(), make_user("user")
    connection = make_connection(owner=user)
    tokens = token_after(decide(browser_of(user), *tick(connection, "profile")))

    assert "with its tokens" in words(chief.get(f"{LISTED}{application.pk}/delete/"))
    chief.post(f"{LISTED}{application.pk}/delete/", {"post": "yes"})

    assert not Application.objects.exists() and not Allowance.objects.exists()
    assert call("/api/v1/me", tokens["access_token"]).status_code == 401


# -- what is opened to services


def open_to(client: Client, application: Application, registration: Any, **form: Any) -> Any:
    address = f"{RULES}add/?application={application.pk}&registration={registration.pk}"
    return client.post(address, {"scope": "", "connection": "", **form})


@pytest.mark.requirement(112, 145)
def test_an_operator_opens_the_hubs_own_at_a_registration_and_nothing_of_anybodys(operator: Client) -> None:
    application, registration = service(), make_registration()
    own = make_connection(of_the_hub=True, registration=registration, scope=NOTES)
    elsewhere = make_connection(of_the_hub=True, scope=NOTES)
    persons = make_connection(registration=registration, scope=NOTES)

    page = operator.get(f"{RULES}add/?application={application.pk}&registration={registration.pk}")
    assert "Open Sandbox" in words(page)
    assert str(own.uuid) in page.content.decode() and str(persons.uuid) not in page.content.decode()
    assert open_to(operator, application, registration, features=["notes.read", "notes.write"]).status_code == 302

    assert list(lend.lent(borrower())) == [own]
    assert lend.token(borrower(), own.uuid, scope={"notes:read"}).value
    for connection in (elsewhere, persons):
        with pytest.raises(NotLent):
            lend.token(borrower(), connection.uuid)
    with pytest.raises(NotLent):
        lend.token(borrower("another"), own.uuid)
    event = Event.objects.get(kind="admin_action")
    assert (event.actor, event.registration, event.details["client_id"]) == ("operator", registration, "robot")


@pytest.mark.requirement(145)
def test_one_connection_is_opened_and_no_other(operator: Client) -> None:
    application, registration = service(), make_registration()
    one, other = (make_connection(of_the_hub=True, registration=registration) for _ in range(2))

    open_to(operator, application, registration, features=["profile"], connection=one.pk)

    assert list(lend.lent(borrower())) == [one]
    with pytest.raises(NotLent):
        lend.find(borrower(), other.uuid)


@pytest.mark.requirement(111, 134, 145)
def test_a_form_opens_nothing_of_a_persons_and_to_nobody_who_acts_for_people(operator: Client) -> None:
    application, registration = service(), make_registration()
    persons = make_connection(registration=registration)
    elsewhere = make_connection(of_the_hub=True)
    for connection in (persons, elsewhere):
        page = open_to(operator, application, registration, features=["profile"], connection=connection.pk)
        assert page.status_code == 200 and "Select a valid choice" in page.content.decode()
    for form in ({}, {"features": ["no.such"]}, {"scope": "a\u202eb"}, {"scope": 'a"b'}):
        assert open_to(operator, application, registration, **form).status_code == 200
    acts_for_people = make_application()
    chooser = open_to(operator, acts_for_people, registration, features=["profile"])
    assert "Robot (robot)" in words(chooser) and "client-1" not in words(chooser)
    open_to(operator, application, registration, features=["profile"], person=str(persons.owner_id), client_id="x")

    row = Allowance.objects.get()
    assert (row.person, row.client_id, row.connection, row.scope) == (None, "robot", None, "profile")


def test_what_is_open_already_is_not_opened_twice(operator: Client) -> None:
    application, registration = service(), make_registration()
    open_to(operator, application, registration, scope="profile")

    again = open_to(operator, application, registration, features=["profile"])

    assert "opened to the application already" in words(again)
    assert Allowance.objects.get().scope == "profile"


def test_what_was_opened_is_closed_and_told(operator: Client) -> None:
    application, registration = service(), make_registration()
    own = make_connection(of_the_hub=True, registration=registration)
    open_to(operator, application, registration, features=["profile"])
    rule = Allowance.objects.get()
    page = words(operator.get(f"{LISTED}{application.pk}/change/"))
    assert f"<strong>{registration.slug}</strong>, all of the hub&#x27;s own: profile" in page
    link = unescape(page.partition('">What is opened to it<')[0].rpartition('"')[2])
    Allowance.objects.create(issuer="https://issuer.example", client_id="robot", registration=make_registration())
    assert list(operator.get(link).context["cl"].queryset) == [rule]

    assert operator.get(f"{RULES}{rule.pk}/delete/").status_code == 200
    operator.post(f"{RULES}{rule.pk}/delete/", {"post": "yes"})

    with pytest.raises(NotLent):
        lend.find(borrower(), own.uuid)
    actions = Event.objects.filter(kind="admin_action").order_by("pk").values_list("details__action", flat=True)
    assert list(actions) == ["opened to an application", "closed to an application"]


@pytest.mark.requirement(111)
def test_what_people_allowed_is_on_no_page_of_operators(operator: Client) -> None:
    connection = make_connection(account_label="canary-account")
    rule = make_allowance(connection)

    assert "canary" not in operator.get(RULES).content.decode()
    for path in (f"{RULES}{rule.pk}/change/", f"{RULES}{rule.pk}/delete/"):
        assert operator.get(path).status_code == 302
    operator.post(f"{RULES}{rule.pk}/delete/", {"post": "yes"})
    assert Allowance.objects.filter(pk=rule.pk).exists()


@pytest.mark.requirement(145)
def test_a_service_without_a_rule_may_do_nothing_whatever_people_allowed_it() -> None:
    service()
    connection = make_connection()
    make_allowance(connection, client_id="robot")

    assert list(lend.lent(borrower())) == []
    with pytest.raises(NotLent):
        lend.find(borrower(), connection.uuid)
    assert Connection.objects.count() == 1
