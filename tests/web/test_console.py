"""The console: who may call what, what is said of it, and that nothing typed is lost."""

from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from integrations.models import ClientRegistration, Connection, Event
from tests.factories import PASSWORD, make_connection, make_registration
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.registration import register_helpdesk, register_oauth2
from tests.web.calling import BODY, asked, call, prove
from tests.web.person import Person, authorization_url, text_of


def test_a_get_runs_at_once_and_is_told_in_words(person: Person) -> None:
    connection = person.connect("notes.read", account="bob")

    response = call(person, connection, path="/notes?page=2")

    page = text_of(response)
    assert response.status_code == 200
    assert "Sandbox answered 200 OK It worked." in page
    assert "What Sandbox says for bob : a note of bob" in page
    assert "application/json" in page
    assert "no-store" in response.headers["Cache-Control"]
    assert person.server.requests("api")[0].query == (("page", "2"),)


def test_examples_fill_in_or_lead_to_what_is_missing_and_back(person: Person) -> None:
    connection = person.connect()
    page = person.get(person.page(connection, "console")).content.decode()
    assert "connection=" + str(connection.uuid) in page and "next=%2Fconnections%2F" in page

    connection = person.connect("notes.read", account="bob")
    page = person.get(person.page(connection, "console")).content.decode()
    assert "?feature=notes.read&amp;path=%2Fnotes" in page


