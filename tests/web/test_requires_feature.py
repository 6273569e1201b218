"""A view that needs a feature sends people through consent and back."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from integrations.models import ClientRegistration, Connection
from integrations.providers.errors import UnknownFeature
from tests.fakes.misbehaviour import Behaviour
from tests.web.person import Person, authorization_url, text_of

REPORT = "/reports/2031/?order=name&page=2"


@pytest.fixture(autouse=True)
def application(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.web.urls"


def test_somebody_not_signed_in_signs_in_first(person: Person) -> None:
    response = Client().get(REPORT)

    assert response.headers["Location"].startswith("/accounts/login/?next=/reports/2031/")


def test_a_person_with_the_feature_passes(person: Person) -> None:
    person.connect("notes.read")

    response = person.get(REPORT)

    assert response.content == b"report of 2031 for alice"


def test_without_a_connection_the_way_leads_through_consent_and_back(person: Person) -> None:
    response = person.get(REPORT)
    consent = response.headers["Location"]
    assert consent.startswith("/connections/consent/?")
    assert parse_qs(urlsplit(consent).query)["next"] == [REPORT]
    assert "You have not connected Sandbox yet" in text_of(person.get(consent))

    back = person.come_back(person.begin("notes.read", next=REPORT))

    assert back.headers["Location"] == REPORT
    assert person.get(REPORT).status_code == 200


def test_a_connection_without_the_scope_is_asked_for_just_that(person: Person) -> None:
    connection = person.connect()
    consent = person.get(REPORT).headers["Location"]
    page = person.get(consent)
    assert f'action="{person.page(connection, "enable")}"' in page.content.decode()

    url = authorization_url(person.post(person.page(connection, "enable"), features="notes.read", next=REPORT))

    assert person.come_back(url).headers["Location"] == REPORT
    assert person.get(REPORT).status_code == 200


def test_a_person_who_says_no_is_not_let_in(person: Person) -> None:
    connection = person.connect()
    url = authorization_url(person.post(person.page(connection, "enable"), features="notes.read", next=REPORT))

    person.come_back(url, error="access_denied")

    assert person.get(REPORT).status_code == 302


def test_whoever_has_consented_already_is_sent_on(person: Person) -> None:
    person.connect("notes.read")

    response = person.get(f"/connections/consent/?provider=sandbox&feature=notes.read&next={REPORT}")

    assert response.headers["Location"].startswith("/reports/2031/")


def test_a_connection_that_must_be_renewed_leads_to_consent(person: Person) -> None:
    person.connect("notes.read")
    Connection.objects.update(status="needs_reauthorization", refresh_due_at=None)

    response = person.get(REPORT)

    assert response.headers["Location"].startswith("/connections/consent/?")
    assert person.get(response.headers["Location"]).status_code == 200


def test_a_provider_that_is_switched_off_is_said_and_loops_nowhere(person: Person) -> None:
    person.connect("notes.read")
    ClientRegistration.objects.update(enabled=False)

    response = person.get(REPORT)

    assert response.status_code == 502
    assert "switched off" in text_of(response)


def test_a_form_is_not_promised_to_be_sent_again(person: Person) -> None:
    response = person.post(REPORT, amount=3)

    assert "next" not in response.headers["Location"]


def test_a_feature_that_does_not_exist_is_a_mistake_of_the_developer(person: Person) -> None:
    with pytest.raises(UnknownFeature):
        person.get("/mistaken/")


def spend(connection: Connection) -> None:
    """Its access token has run out: the next use refreshes."""
    past = timezone.now() - timedelta(hours=1)
    Connection.objects.filter(pk=connection.pk).update(access_expires_at=past, refresh_due_at=past)


def test_a_grant_that_ends_inside_the_view_leads_to_consent_and_back(person: Person) -> None:
    connection = person.connect("notes.read")
    spend(connection)
    person.server.revoke_grants("alice")

    response = person.get("/agenda/?day=1")

    page = person.get(response.headers["Location"])
    assert page.status_code == 200
    assert 'name="next" value="/agenda/?day=1"' in page.content.decode()
    url = authorization_url(
        person.post(person.page(connection, "enable"), features="notes.read", next="/agenda/?day=1")
    )
    assert person.come_back(url).headers["Location"] == "/agenda/?day=1"
    assert person.get("/agenda/?day=1").status_code == 200


def test_a_provider_that_is_down_inside_the_view_is_named(person: Person) -> None:
    spend(person.connect("notes.read"))
    person.server.misbehave("token", Behaviour.SERVER_ERROR, times=None)

    response = person.get("/agenda/?day=1")

    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert 'href="/agenda/?day=1">Try again' in response.content.decode()


def test_a_refused_registration_inside_the_view_is_for_an_operator(person: Person) -> None:
    spend(person.connect("notes.read"))
    person.server.misbehave("token", Behaviour.ERROR, error="invalid_client", times=None)

    response = person.get("/agenda/")

    assert response.status_code == 502
    assert "Sandbox does not accept this hub" in text_of(response)


def test_scope_that_is_missing_inside_the_view_is_asked_for_and_loops_nowhere(person: Person) -> None:
    person.connect("notes.read", "notes.write", account="bob")
    connection = person.connect("notes.read", account="alice")
    here = "/agenda/?scope=notes:write"
    Connection.objects.filter(pk=connection.pk).update(last_used_at=timezone.now())

    page = person.get(person.get(here).headers["Location"])

    assert page.status_code == 200
    assert f'action="{person.page(connection, "enable")}"' in page.content.decode()


def test_scope_that_no_feature_has_leads_to_the_connection(person: Person) -> None:
    connection = person.connect("notes.read")

    response = person.get(person.get("/agenda/?scope=unknown").headers["Location"])

    assert response.headers["Location"] == person.page(connection)
