"""Operators register the hub at providers; what is secret goes in and never comes out."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from integrations import vault
from integrations.flows.clients import redirect_uri
from integrations.models import ClientRegistration, Event
from tests.admin.posting import Page, fields_of, submit
from tests.factories import make_connection, make_registration
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour

pytestmark = pytest.mark.django_db
LIST = "/admin/integrations/clientregistration/"
ADD = LIST + "add/?provider="
SECRET = "canary-secret-0123456789"


def page_of(registration: ClientRegistration) -> str:
    return f"{LIST}{registration.pk}/change/"


def errors_of(answer: Page) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = answer.context["adminform"].form.errors
    return errors


def test_a_new_registration_starts_with_the_choice_of_a_provider(operator: Client) -> None:
    page = operator.get(LIST + "add/").content.decode()

    assert 'href="?provider=github"' in page
    assert 'href="?provider=sandbox"' in page


def test_an_unknown_provider_leads_back_to_the_choice(operator: Client) -> None:
    assert b"?provider=github" in operator.get(ADD + "nonsense").content


def test_the_form_asks_what_the_provider_needs(operator: Client) -> None:
    page = operator.get(ADD + "sandbox")

    assert "variable_origin" in fields_of(page)
    assert b"Address of the sandbox" in page.content
    assert b"/connections/callback/SLUG/" in page.content


def test_a_registration_is_stored_with_its_secret_sealed(operator: Client) -> None:
    answer = submit(
        operator,
        ADD + "sandbox",
        slug="practice",
        client_id="hub",
        client_secret=SECRET,
        variable_origin="http://127.0.0.1:8000",
    )

    registration = ClientRegistration.objects.get()
    assert answer.status_code == 302
    assert vault.open_client_secret(registration) == SECRET
    assert registration.variables == {"origin": "http://127.0.0.1:8000"}
    assert registration.enabled
    assert Event.objects.get(kind=Event.Kind.REGISTERED).actor == "operator"
    page = operator.get(page_of(registration)).content.decode()
    assert redirect_uri(registration) in page
    assert "/connections/callback/practice/" in page


@pytest.mark.requirement(99, 102)
def test_a_stored_secret_is_never_echoed_and_an_empty_field_keeps_it(operator: Client) -> None:
    registration = make_registration(client_secret=SECRET)
    page = operator.get(page_of(registration))
    assert fields_of(page)["client_secret"] == ""
    assert SECRET not in page.content.decode()
    assert b"Leave empty to keep it" in page.content

    submit(operator, page_of(registration), client_id="hub-2")

    registration.refresh_from_db()
    assert registration.client_id == "hub-2"
    assert vault.open_client_secret(registration) == SECRET


@pytest.mark.requirement(98, 99)
def test_a_refused_form_does_not_send_the_typed_secret_back(operator: Client) -> None:
    answer = submit(operator, ADD + "sandbox", slug="x", client_id="", client_secret=SECRET)

    assert answer.status_code == 200
    assert errors_of(answer)
    assert SECRET not in answer.content.decode()


@pytest.mark.requirement(98, 100)
def test_the_history_says_that_a_secret_was_changed_and_not_to_what(operator: Client) -> None:
    registration = make_registration(client_secret="the old secret")

    submit(operator, page_of(registration), client_secret=SECRET)

    registration.refresh_from_db()
    assert vault.open_client_secret(registration) == SECRET
    entry = LogEntry.objects.get(object_id=str(registration.pk))
    assert "Client secret" in entry.get_change_message()
    for text in (
        entry.change_message,
        entry.object_repr,
        operator.get(page_of(registration)[:-7] + "history/").content,
    ):
        assert SECRET not in str(text)
    event = Event.objects.get(kind=Event.Kind.REGISTRATION_CHANGED)
    assert event.details == {"new_secret": True}


def test_the_slug_cannot_be_changed(operator: Client) -> None:
    registration = make_registration(slug="first")

    submit(operator, page_of(registration), slug="second")

    registration.refresh_from_db()
    assert registration.slug == "first"
    assert ClientRegistration.objects.count() == 1


def test_a_taken_slug_is_refused_and_the_registration_that_has_it_untouched(operator: Client) -> None:
    taken = make_registration(slug="taken", client_id="original", client_secret=SECRET)

    answer = submit(
        operator,
        ADD + "sandbox",
        slug="taken",
        client_id="thief",
        client_secret="another",
        variable_origin="http://127.0.0.1:1",
    )

    taken.refresh_from_db()
    assert "slug" in errors_of(answer)
    assert (taken.client_id, vault.open_client_secret(taken)) == ("original", SECRET)


@pytest.mark.parametrize(
    "origin", ["", "ftp://127.0.0.1", "http://example.com", "http://user@127.0.0.1", "http://127.0.0.1/path"]
)
def test_a_variable_that_does_not_fit_is_refused_beside_its_field(operator: Client, origin: str) -> None:
    answer = submit(operator, ADD + "sandbox", slug="x", client_id="hub", client_secret=SECRET, variable_origin=origin)

    assert list(errors_of(answer)) == ["variable_origin"]
    assert not ClientRegistration.objects.exists()


def test_a_secret_is_asked_for_unless_the_client_is_public(operator: Client) -> None:
    given = {"slug": "x", "client_id": "hub", "variable_origin": "http://127.0.0.1:1"}

    refused = submit(operator, ADD + "sandbox", **given)
    accepted = submit(operator, ADD + "sandbox", **given, token_endpoint_auth_method="none")

    assert "client_secret" in errors_of(refused)
    assert accepted.status_code == 302
    assert not ClientRegistration.objects.get().has_client_secret


@pytest.mark.requirement(61)
def test_a_stored_secret_is_not_sent_to_a_new_address(operator: Client) -> None:
    registration = make_registration(origin="http://127.0.0.1:1", client_secret=SECRET)

    refused = submit(operator, page_of(registration), variable_origin="http://127.0.0.1:2")
    registration.refresh_from_db()
    before = dict(registration.variables)
    accepted = submit(operator, page_of(registration), variable_origin="http://127.0.0.1:2", client_secret="new")

    registration.refresh_from_db()
    assert "again" in errors_of(refused)["variable_origin"][0]
    assert before == {"origin": "http://127.0.0.1:1"}
    assert accepted.status_code == 302
    assert registration.variables == {"origin": "http://127.0.0.1:2"}


def test_what_each_person_can_enter_may_be_left_empty(operator: Client) -> None:
    page = operator.get(ADD + "salesforce")
    given = {"slug": "crm", "client_id": "hub", "client_secret": SECRET}

    open_to_all = submit(operator, ADD + "salesforce", **given)
    given["slug"] = "crm-test"
    refused = submit(operator, ADD + "salesforce", **given, variable_login_host="evil.example")
    fixed = submit(operator, ADD + "salesforce", **given, variable_login_host="test.salesforce.com")

    assert fields_of(page)["variable_login_host"] == ""
    assert b"Leave it empty, and each person who connects enters their own." in page.content
    assert "variable_login_host" in errors_of(refused)
    assert (open_to_all.status_code, fixed.status_code) == (302, 302)
    assert ClientRegistration.objects.get(slug="crm").variables == {}
    assert ClientRegistration.objects.get(slug="crm-test").variables == {"login_host": "test.salesforce.com"}


# -- discovery


def oidc(client: Client, issuer: str) -> Page:
    return submit(client, ADD + "oidc", slug="staff", client_id="hub", client_secret=SECRET, variable_issuer=issuer)


@pytest.mark.requirement(60)
def test_the_metadata_of_an_issuer_is_fetched_and_kept(
    operator: Client, provider_server: FakeAuthorizationServer
) -> None:
    oidc(operator, provider_server.origin)

    registration = ClientRegistration.objects.get()
    assert registration.metadata["token_endpoint"] == provider_server.endpoint("token")
    assert registration.metadata_fetched_at is not None
    assert provider_server.endpoint("token") in operator.get(page_of(registration)).content.decode()


@pytest.mark.requirement(60)
def test_metadata_of_another_issuer_is_an_error_of_the_form_and_nothing_is_saved(
    operator: Client, provider_server: FakeAuthorizationServer
) -> None:
    provider_server.conduct.metadata = {"issuer": "https://evil.example.test"}

    answer = oidc(operator, provider_server.origin)

    assert answer.status_code == 200
    assert "Not saved." in errors_of(answer)["__all__"][0]
    assert not ClientRegistration.objects.exists()
    assert not Event.objects.exists()
    assert not LogEntry.objects.exists()


def test_a_provider_that_is_down_is_an_error_of_the_form(
    operator: Client, provider_server: FakeAuthorizationServer
) -> None:
    provider_server.misbehave("metadata", Behaviour.SERVER_ERROR, times=None)

    assert "Not saved." in errors_of(oidc(operator, provider_server.origin))["__all__"][0]


@pytest.mark.requirement(25)
def test_a_registration_is_switched_off_though_its_provider_is_down(
    operator: Client, provider_server: FakeAuthorizationServer
) -> None:
    oidc(operator, provider_server.origin)
    registration = ClientRegistration.objects.get()
    provider_server.misbehave("metadata", Behaviour.SERVER_ERROR, times=None)

    form = {"action": "switch_off", "_selected_action": str(registration.pk), "confirmed": "yes", "index": "0"}
    answer = operator.post(LIST, form)

    registration.refresh_from_db()
    assert answer.status_code == 302
    assert not registration.enabled


# -- what is wrong, and who may


def test_what_an_operator_must_mend_is_shown(operator: Client) -> None:
    registration = make_registration()
    ClientRegistration.objects.update(last_error_code="invalid_client")

    assert b"invalid_client" in operator.get(LIST).content
    assert b"invalid_client" in operator.get(page_of(registration)).content


@pytest.mark.requirement(99)
def test_looking_shows_no_secret_and_changes_nothing(onlooker: Client) -> None:
    registration = make_registration(client_secret=SECRET)

    page = onlooker.get(page_of(registration))
    answer = onlooker.post(page_of(registration), {"client_id": "changed", "_save": "Save"})

    assert page.status_code == 200
    assert "client_secret" not in fields_of(page)
    assert SECRET not in page.content.decode()
    assert answer.status_code == 403
    assert onlooker.get(ADD + "sandbox").status_code == 403
    assert onlooker.get(LIST + "add/").status_code == 403


@pytest.mark.requirement(29)
def test_going_without_pkce_is_an_operators_decision_that_everybody_there_sees(
    operator: Client, onlooker: Client
) -> None:
    registration = make_registration()
    assert "without_pkce" not in fields_of(operator.get(page_of(registration)))

    submit(operator, page_of(registration), without_pkce="on")

    registration.refresh_from_db()
    assert registration.without_pkce
    assert fields_of(operator.get(page_of(registration)))["without_pkce"] == "on"
    assert "Without PKCE" in onlooker.get(page_of(registration)).content.decode()


def test_a_registration_with_connections_cannot_be_deleted(operator: Client) -> None:
    registration = make_connection().registration

    answer = operator.post(f"{LIST}{registration.pk}/delete/", {"post": "yes"})

    assert answer.status_code == 200
    assert ClientRegistration.objects.filter(pk=registration.pk).exists()
