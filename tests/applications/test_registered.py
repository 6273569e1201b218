"""A person's own applications: made, changed, given another secret, ended."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from oauth2_provider.models import AccessToken, Application
from pytest_django import Settings

from integrations.flows import close_account
from integrations.models import Allowance, Event, WebhookEndpoint
from tests.applications.asking import browser_of, decide, tick, token_after
from tests.authorization_server.steps import call, exchange, get_code, make_application, token_request
from tests.clock import Clock
from tests.factories import make_connection, make_registration, make_user
from tests.lending import make_allowance, make_webhook_endpoint

pytestmark = pytest.mark.django_db
REGISTER = "/applications/register/"
WEB = {"name": "Agenda", "kind_slug": "web", "redirect_uris": "https://app.example/callback"}


@pytest.fixture
def person() -> User:
    return make_user("robin")


@pytest.fixture
def browser(person: User) -> Client:
    return browser_of(person)


def words(page: Any) -> str:
    return " ".join(page.content.decode().split())


def shown(page: Any) -> list[str]:
    """client_id, and the secret where there is one."""
    return re.findall(r'<code class="copyable" data-varies>([^<]+)</code>', page.content.decode())


@pytest.mark.parametrize(
    ("kind", "client_type", "grant", "addresses"),
    [
        ("web", "confidential", "authorization-code", "https://app.example/callback"),
        ("public", "public", "authorization-code", "http://127.0.0.1/callback https://app.example/x?y=1"),
        ("device", "public", "urn:ietf:params:oauth:grant-type:device_code", ""),
        ("service", "confidential", "client-credentials", ""),
    ],
)
def test_each_kind_is_what_it_says(
    browser: Client, person: User, kind: str, client_type: str, grant: str, addresses: str
) -> None:
    page = browser.post(REGISTER, {**WEB, "kind_slug": kind, "redirect_uris": addresses.replace(" ", "\n")})

    made = Application.objects.get()
    assert page.status_code == 200
    assert (made.user, made.name, made.client_type, made.authorization_grant_type) == (
        person,
        "Agenda",
        client_type,
        grant,
    )
    assert made.redirect_uris == addresses
    assert made.skip_authorization is False
    assert shown(page)[0] == made.client_id
    assert len(shown(page)) == (2 if client_type == "confidential" else 1)
    assert ("ask an operator" in words(page)) == (kind == "service")


@pytest.mark.requirement(99)
def test_a_secret_is_shown_once_and_works(browser: Client) -> None:
    page = browser.post(REGISTER, {**WEB, "kind_slug": "service"})
    client_id, secret = shown(page)

    assert "no-store" in page["Cache-Control"]
    assert token_request(client_id=client_id, client_secret=secret, grant_type="client_credentials").status_code == 200
    assert secret not in Application.objects.get().client_secret
    for path in ("/applications/", f"/applications/registered/{client_id}/", REGISTER):
        assert secret not in browser.get(path).content.decode()


@pytest.mark.requirement(99)
def test_another_secret_makes_the_one_before_void(browser: Client) -> None:
    client_id, old = shown(browser.post(REGISTER, {**WEB, "kind_slug": "service"}))
    path = f"/applications/registered/{client_id}/secret/"

    asked = browser.get(path)
    assert "void at once" in words(asked) and old not in asked.content.decode()
    page = browser.post(path)

    _, new = shown(page)
    assert "no-store" in page["Cache-Control"]
    answers = [
        token_request(client_id=client_id, client_secret=secret, grant_type="client_credentials").status_code
        for secret in (old, new)
    ]
    assert answers == [401, 200]


@pytest.mark.parametrize("kind", ["public", "device"])
def test_what_can_keep_no_secret_gets_none(browser: Client, kind: str) -> None:
    addresses = "https://app.example/" if kind == "public" else ""
    (client_id,) = shown(browser.post(REGISTER, {**WEB, "kind_slug": kind, "redirect_uris": addresses}))

    assert browser.post(f"/applications/registered/{client_id}/secret/").status_code == 404


@pytest.mark.requirement(134)
def test_a_form_sets_what_it_has_fields_for_and_nothing_else(browser: Client, person: User) -> None:
    more = {
        "user": make_user().pk,
        "client_id": "chosen",
        "client_secret": "chosen",
        "skip_authorization": "on",
        "client_type": "public",
        "authorization_grant_type": "password",
        "algorithm": "HS256",
        "hash_client_secret": "",
        "allowed_origins": "https://evil.example",
        "is_staff": "on",
    }
    client_id, secret = shown(browser.post(REGISTER, {**WEB, **more}))
    before = Application.objects.values().get()
    assert secret != "chosen" and client_id != "chosen"
    assert (before["user_id"], before["client_type"]) == (person.pk, "confidential")
    assert not before["skip_authorization"] and not before["allowed_origins"] and not before["algorithm"]
    assert before["hash_client_secret"] and before["authorization_grant_type"] == "authorization-code"

    browser.post(f"/applications/registered/{client_id}/", {**WEB, **more, "name": "Renamed", "kind_slug": "service"})

    after = Application.objects.values().get()
    assert after.pop("name") == "Renamed"
    assert {k: v for k, v in after.items() if k != "updated"} == {
        k: v for k, v in before.items() if k not in ("name", "updated")
    }


def test_addresses_are_changed_and_the_former_one_is_refused(browser: Client) -> None:
    client_id, _ = shown(browser.post(REGISTER, WEB))
    path = f"/applications/registered/{client_id}/"

    answer = browser.post(path, {"name": "Agenda", "redirect_uris": "https://new.example/a\n\nhttps://new.example/a"})

    assert answer.status_code == 303
    assert Application.objects.get().redirect_uris == "https://new.example/a"


def test_an_address_of_older_rules_is_kept_and_no_other_is_added(browser: Client, person: User) -> None:
    make_application(user=person, redirect_uris="http://localhost/a")
    path = "/applications/registered/client-1/"

    renamed = browser.post(path, {"name": "Renamed", "redirect_uris": "http://localhost/a\nhttps://app.example/"})
    more = browser.post(path, {"name": "More", "redirect_uris": "http://localhost/a\nhttp://localhost/b"})

    assert (renamed.status_code, more.status_code) == (303, 400)
    kept = Application.objects.get()
    assert (kept.name, kept.redirect_uris) == ("Renamed", "http://localhost/a https://app.example/")


@pytest.mark.requirement(132)
@pytest.mark.parametrize(("name", "kept"), [("  Ag\u202eenda\x07 ", "Agenda"), ("<b>x</b>", "<b>x</b>")])
def test_a_name_is_made_harmless(browser: Client, name: str, kept: str) -> None:
    page = browser.post(REGISTER, {**WEB, "name": name})

    assert Application.objects.get().name == kept
    assert "<b>x</b>" not in page.content.decode()


@pytest.mark.parametrize("changes", [{"name": ""}, {"name": "\u202e"}, {"name": "x" * 81}, {"kind_slug": "x"}, {}])
def test_a_form_that_is_not_right_says_so_and_makes_nothing(browser: Client, changes: dict[str, str]) -> None:
    form = {**WEB, **changes} if changes else {}

    page = browser.post(REGISTER, form)

    assert page.status_code == 400
    assert "field-error" in page.content.decode()
    assert not Application.objects.exists()


def test_twenty_are_enough(browser: Client, person: User) -> None:
    for number in range(20):
        make_application(f"client-{number}", user=person)

    page = browser.post(REGISTER, WEB)

    assert page.status_code == 400
    assert "You have 20 applications" in words(page)
    assert Application.objects.count() == 20


def test_an_operator_can_keep_registering_to_the_staff(settings: Settings, browser: Client, person: User) -> None:
    own = make_application(user=person)
    settings.HUB_APPLICATIONS = "staff"
    path = f"/applications/registered/{own.client_id}/"

    assert {browser.get(p).status_code for p in (REGISTER, path, path + "secret/", path + "delete/")} == {404}
    assert browser.post(REGISTER, WEB).status_code == 404
    page = words(browser.get("/applications/"))
    assert "Register an application" not in page and "people register no applications here" in page
    staff = browser_of(make_user(is_staff=True))
    assert staff.post(REGISTER, WEB).status_code == 200


@pytest.mark.requirement(111, 135)
@pytest.mark.parametrize("path", ["", "secret/", "delete/"])
def test_another_persons_application_is_as_unknown_as_none(browser: Client, path: str) -> None:
    theirs = make_application(user=make_user())
    before = Application.objects.values().get()

    for method in (browser.get, browser.post):
        answers = [method(f"/applications/registered/{name}/{path}") for name in (theirs.client_id, "nobodys")]
        assert {answer.status_code for answer in answers} == {404}
        assert dict(answers[0].headers) == dict(answers[1].headers)
    assert Application.objects.values().get() == before


def test_deleting_ends_everything_of_it(browser: Client, person: User) -> None:
    application = make_application(user=person)
    user = make_user("user")
    connection = make_connection(owner=user)
    tokens = token_after(decide(browser_of(user), *tick(connection, "profile")))
    Allowance.objects.create(client_id="client-1", registration=make_registration())
    kept = make_allowance(connection, client_id="another")
    code = get_code(user)
    Event.objects.all().delete()

    path = f"/applications/registered/{application.client_id}/delete/"
    assert "cannot be brought back" in words(browser.get(path))
    assert browser.post(path).status_code == 303

    assert call("/api/v1/me", tokens["access_token"]).status_code == 401
    assert exchange(code).status_code == 401
    assert list(Allowance.objects.all()) == [kept]
    event = Event.objects.get()
    assert (event.kind, event.owner) == ("application_removed", user)
    assert event.actor == "application: Example Client [client-1]"


def test_deleting_ends_where_it_heard_of_its_connections(browser: Client, person: User) -> None:
    application = make_application(user=person)
    make_webhook_endpoint(owner=person, client_id=application.client_id)
    other = make_webhook_endpoint(owner=person, client_id="another")
    browser.post(f"/applications/registered/{application.client_id}/delete/")
    assert list(WebhookEndpoint.objects.all()) == [other]


def test_closing_an_account_ends_its_applications_and_tokens(person: User, clock: Clock) -> None:
    make_application(user=person)
    user = make_user("user")
    connection, own = make_connection(owner=user), make_connection(owner=person, sealed=False, status="revoked")
    tokens = token_after(decide(browser_of(user), *tick(connection, "profile")))
    make_application("client-2")
    mine = AccessToken.objects.create(
        token="mine",
        user=person,
        application=Application.objects.get(client_id="client-2"),
        expires=clock() + timedelta(hours=1),
    )
    make_allowance(own, client_id="client-2")

    close_account.close_account(person, clock=clock)

    assert call("/api/v1/me", tokens["access_token"]).status_code == 401
    assert not Allowance.objects.exists()
    assert not AccessToken.objects.filter(pk=mine.pk).exists()
    assert list(Application.objects.values_list("client_id", flat=True)) == ["client-2"]
    assert Event.objects.filter(owner=user, kind="application_removed").count() == 1
