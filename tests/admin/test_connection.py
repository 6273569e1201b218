"""Operators look at connections, refresh them, revoke them; nothing else."""

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from integrations.admin import actions
from integrations.models import ClientRegistration, Connection, Event, VaultEntry
from integrations.vault import new_key
from tests.admin.posting import Page, fields_of, messages_of
from tests.clock import Clock
from tests.factories import make_connection, make_user
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.registration import register_sandbox
from tests.flows.journey import Journey, fresh

pytestmark = pytest.mark.django_db
LIST = "/admin/integrations/connection/"
Status = Connection.Status


@pytest.fixture
def registration(provider_server: FakeAuthorizationServer) -> ClientRegistration:
    return register_sandbox(provider_server)


@pytest.fixture
def journey(registration: ClientRegistration, provider_server: FakeAuthorizationServer, clock: Clock) -> Journey:
    return Journey(user=make_user(), registration=registration, server=provider_server, clock=clock)


def choose(client: Client, action: str, *rows: Connection, **more: str) -> Page:
    """Pick an action for some rows of the list, with the list's own form."""
    data = {"action": action, "index": "0", "_selected_action": [str(row.pk) for row in rows]}
    return client.post(LIST, data | more, follow=True)


def confirm(client: Client, page: Page, rows: list[Connection], **more: str) -> Page:
    """Press the button of the confirmation page."""
    data = fields_of(page) | {"_selected_action": [str(row.pk) for row in rows]} | more
    return client.post(LIST, data, follow=True)


# -- looking


def test_the_list_takes_the_same_number_of_queries_for_many_rows(operator: Client) -> None:
    counts = []
    for _ in range(2):
        for _ in range(4):
            make_connection()
        with CaptureQueriesContext(database) as queries:
            assert operator.get(LIST).status_code == 200
        counts.append(len(queries))

    assert counts[0] == counts[1]


@pytest.mark.parametrize("query", ["?q=alice", "?q=sandbox", "?q=marta", "?status__exact=active"])
def test_connections_are_found_by_account_provider_owner_and_status(operator: Client, query: str) -> None:
    make_connection(owner=make_user("marta"), account_label="alice@example.test")

    page = operator.get(LIST + query)

    assert b"alice@example.test" in page.content
    assert b"alice@example.test" not in operator.get(LIST + "?q=nobody").content


def test_a_name_without_a_space_is_shortened_where_it_would_push_the_rest_aside(operator: Client) -> None:
    connection = make_connection(name="n" * 100, owner=make_user("o" * 100))

    pages = [operator.get(LIST), choose(operator, "refresh_now", connection)]

    assert all("n" * 29 in page.content.decode() for page in pages)
    assert all("n" * 41 not in page.content.decode() for page in pages)
    assert "o" * 41 not in pages[1].content.decode()


@pytest.mark.requirement(99)
def test_nobody_adds_changes_or_deletes_a_connection_by_hand(operator: Client) -> None:
    connection = make_connection()
    page = f"{LIST}{connection.pk}/change/"

    answers = [
        operator.get(f"{LIST}add/"),
        operator.post(f"{LIST}add/", {"subject": "x"}),
        operator.post(page, {"status": "revoked", "subject": "stolen", "_save": "Save"}),
        operator.post(f"{LIST}{connection.pk}/delete/", {"post": "yes"}),
    ]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert b'name="_save"' not in operator.get(page).content
    assert fresh(connection).subject == connection.subject
    assert Connection.objects.count() == 1


# -- doing


@pytest.mark.requirement(100)
@pytest.mark.parametrize("action", ["refresh_now", "revoke_and_wipe"])
def test_an_action_asks_first_and_names_what_will_happen(
    operator: Client, provider_server: FakeAuthorizationServer, registration: ClientRegistration, action: str
) -> None:
    mine = [make_connection(registration=registration, account_label=name) for name in ("Ann", "Bo")]
    gone = make_connection(registration=registration, status=Status.REVOKED, account_label="Cyrus the third")

    page = choose(operator, action, *mine, gone)

    text = " ".join(page.content.decode().split())
    assert "2 connections" in text
    assert "of 2 owners" in text
    assert "2 at sandbox" in text
    assert "1 more was selected" in text
    assert "Ann" in text
    assert "Cyrus the third" not in text
    assert {row.status for row in map(fresh, mine)} == {Status.ACTIVE}
    assert provider_server.requests() == []


@pytest.mark.requirement(94, 105)
def test_revoking_without_the_key_says_that_the_provider_was_not_told(
    operator: Client, provider_server: FakeAuthorizationServer, registration: ClientRegistration, settings: Settings
) -> None:
    row = make_connection(registration=registration)
    settings.HUB_SEALING_KEYS = new_key("another")

    done = confirm(operator, choose(operator, "revoke_and_wipe", row), [row], reason="laptop stolen")

    told = "Wiped here; the provider was not told, as the tokens did not open (HUB_SEALING_KEYS?)"
    assert messages_of(done) == [f"{told}: 1."]
    assert told in LogEntry.objects.get(object_id=str(row.pk)).get_change_message()
    assert provider_server.requests("revoke") == []


