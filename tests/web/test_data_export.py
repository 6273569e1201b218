"""A person's data as one file: all of theirs, nothing of others, nothing secret."""

import json
from datetime import datetime

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.db import connection as database
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from integrations.models import Event
from tests.authorization_server import steps
from tests.canaries import leaks
from tests.factories import PASSWORD, make_connection, make_event
from tests.leaks.passing import secrets_of
from tests.lending import make_allowance
from tests.web.person import Person, text_of

PAGE = "/settings/data/"


def prove(person: Person) -> None:
    person.post("/accounts/reauthenticate/", password=PASSWORD)


def body_of(response: HttpResponse) -> str:
    return b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]


def test_it_wants_a_proof_of_who_it_is_and_a_post(person: Person) -> None:
    asked = person.get(PAGE)
    refused = person.post(PAGE)
    prove(person)
    page = person.get(PAGE)

    assert asked.headers["Location"] == "/accounts/reauthenticate/?next=%2Fsettings%2Fdata%2F"
    assert (refused.status_code, refused.headers["Location"]) == (303, PAGE)
    assert "No tokens, passwords or secrets" in text_of(page)
    assert not Event.objects.exists()
    assert Client().post(PAGE).headers["Location"].startswith("/accounts/login/")


def test_everything_of_a_person_is_in_the_file(person: Person, stranger: Person) -> None:
    connection = person.connect("notes.read")
    make_event(connection=make_connection(), kind=Event.Kind.USED)
    stranger.connect(account="carol")
    EmailAddress.objects.create(user=person.user, email=person.user.email, verified=True, primary=True)
    Authenticator.objects.create(user=person.user, type="webauthn", data={"name": "Laptop", "credential": {"k": "x"}})
    prove(person)

    response = person.post(PAGE)
    data = json.loads(body_of(response))

    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    assert response.headers["Content-Disposition"].startswith('attachment; filename="integration-hub-')
    assert "no-store" in response.headers["Cache-Control"]
    assert (data["format"], data["account"]["username"]) == (1, "robin")
    assert data["preferences"] == {"mail_needs_you": True, "mail_connected": True, "language": ""}
    assert data["email_addresses"] == [{"email": person.user.email, "is_verified": True, "is_primary": True}]
    assert [(row["type"], row["name"]) for row in data["second_factors"]] == [("webauthn", "Laptop")]
    assert {row["address"] for row in data["sessions"]} <= {"127.0.0.1"}
    (row,) = data["connections"]
    assert (row["id"], row["service"], row["account_id"]) == (str(connection.uuid), "Sandbox", connection.subject)
    assert (row["granted_scope"], row["unexpected_scope"]) == (["notes:read", "profile"], [])
    assert row["features"] == ["profile", "notes.read"]
    assert [event["kind"] for event in data["events"]] == ["data_exported", "connected"]
    assert {event["actor"] for event in data["events"]} == {"robin"}
    assert datetime.fromisoformat(data["exported_at"]).tzinfo
    (attempt,) = data["connect_attempts"]
    assert (attempt["service"], attempt["outcome"], attempt["connection"]) == ("Sandbox", "connected", row["id"])
    assert [step["step"] for step in attempt["steps"]][:2] == ["begin", "came_back"]


@pytest.mark.requirement(98, 102)
def test_nothing_secret_is_in_the_file(person: Person) -> None:
    totp = generate_totp_secret()
    TOTP.activate(person.user, totp)
    Authenticator.objects.create(user=person.user, type="recovery_codes", data={"seed": "recovery-seed-canary"})
    steps.make_application()
    hub = steps.get_tokens(person.user)
    person.connect("notes.read")
    person.post(person.page(person.connect(account="bob"), "disconnect"))
    prove(person)

    written = body_of(person.post(PAGE)) + body_of(person.get("/activity/export.csv"))

    secrets = [
        *secrets_of(person.server),
        totp,
        "recovery-seed-canary",
        hub.access_token,
        hub.refresh_token,
        person.user.password,
        str(person.client.session.session_key),
    ]
    assert len(secrets) > 10
    assert leaks(written, [secret for secret in secrets if len(secret) >= 8]) == []
    assert json.loads(written.partition("\n}\n")[0] + "}")["authorized_applications"] == ["Example Client"]


def test_half_a_character_from_a_service_breaks_no_file(person: Person) -> None:
    if database.vendor == "postgresql":
        pytest.skip("PostgreSQL keeps no half of a character")
    make_connection(owner=person.user, provider_data={"team": "\ud800"})
    prove(person)

    data = json.loads(body_of(person.post(PAGE)))

    assert data["connections"][0]["known_from_service"] == {"team": "\ud800"}
    assert data["uses"] == []


def test_applications_of_a_persons_own_are_in_the_file(person: Person, stranger: Person) -> None:
    steps.make_application(user=person.user)
    steps.make_application(user=stranger.user, client_id="another")
    prove(person)

    (row,) = json.loads(body_of(person.post(PAGE)))["own_applications"]

    assert row["name"] == "Example Client"
    assert set(row) == {"name", "client_id", "client_type", "grant_type", "redirect_uris", "created_at"}


def test_what_a_person_allowed_applications_is_in_the_file(person: Person, stranger: Person) -> None:
    connection = person.connect("notes.read")
    make_allowance(connection, features=["notes.read", "profile"])
    make_allowance(make_connection(owner=stranger.user), client_id="another")
    prove(person)

    (row,) = json.loads(body_of(person.post(PAGE)))["allowed_to_applications"]

    assert (row["application"], row["connection"]) == ("client-1", str(connection.uuid))
    assert row["features"] == ["notes.read", "profile"]
    assert set(row) == {"application", "issuer", "connection", "features", "scope", "allowed_at"}


@pytest.mark.requirement(156)
def test_taking_data_along_is_on_record(person: Person) -> None:
    prove(person)
    body_of(person.post(PAGE))

    event = Event.objects.get()
    assert (event.kind, event.owner, event.actor, event.ip) == ("data_exported", person.user, "robin", "127.0.0.1")


def test_events_are_fetched_in_chunks(person: Person) -> None:
    connection = make_connection(owner=person.user)
    Event.objects.bulk_create(Event(kind="used", owner=person.user, connection=connection) for _ in range(2500))
    prove(person)

    with CaptureQueriesContext(database) as queries:
        data = json.loads(body_of(person.post(PAGE)))

    assert len(data["events"]) == 2501
    assert len([1 for query in queries if 'FROM "integrations_event"' in query["sql"]]) == 3
