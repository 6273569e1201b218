"""The consent page: which connections, feature by feature; and nothing that was not shown can be allowed with it."""

from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from oauth2_provider.models import Grant

from integrations.models import Allowance, Connection, Event
from tests.applications.asking import BORROW, allowed, browser_of, decide, open_page, tick, token_after
from tests.authorization_server.steps import call, make_application, response_of
from tests.factories import make_connection, make_registration, make_user
from tests.lending import make_allowance
from tests.web.test_hostile_text import CONTROLS, VECTORS, assert_harmless

pytestmark = pytest.mark.django_db
NOTES = "profile notes:read notes:write"


@pytest.fixture
def person() -> User:
    make_application()
    return make_user("robin")


@pytest.fixture
def browser(person: User) -> Client:
    return browser_of(person)


def ticked(page: Any) -> list[str]:
    choice = page.context["choice"]
    shares = (share for service in choice.services for share in service.shares)
    return [box.value for share in shares for box in share.ticks if box.is_ticked]


@pytest.mark.requirement(89)
def test_the_page_says_who_asks_what_for_which_account_and_where_the_browser_goes(browser: Client) -> None:
    make_connection(owner=User.objects.get(), scope=NOTES, name="Work")

    page = open_page(browser)
    words = " ".join(unescape(page.content.decode()).split())

    assert "Allow <bdi>Example Client</bdi>?" in words
    assert "Use the accounts that you share with it" in words
    assert "you go back to <strong><bdi>client.example</bdi></strong>" in words
    assert "<bdi>robin</bdi>" in words
    assert "the access that a service gave cannot be narrowed" in words
    assert ticked(page) == []


def test_features_that_are_on_can_be_ticked_and_no_others(browser: Client, person: User) -> None:
    connection = make_connection(owner=person, scope="profile notes:read")

    page = open_page(browser).content.decode()

    assert f'value="{connection.uuid}:notes.read"' in page
    assert "notes.write" not in page


@pytest.mark.parametrize("scope", ["profile", "profile connections:connect"])
def test_without_scope_that_concerns_connections_nobody_is_asked_which(
    browser: Client, person: User, scope: str
) -> None:
    connection = make_connection(owner=person)

    assert "choice" not in open_page(browser, scope=scope).context
    assert response_of(decide(browser, *tick(connection, "profile"), scope=scope))["code"]
    assert not Allowance.objects.exists()


def test_what_was_ticked_can_be_used_and_is_told_once(browser: Client, person: User) -> None:
    chosen, other = (make_connection(owner=person, scope=NOTES) for _ in range(2))

    tokens = token_after(decide(browser, *tick(chosen, "notes.read")))

    assert call("/api/v1/me", tokens["access_token"]).status_code == 200
    assert allowed(person) == {chosen.pk: ["notes.read", "profile"]}
    assert Allowance.objects.get().scope == "notes:read profile"
    told = Event.objects.order_by("pk").values_list("kind", "connection", "actor", "ip")
    assert list(told) == [
        ("application_allowed", None, "robin", "127.0.0.1"),
        ("application_allowed", chosen.pk, "robin", "127.0.0.1"),
    ]
    assert other.pk not in allowed(person)


def test_denying_changes_nothing(browser: Client, person: User) -> None:
    kept, other = (make_connection(owner=person, scope=NOTES) for _ in range(2))
    make_allowance(kept, features=["profile"])

    response = decide(browser, *tick(other, "profile"), allow=False)

    assert response_of(response)["error"] == "access_denied"
    assert allowed(person) == {kept.pk: ["profile"]}
    assert not Event.objects.exists() and not Grant.objects.exists()


def test_asking_again_ticks_what_was_allowed_and_says_what_was_not(browser: Client, person: User) -> None:
    connection = make_connection(owner=person, scope=NOTES)
    other = make_connection(owner=person, scope=NOTES, registration=make_registration())
    token_after(decide(browser, *tick(connection, "notes.read")))

    page = open_page(browser, scope=f"{BORROW} events:read")

    assert set(ticked(page)) == {*tick(connection, "notes.read", "profile")}
    assert page.context["asked"] == ["See what happens to the connections that you share with it"]
    assert "Not allowed so far." in page.content.decode()
    assert "on every device" in page.content.decode()
    decide(browser, *tick(other, "profile"), scope=f"{BORROW} events:read")
    assert allowed(person) == {other.pk: ["profile"]}


def test_a_choice_belongs_to_one_application_and_one_person(browser: Client, person: User) -> None:
    make_application("client-2", name="Another")
    connection = make_connection(owner=person)
    make_allowance(connection, client_id="client-2", features=["profile"])
    theirs = make_connection()
    make_allowance(theirs, features=["profile"])

    page = open_page(browser)

    assert ticked(page) == []
    assert not page.context["choice"].replaces
    decide(browser)
    assert Allowance.objects.count() == 2


@pytest.mark.parametrize("status", ["revoked", "revoking", "needs_reauthorization"])
def test_what_cannot_be_used_is_not_offered(browser: Client, person: User, status: str) -> None:
    make_connection(owner=person, status=status)
    make_connection(owner=person, registration=make_registration(enabled=False))

    assert open_page(browser).context["choice"].services == ()


def test_what_waits_for_its_owner_keeps_what_was_allowed(browser: Client, person: User) -> None:
    waiting = make_connection(owner=person, status="needs_reauthorization")
    make_allowance(waiting, features=["profile"])

    page = open_page(browser)

    assert ticked(page) == tick(waiting, "profile")
    assert "cannot be used at the moment" in page.content.decode()


