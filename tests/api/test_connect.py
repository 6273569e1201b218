"""An application asks a person to connect an account: they decide, and nothing starts by itself."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.urls import reverse
from django.utils import timezone
from oauth2_provider.models import Application

from hub.applications.authorizations import end
from hub.applications.suspension import suspend
from integrations.models import Allowance, AuthorizationRequest, ClientRegistration, Connection, ConnectLink, Event
from tests.api.calling import program_of
from tests.factories import make_registration
from tests.lending import make_connect_link
from tests.web.person import Person, asked_scope, authorization_url, text_of

pytestmark = pytest.mark.django_db


def link_for(person: Person, **body: Any) -> str:
    """The path of a link that the application got."""
    response = program_of(person.user).post("/connect", {"provider": "sandbox", **body})
    assert response.status_code == 200, response.content
    assert response["Cache-Control"] == "no-store"
    return str(response.json()["url"].removeprefix("http://127.0.0.1:8000"))


def test_from_the_link_to_a_shared_connection(person: Person) -> None:
    link = link_for(person, features=["notes.read"], return_to="https://client.example/done?x=1")
    page = person.get(link)
    assert "Example Client [client-1] asks you to connect an account." in text_of(page)
    assert "client.example" in text_of(page)

    url = authorization_url(person.post(f"{link}begin/", features=["notes.read"], shares="on"))
    response = person.come_back(url)

    assert (response.status_code, response.headers["Location"]) == (303, link)
    connection = Connection.objects.get()
    allowed = Allowance.objects.get()
    assert (allowed.client_id, allowed.person, allowed.connection) == ("client-1", person.user, connection)
    assert (allowed.features, allowed.scope) == (["notes.read", "profile"], "notes:read profile")
    assert program_of(person.user).post(f"/connections/{connection.uuid}/token").status_code == 200
    over = person.get(link)
    assert "Example Client [client-1] may use it." in text_of(over)
    assert 'href="https://client.example/done?x=1"' in over.content.decode()


@pytest.mark.requirement(156)
@pytest.mark.parametrize("first", ["connected", "reconnected"])
def test_application_is_told_what_its_link_made_and_nothing_before_that(person: Person, first: str) -> None:
    if first == "reconnected":
        person.connect("notes.read")
    link = link_for(person)
    person.come_back(authorization_url(person.post(f"{link}begin/", features=["notes.read"], shares="on")))
    for model in (Event, Allowance):
        model.objects.update(created_at=F("created_at") - timedelta(minutes=1))

    told = program_of(person.user).get("/events").json()["data"]

    assert [event["kind"] for event in told] == [first, "application_allowed"]


def test_what_is_not_said_is_not_shared(person: Person) -> None:
    link = link_for(person)
    person.come_back(authorization_url(person.post(f"{link}begin/")))
    assert Connection.objects.count() == 1
    assert not Allowance.objects.exists()
    assert not Event.objects.filter(kind=Event.Kind.APPLICATION_ALLOWED).exists()
    assert "Only you have it" in text_of(person.get(link))


def test_person_may_choose_less(person: Person) -> None:
    link = link_for(person, features=["notes.read", "notes.write"])
    url = authorization_url(person.post(f"{link}begin/", features=["notes.read"], shares="on"))
    assert asked_scope(url) == {"profile", "notes:read"}


def test_opening_starts_nothing(person: Person) -> None:
    link = link_for(person)
    for path in (link, f"{link}begin/"):
        person.get(path)
    assert not AuthorizationRequest.objects.exists()
    assert ConnectLink.objects.get().started_at is None


def test_link_is_good_once(person: Person) -> None:
    link = link_for(person)
    person.post(f"{link}begin/", shares="on")
    again = person.post(f"{link}begin/", shares="on")
    assert (again.status_code, again.headers["Location"]) == (302, link)
    assert AuthorizationRequest.objects.count() == 1
    assert "It was used, and nothing was connected by it." in text_of(person.get(link))


def test_link_is_over_after_ten_minutes(person: Person, registration: ClientRegistration) -> None:
    link = link_for(person)
    assert timedelta(minutes=9) < ConnectLink.objects.get().expires_at - timezone.now() <= timedelta(minutes=10)
    ConnectLink.objects.update(expires_at=timezone.now())
    assert "It was good for ten minutes." in text_of(person.get(link))
    person.post(f"{link}begin/", shares="on")
    assert not AuthorizationRequest.objects.exists()


@pytest.mark.requirement(111)
@pytest.mark.requirement(135)
def test_link_of_another_person_is_unknown(person: Person, stranger: Person) -> None:
    link = link_for(person)
    nowhere = "/connections/link/6f9619ff-8b86-4d01-b42d-00cf4fc964ff/"
    assert {stranger.get(link).status_code, stranger.get(nowhere).status_code} == {404}
    assert text_of(stranger.get(link)) == text_of(stranger.get(nowhere))
    assert stranger.post(f"{link}begin/", shares="on").status_code == 404
    assert not AuthorizationRequest.objects.exists()


def test_whoever_is_not_signed_in_does_that_first(person: Person) -> None:
    link = link_for(person)
    person.client.logout()
    for response in (person.get(link), person.post(f"{link}begin/")):
        assert response.headers["Location"].startswith(reverse("account_login"))
    assert not AuthorizationRequest.objects.exists()


def test_refusal_at_the_provider_shares_nothing(person: Person) -> None:
    link = link_for(person)
    url = authorization_url(person.post(f"{link}begin/", shares="on"))
    person.come_back(url, error="access_denied")
    assert not Connection.objects.exists()
    assert not Allowance.objects.exists()


def test_attempt_that_cannot_begin_does_not_use_the_link_up(person: Person, registration: ClientRegistration) -> None:
    link = link_for(person)
    ClientRegistration.objects.update(variables={})
    assert person.post(f"{link}begin/", shares="on").status_code >= 400
    assert ConnectLink.objects.get().started_at is None


def test_what_the_application_might_use_before_it_still_may(person: Person) -> None:
    connection = person.connect("notes.read")
    Allowance.objects.create(
        client_id="client-1",
        person=person.user,
        connection=connection,
        registration=connection.registration,
        features=["notes.read"],
        scope="notes:read profile",
    )
    link = link_for(person)
    person.come_back(authorization_url(person.post(f"{link}begin/", features=["notes.read"], shares="on")))
    assert Allowance.objects.get().features == ["notes.read", "profile"]


@pytest.mark.parametrize(
    "return_to",
    [
        "https://evil.example/",
        "http://client.example/",
        "https://client.example:444/",
        "https://client.example.evil.example/",
        "https://client.example@evil.example/",
        "https://u@client.example/",
        "https://evil.example\\@client.example/",
        "https://evil.example#@client.example/",
        "https://client.example:99999/",
        "https://[client.example/",
        "https://CLIENT.example\u3002evil.example/",
        "javascript:alert(1)",
        "//client.example/",
        "/connections/",
        "https://client.example/\nx",
        "",
    ],
)
def test_way_back_leads_to_an_origin_of_the_application_alone(person: Person, return_to: str) -> None:
    response = program_of(person.user).post("/connect", {"provider": "sandbox", "return_to": return_to})
    assert (response.status_code, response.json()["errors"][0]["name"]) == (422, "return_to")
    assert not ConnectLink.objects.exists()


@pytest.mark.parametrize(
    ("return_to", "status"),
    [
        ("http://127.0.0.1/done", 200),
        ("http://127.0.0.1:53124/done", 200),
        ("http://[::1]:53124/done", 422),
        ("https://127.0.0.1:53124/done", 422),
        ("http://localhost:53124/done", 422),
        ("http://127.0.0.1.evil.example:53124/", 422),
        ("http://127.0.0.1:53124@evil.example/", 422),
        ("http://127.0.0.1:99999/", 422),
    ],
)
def test_on_the_persons_own_machine_the_port_may_be_another(person: Person, return_to: str, status: int) -> None:
    program = program_of(person.user)
    Application.objects.update(redirect_uris="http://127.0.0.1/cb")
    assert program.post("/connect", {"provider": "sandbox", "return_to": return_to}).status_code == status


def test_what_follows_a_bracket_makes_another_origin(person: Person) -> None:
    program = program_of(person.user)
    Application.objects.update(redirect_uris="http://[::1]/cb")
    asked = [{"provider": "sandbox", "return_to": f"http://[::1]{more}/"} for more in ("", ":7", "x.evil.example")]
    assert [program.post("/connect", body).status_code for body in asked] == [200, 200, 422]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({}, "provider"),
        ({"provider": "nowhere"}, "provider"),
        ({"provider": "../x"}, "provider"),
        ({"provider": "off"}, "provider"),
        ({"provider": "sandbox", "features": ["fly"]}, "features"),
        ({"provider": "sandbox", "features": "notes.read"}, "features"),
        ({"provider": "sandbox", "features": [None]}, "features.0"),
    ],
)
def test_what_cannot_be_connected(person: Person, body: dict[str, Any], name: str) -> None:
    make_registration(slug="off", enabled=False)
    response = program_of(person.user).post("/connect", body)
    assert (response.status_code, response.json()["errors"][0]["name"]) == (422, name)


@pytest.mark.requirement(134)
@pytest.mark.parametrize("member", ["user", "user_id", "client_id", "shares", "connection", "expires_at", "is_staff"])
def test_nobody_else_can_be_named(person: Person, stranger: Person, member: str) -> None:
    response = program_of(person.user).post("/connect", {"provider": "sandbox", member: stranger.user.pk})
    assert (response.status_code, response.json()["errors"][0]["name"]) == (422, member)
    assert not ConnectLink.objects.exists()


def test_application_of_its_own_sends_nobody() -> None:
    response = program_of(None).post("/connect", {"provider": "sandbox"})
    assert (response.status_code, response.json()["code"]) == (403, "person_required")


def test_name_of_an_application_is_made_harmless(person: Person, registration: ClientRegistration) -> None:
    link = make_connect_link(user=person.user, registration=registration)
    ConnectLink.objects.update(client_name="<b>Bad</b>\u202e client")
    page = person.get(reverse("integrations:connect_link", kwargs={"uuid": link.uuid})).content.decode()
    assert "&lt;b&gt;Bad&lt;/b&gt; client" in page


@pytest.mark.requirement(112)
@pytest.mark.parametrize("how", ["removed", "switched off"])
def test_what_was_begun_before_the_application_went_is_not_shared_with_it(person: Person, how: str) -> None:
    link = link_for(person, features=["notes.read"])
    url = authorization_url(person.post(f"{link}begin/", features=["notes.read"], shares="on"))
    application = Application.objects.get()
    if how == "removed":
        end(person.user.pk, application, actor="robin")
    else:
        suspend(application, operator="root", reason="")

    person.come_back(url)

    assert Connection.objects.count() == 1
    assert not Allowance.objects.exists()