@pytest.mark.requirement(100, 105)
def test_revoking_wipes_here_revokes_there_and_says_who_and_why(
    operator: Client, provider_server: FakeAuthorizationServer, registration: ClientRegistration
) -> None:
    rows = [make_connection(registration=registration) for _ in range(2)]
    page = choose(operator, "revoke_and_wipe", *rows)

    done = confirm(operator, page, rows, reason="laptop stolen")

    assert {fresh(row).status for row in rows} == {Status.REVOKED}
    assert not VaultEntry.objects.exists()
    assert provider_server.requests("revoke")
    assert messages_of(done) == ["Wiped here and revoked at the provider: 2."]
    for row in rows:
        event = row.events.get(kind=Event.Kind.DISCONNECTED)
        assert (event.actor, event.details["reason"]) == ("operator", "laptop stolen")
        history = LogEntry.objects.get(object_id=str(row.pk))
        assert history.user.get_username() == "operator"
        assert "laptop stolen" in history.change_message


def test_revoking_wipes_here_also_when_the_provider_does_not_answer(
    operator: Client, provider_server: FakeAuthorizationServer, registration: ClientRegistration
) -> None:
    row = make_connection(registration=registration)
    provider_server.misbehave("revoke", Behaviour.SERVER_ERROR, times=None)

    done = confirm(operator, choose(operator, "revoke_and_wipe", row), [row])

    assert fresh(row).status == Status.REVOKING
    assert not VaultEntry.objects.exists()
    assert "will be asked again: 1." in messages_of(done)[0]


def test_refreshing_reports_each_row_that_failed_and_goes_on(
    operator: Client, provider_server: FakeAuthorizationServer, journey: Journey
) -> None:
    good = journey.connect()
    bad = make_connection(registration=journey.registration, account_label="Bad <b>one</b>")
    assert bad.pk > good.pk
    rows = [good, bad]

    done = confirm(operator, choose(operator, "refresh_now", *rows), rows)

    assert fresh(good).version == 2
    assert fresh(bad).status == Status.NEEDS_REAUTHORIZATION
    said = messages_of(done)
    assert said[0] == "Refreshed: 1."
    assert "invalid_grant" in said[1]
    assert b"<b>one</b>" not in done.content
    assert [event.actor for event in good.events.filter(kind="refreshed")] == ["operator"]


@pytest.mark.requirement(25, 100)
def test_refreshing_at_a_disabled_registration_is_refused(
    operator: Client, provider_server: FakeAuthorizationServer, journey: Journey
) -> None:
    row = journey.connect()
    ClientRegistration.objects.update(enabled=False)
    provider_server.forget_requests()

    done = confirm(operator, choose(operator, "refresh_now", row), [row])

    assert "registration_disabled" in messages_of(done)[0]
    assert provider_server.requests() == []


@pytest.mark.requirement(100)
@pytest.mark.parametrize("action", ["refresh_now", "revoke_and_wipe"])
def test_looking_is_not_enough_to_act(onlooker: Client, action: str) -> None:
    row = make_connection()

    assert b'name="action"' not in onlooker.get(LIST).content
    choose(onlooker, action, row, confirmed="yes")
    onlooker.post(f"{LIST}{row.pk}/change/", {"CHANGE_FORM-action": action, "confirmed": "yes"})

    assert fresh(row).status == Status.ACTIVE
    assert VaultEntry.objects.exists()


@pytest.mark.requirement(100)
def test_an_action_is_a_post_with_a_csrf_token(
    provider_server: FakeAuthorizationServer, registration: ClientRegistration
) -> None:
    row = make_connection(registration=registration)
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user(is_staff=True, is_superuser=True))
    data = {"action": "revoke_and_wipe", "_selected_action": str(row.pk), "confirmed": "yes", "index": "0"}

    forged = client.post(LIST, data)
    client.get(LIST, data)

    assert forged.status_code == 403
    assert fresh(row).status == Status.ACTIVE


def test_too_many_rows_are_refused_with_advice(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [make_connection(sealed=False) for _ in range(3)]
    monkeypatch.setattr(actions, "ROWS_AT_MOST", 2)

    page = choose(operator, "revoke_and_wipe", *rows)

    (said,) = messages_of(page)
    assert said.startswith("3 connections are selected; choose at most 2 at a time.")


def test_rows_beyond_the_time_allowed_are_left_and_named(clock: Clock) -> None:
    rows = [make_connection() for _ in range(3)]

    def act(row: Connection) -> str:
        clock.advance(seconds=20)
        return "Done"

    report = actions.run(rows, act, clock=clock)

    assert (report.done["Done"], report.not_reached) == (2, 1)