def test_the_button_of_a_feature_runs_it_in_the_console(person: Person) -> None:
    connection = person.connect("notes.read")

    response = person.post(person.page(connection, "try"), feature="notes.read")

    assert "a note of alice" in text_of(response)
    assert 'value="/notes"' in response.content.decode()
    assert asked(person) == ["GET /sandbox/api/notes"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_what_may_change_something_asks_who_it_is_and_keeps_what_was_typed(person: Person, method: str) -> None:
    connection = person.connect("notes.read", "notes.write")
    form = {"method": method, "path": "/notes?x=1", "feature": "notes.write", "body": BODY}

    asked_first = call(person, connection, **form)
    assert asked_first.status_code == 303
    back = parse_qs(urlsplit(asked_first.headers["Location"]).query)["next"][0]
    assert back == person.page(connection, "console")

    proven = person.post("/accounts/reauthenticate/", password=PASSWORD, next=back)
    page = person.get(proven.headers["Location"]).content.decode()
    assert "What you typed is still here." in page
    assert f'<option value="{method}" selected>' in page
    assert 'value="/notes?x=1"' in page
    assert "{&quot;text&quot;: &quot;hé &lt;b&gt;&quot;}" in page
    assert asked(person) == []

    assert call(person, connection, **form).status_code == 200
    assert asked(person) == [f"{method} /sandbox/api/notes"]
    assert "What you typed is still here." not in person.get(back).content.decode()


def test_a_proof_is_good_for_a_while_and_no_longer(person: Person) -> None:
    connection = person.connect("notes.write")
    prove(person)
    session = person.client.session
    session["account_authentication_methods"][-1]["at"] -= 301
    session.save()

    assert call(person, connection, method="POST", feature="notes.write").status_code == 303
    assert asked(person) == []


def test_what_was_typed_is_kept_for_its_connection_and_not_for_ever(person: Person) -> None:
    connection, other = person.connect("notes.write"), person.connect(account="bob")
    call(person, connection, method="POST", feature="notes.write", body=BODY)
    assert "hé" not in person.get(person.page(other, "console")).content.decode()

    session = person.client.session
    session["console"] = {**session["console"], "at": session["console"]["at"] - 901}
    session.save()

    assert "hé" not in person.get(person.page(connection, "console")).content.decode()


@pytest.mark.requirement(43)
def test_a_feature_that_is_off_is_offered_and_nothing_is_sent(person: Person) -> None:
    connection = person.connect("notes.read")
    prove(person)

    response = call(person, connection, method="POST", feature="notes.write", body=BODY)

    page = response.content.decode()
    assert response.status_code == 409
    assert "Allow “Write notes”, then send again." in page
    assert (
        f"feature=notes.write&amp;connection={connection.uuid}&amp;next=%2Fconnections%2F{connection.uuid}%2Fconsole%2F"
        in page
    )
    assert "hé &lt;b&gt;" in page
    assert asked(person) == []


def test_a_refusal_for_lack_of_rights_names_the_features_that_are_off(person: Person) -> None:
    connection = person.connect("notes.read")
    person.server.misbehave("api", Behaviour.INSUFFICIENT_SCOPE)

    page = text_of(call(person, connection))

    assert "Sandbox answered 403 Forbidden" in page
    assert "These features are off." in page and "Write notes" in page


def test_a_second_refusal_of_the_token_offers_to_reconnect(person: Person) -> None:
    connection = person.connect("notes.read")
    person.server.misbehave("api", Behaviour.INVALID_TOKEN, times=None)

    response = call(person, connection)

    assert "Sandbox answered 401" in text_of(response)
    assert person.page(connection, "reconnect") in response.content.decode()
    assert len(asked(person)) == 2


def test_a_connection_that_needs_its_owner_offers_to_reconnect_and_come_back(person: Person) -> None:
    connection = person.connect("notes.read")
    Connection.objects.update(status=Connection.Status.NEEDS_REAUTHORIZATION, refresh_due_at=None)

    response = call(person, connection, path="/notes?kept=1")

    page = response.content.decode()
    assert response.status_code == 409
    assert person.page(connection, "reconnect") in page
    assert f'name="next" value="{person.page(connection, "console")}"' in page
    assert 'value="/notes?kept=1"' in page


def test_a_provider_that_does_not_answer_may_have_done_it(person: Person) -> None:
    connection = person.connect("notes.write")
    prove(person)
    person.server.misbehave("api", Behaviour.DROP_AFTER_PROCESSING, times=None)

    response = call(person, connection, method="POST", feature="notes.write", body=BODY)

    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert "It is not known whether Sandbox did it." in text_of(response)
    assert "hé &lt;b&gt;" in response.content.decode()
    assert "not known" not in text_of(call(person, connection, feature="profile"))


def test_the_trail_says_who_what_and_no_query(person: Person) -> None:
    connection = person.connect("notes.read")

    call(person, connection, path="/notes?q=canary-query")

    used = connection.events.filter(kind=Event.Kind.USED).get()
    assert used.actor == "robin (console)"
    assert used.details == {"method": "GET", "path": "/notes"}


@pytest.mark.requirement(111, 135)
def test_the_console_of_another_person_looks_like_none(person: Person, stranger: Person) -> None:
    connection = person.connect("notes.read")
    person.server.forget_requests()
    theirs = stranger.page(connection, "console")
    nobodys = theirs.replace(str(connection.uuid), str(uuid4()))

    for look in (True, False):
        answers = [stranger.get(path) if look else stranger.post(path, method="GET") for path in (theirs, nobodys)]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert text_of(answers[0]) == text_of(answers[1])

    assert not person.server.requests()


@pytest.mark.parametrize("status", [Connection.Status.REVOKING, Connection.Status.REVOKED])
def test_a_connection_that_has_ended_has_no_console(person: Person, status: str) -> None:
    registration = ClientRegistration.objects.get()
    connection = make_connection(owner=person.user, registration=registration, status=status, sealed=False)

    for response in (person.get(person.page(connection, "console")), call(person, connection)):
        assert response.headers["Location"] == person.page(connection)


def test_a_switched_off_service_says_so(person: Person) -> None:
    connection = person.connect("notes.read")
    ClientRegistration.objects.update(enabled=False)

    response = call(person, connection)

    assert response.status_code == 502
    assert "Sandbox is switched off" in text_of(response)


def test_a_service_without_a_known_api_says_so(person: Person) -> None:
    off = make_registration(provider="oidc", variables={"issuer": "https://login.example.test"})
    connection = make_connection(owner=person.user, registration=off)

    page = text_of(person.get(person.page(connection, "console")))

    assert "does not know where the API" in page
    assert call(person, connection, feature="account").status_code == 400


def test_a_generic_service_is_tried_at_the_operators_address(person: Person) -> None:
    registration = register_oauth2(person.server)
    person.come_back(person.begin(slug=registration.slug))
    connection = person.user.connections.get()

    assert call(person, connection, feature="account", path="/me").status_code == 200
    assert asked(person) == ["GET /api/me"]


@pytest.mark.requirement(113)
def test_a_call_goes_to_the_tenant_of_the_connection(person: Person) -> None:
    registration = register_helpdesk(person.server)
    begun = person.post("/connections/begin/helpdesk/", features="tickets.read", variable_desk="acme")
    person.come_back(authorization_url(begun))
    connection = person.user.connections.get(registration=registration)

    page = person.get(person.page(connection, "console")).content.decode()
    response = call(person, connection, feature="tickets.read")

    assert f'<span class="console-base">{person.server.origin}/eu/acme/sandbox/api</span>' in page
    assert response.status_code == 200
    assert asked(person) == ["GET /eu/acme/sandbox/api/notes"]
    elsewhere = f"{person.server.origin}/eu/globex/sandbox/api/notes"
    assert call(person, connection, feature="tickets.read", path=elsewhere).status_code == 400
    assert len(asked(person)) == 1