def test_who_has_no_connection_is_led_to_one_and_back_to_this_very_page(browser: Client) -> None:
    page = open_page(browser)

    back = browser.post(page.context["choice"].here, {"connect": "another"})["Location"]
    assert "no connection that it could use yet" in page.content.decode()
    assert back.startswith("/connections/new/?next=%2Foauth%2Fauthorize%2F%3F")
    make_registration(slug="sandbox")
    assert f'href="/connections/new/sandbox/?{back.partition("?")[2]}"' in browser.get(back).content.decode()


@pytest.mark.requirement(111, 112)
def test_ids_of_others_and_what_is_no_feature_are_passed_over(browser: Client, person: User) -> None:
    own = make_connection(owner=person, scope="profile")
    ended = make_connection(owner=person, status="revoked")
    theirs, hubs = make_connection(), make_connection(of_the_hub=True)
    hostile = [
        *tick(theirs, "profile"),
        *tick(hubs, "profile"),
        *tick(ended, "profile"),
        *tick(own, "notes.read", "no.such.feature", "", "x" * 5000),
        f"{uuid4()}:profile",
        f"{own.pk}:profile",
        "profile",
        ":",
        "\u202e:profile",
    ]

    page = open_page(browser).content.decode()
    response = decide(browser, *hostile)

    assert str(own.uuid) in page
    assert not [row for row in (theirs, hubs, ended) if str(row.uuid) in page]
    assert response_of(response)["code"]
    assert not Allowance.objects.exists()


@pytest.mark.requirement(111, 134)
@pytest.mark.parametrize(
    "form",
    [
        {"client_id": "client-2"},
        {"client_id": "client-2", "redirect_uri": "https://client.example/callback"},
        {"redirect_uri": "https://client.example/other"},
        {"scope": "profile connections:read connections:borrow connections:call"},
        {"scope": "profile"},
        {"state": "another"},
        {"code_challenge": "x" * 43},
        {"shown": "x"},
        {"shown": ""},
    ],
)
@pytest.mark.parametrize("allow", [True, False])
def test_a_form_that_says_what_was_not_shown_leads_nowhere(
    browser: Client, person: User, form: dict[str, str], allow: bool
) -> None:
    make_application("client-2", name="Another")
    connection = make_connection(owner=person)

    response = decide(browser, *tick(connection, "profile"), form=form, allow=allow)

    assert response.status_code == 400
    assert "Location" not in response
    assert not Grant.objects.exists() and not Allowance.objects.exists() and not Event.objects.exists()


@pytest.mark.requirement(111)
def test_what_another_person_was_shown_is_no_consent_of_mine(browser: Client, person: User) -> None:
    stranger = browser_of(make_user("stranger"))
    fields = open_page(stranger).context["form"].initial

    response = decide(browser, form={"shown": fields["shown"]})

    assert response.status_code == 400
    assert not Grant.objects.exists()


@pytest.mark.requirement(134)
def test_a_form_sets_nothing_but_the_choice(browser: Client, person: User) -> None:
    connection = make_connection(owner=person)
    more = {"person": "1", "issuer": "x", "scope_allowed": "everything", "skip_authorization": "on", "user": "1"}

    decide(browser, *tick(connection, "profile"), form=more)

    row = Allowance.objects.get()
    assert (row.person, row.issuer, row.scope, row.connection) == (person, "", "profile", connection)


@pytest.mark.requirement(132)
@pytest.mark.parametrize("vector", [*VECTORS, CONTROLS])
def test_names_of_accounts_are_text(person: User, browser: Client, vector: str) -> None:
    make_connection(owner=person, name=vector.replace("\x00", "")[:100], account_label=vector.replace("\x00", ""))

    assert_harmless(open_page(browser).content.decode(), vector)


@pytest.mark.requirement(130, 131)
def test_the_page_with_a_choice_has_the_same_headers(person: User, browser: Client) -> None:
    make_connection(owner=person)

    page = open_page(browser)

    assert page["X-Frame-Options"] == "DENY"
    policy = page["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert "form-action 'self' https:" in policy
    assert "<script>" not in page.content.decode() and " style=" not in page.content.decode()


def test_two_hundred_connections_cost_as_many_queries_as_two(
    person: User, browser: Client, django_assert_max_num_queries: Any
) -> None:
    registration = make_registration()
    rows = [make_connection(owner=person, registration=registration, scope=NOTES, sealed=False) for _ in range(200)]
    everything = [value for row in rows for value in tick(row, "profile", "notes.read", "notes.write")]

    with django_assert_max_num_queries(12):
        page = open_page(browser)

    (service,) = page.context["choice"].services
    assert not service.is_open and len(service.shares) == 200
    assert response_of(decide(browser, *everything))["code"]
    assert len(allowed(person)) == 200


def test_a_choice_that_cannot_be_stored_leaves_no_grant(person: User) -> None:
    connection = make_connection(owner=person)
    browser = browser_of(person)
    browser.raise_request_exception = False
    Connection.objects.filter(pk=connection.pk).update(granted_scope="profile")

    with failing_events():
        response = decide(browser, *tick(connection, "profile"))

    assert response.status_code == 500
    assert not Grant.objects.exists() and not Allowance.objects.exists()


def failing_events() -> Any:
    def refuse(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith('INSERT INTO "integrations_event"'):
            raise RuntimeError("no event today")
        return execute(sql, *rest)

    return database.execute_wrapper(refuse)
