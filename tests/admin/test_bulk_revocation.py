"""An operator revokes many: chosen, read, confirmed with a reason; shown, gone on with, cancelled."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from django.contrib.admin.models import LogEntry
from django.http import QueryDict
from django.test import Client

from integrations.admin import bulk_revocation
from integrations.admin.bulk_form import query_from_list
from integrations.models import BulkRevocation, ClientRegistration, Connection, Event, VaultEntry
from tests.admin.posting import Page, fields_of, messages_of
from tests.factories import make_connection, make_registration, make_user
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.registration import register_sandbox

pytestmark = pytest.mark.django_db
BEGIN = "/admin/integrations/bulkrevocation/begin/"
LIST = "/admin/integrations/connection/"
Status = Connection.Status


@pytest.fixture
def provider_server() -> Iterator[FakeAuthorizationServer]:
    """On the real clock, as admin."""
    with FakeAuthorizationServer() as server:
        yield server


@pytest.fixture
def registration(provider_server: FakeAuthorizationServer) -> ClientRegistration:
    return register_sandbox(provider_server)


def confirm(client: Client, page: Page, **more: str) -> Page:
    """Fill in the form of the preview and press its button."""
    return client.post(BEGIN, {name: value for name, value in (fields_of(page) | more).items() if value}, follow=True)


def order() -> BulkRevocation:
    return BulkRevocation.objects.get()


def go_on(client: Client) -> Page:
    return client.post(f"/admin/integrations/bulkrevocation/{order().pk}/step/", follow=True)


@pytest.mark.requirement(100, 108)
def test_what_will_happen_is_said_first_and_done_after_a_confirmation_with_a_reason(
    operator: Client, registration: ClientRegistration, provider_server: FakeAuthorizationServer
) -> None:
    leaver = make_user("leaver")
    rows = [make_connection(owner=leaver, registration=registration) for _ in range(2)]
    others = make_connection(registration=registration)

    page = operator.get(BEGIN, {"owner": "leaver"})
    text = " ".join(page.content.decode().split())
    assert "2 connections of 1 owner" in text
    assert "wiped here for good" in text
    assert not BulkRevocation.objects.exists()
    ordered = confirm(operator, page, reason="left the company")
    assert order().is_under_way
    assert VaultEntry.objects.count() == 3
    done = go_on(operator)

    assert ordered.status_code == done.status_code == 200
    text = " ".join(done.content.decode().split())
    assert "Finished: 2 of 2 connections wiped here." in text
    assert "No provider waits to be told." in text
    assert {Connection.objects.get(pk=row.pk).status for row in rows} == {Status.REVOKED}
    assert Connection.objects.get(pk=others.pk).status == Status.ACTIVE
    assert Event.objects.filter(kind=Event.Kind.DISCONNECTED, actor="operator").count() == 2
    history = LogEntry.objects.get(object_id=str(order().pk))
    assert "left the company" in history.get_change_message()
    assert len(provider_server.requests("revoke")) == 2 * len(rows)


@pytest.mark.requirement(100)
def test_no_reason_no_revocation(operator: Client, registration: ClientRegistration) -> None:
    make_connection(registration=registration)
    page = operator.get(BEGIN, {"provider": "sandbox"})

    for more in ({"reason": "  "}, {"reason": "x", "confirmed": ""}):
        refused = confirm(operator, page, **more)
        assert refused.status_code == 400
        assert 'role="alert"' in refused.content.decode()

    assert not BulkRevocation.objects.exists()


@pytest.mark.requirement(100)
def test_a_confirmation_is_for_what_was_shown(operator: Client, registration: ClientRegistration) -> None:
    gone = make_connection(registration=registration)
    page = operator.get(BEGIN, {"provider": "sandbox"})
    Connection.objects.filter(pk=gone.pk).update(status=Status.REVOKED, refresh_due_at=None)
    for _ in range(2):
        make_connection(registration=registration)

    refused = confirm(operator, page, reason="why")
    without = confirm(operator, page, reason="why", seen="")
    assert not BulkRevocation.objects.exists()
    accepted = confirm(operator, refused, reason="why")

    assert (refused.status_code, without.status_code, accepted.status_code) == (400, 400, 200)
    assert "Other connections match than were shown to you: 2 now." in refused.content.decode()
    assert order().total == 2


@pytest.mark.requirement(100)
def test_many_want_their_number_typed(
    operator: Client, registration: ClientRegistration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_revocation, "LARGE", 2)
    for _ in range(3):
        make_connection(registration=registration)
    page = operator.get(BEGIN, {"provider": "sandbox"})

    refused = [confirm(operator, page, reason="why", typed=typed) for typed in ("", "2", "yes")]
    accepted = confirm(operator, page, reason="why", typed="3")

    assert [answer.status_code for answer in refused] == [400] * 3
    assert b"Type the number of connections, 3, to confirm." in refused[0].content
    assert accepted.status_code == 200
    assert order().total == 3


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"provider": ""}, "Answer at least one of the questions."),
        ({"owner": "nobody"}, "There is no account of this name."),
        ({"provider": "nothing"}, "nothing is not one of the available choices"),
        ({"registration": "9" * 30}, "That choice is not one of the available choices"),
        ({"registration": "x"}, "That choice is not one of the available choices"),
        ({"status": "revoked"}, "revoked is not one of the available choices"),
        ({"text": "nothing-like-this"}, "There is nothing to revoke."),
    ],
)
def test_what_cannot_be_meant_is_said_to_be_so(
    operator: Client, registration: ClientRegistration, asked: dict[str, str], said: str
) -> None:
    make_connection(registration=registration)

    page = operator.get(BEGIN, asked)
    posted = operator.post(BEGIN, {**asked, "reason": "x", "confirmed": "yes"})

    assert said in page.content.decode()
    assert said in posted.content.decode()
    assert not BulkRevocation.objects.exists()


def test_a_provider_that_does_not_answer_is_named_on_the_page(
    operator: Client, registration: ClientRegistration, provider_server: FakeAuthorizationServer
) -> None:
    make_connection(registration=registration)
    provider_server.misbehave("revoke", Behaviour.SERVER_ERROR, times=None)

    confirm(operator, operator.get(BEGIN, {"provider": "sandbox"}), reason="why")
    page = " ".join(go_on(operator).content.decode().split())

    assert "1 waits for its provider to be told" in page
    assert '<th scope="row">sandbox</th>' in page
    assert "Go on now" in page


def test_cancelling_leaves_the_rest_and_is_told(operator: Client, registration: ClientRegistration) -> None:
    row = make_connection(registration=registration)
    confirm(operator, operator.get(BEGIN, {"provider": "sandbox"}), reason="why")

    address = f"/admin/integrations/bulkrevocation/{order().pk}/cancel/"
    pages = [operator.post(address, follow=True) for _ in range(2)]
    go_on(operator)

    assert messages_of(pages[0]) == ["Cancelled. What was not reached stays connected."]
    assert messages_of(pages[1]) == ["It was over already."]
    assert Connection.objects.get(pk=row.pk).status == Status.ACTIVE
    kinds = [event.details["action"] for event in Event.objects.filter(kind=Event.Kind.ADMIN_ACTION).order_by("pk")]
    assert kinds == ["bulk_revocation_begun", "bulk_revocation_cancelled"]


@pytest.mark.requirement(100)
def test_it_is_done_by_post_with_a_csrf_token(registration: ClientRegistration) -> None:
    make_connection(registration=registration)
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user(is_staff=True, is_superuser=True))

    forged = client.post(BEGIN, {"provider": "sandbox", "reason": "x", "confirmed": "yes"})
    client.get(BEGIN, {"provider": "sandbox", "reason": "x", "confirmed": "yes"})

    assert forged.status_code == 403
    assert not BulkRevocation.objects.exists()


def test_all_that_the_list_shows_can_be_taken_along(operator: Client, registration: ClientRegistration) -> None:
    owner = make_user("marta")
    mine = make_connection(owner=owner, registration=registration)
    make_connection(registration=registration)
    query = f"owner__id__exact={owner.pk}&status__exact=active&o=1"

    chosen = operator.post(
        f"{LIST}?{query}",
        {"action": "revoke_and_wipe", "index": "0", "select_across": "1", "_selected_action": str(mine.pk)},
    )

    address = urlsplit(chosen.headers["Location"])
    assert QueryDict(address.query).dict() == {"owner": "marta", "status": "active"}
    assert chosen.headers["Location"] in operator.get(f"{LIST}?{query}").content.decode().replace("&amp;", "&")
    assert b"1 connection of 1 owner" in operator.get(chosen.headers["Location"]).content


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ""),
        ("q=ann&p=3", "text=ann"),
        ("registration__provider=github&attention=failing&unused=30", "provider=github&attention=failing&unused=30"),
        ("last_error_code=timeout&unrenewed=never", "error=timeout&unrenewed=never"),
        ("owner__id__exact=999999999999999999999999", "owner=999999999999999999999999"),
        ("last_error_code__isnull=True", None),
    ],
)
def test_filters_of_the_list_become_questions_of_the_form(db: None, query: str, expected: str | None) -> None:
    assert query_from_list(QueryDict(query)) == expected


def test_what_the_list_finds_is_what_is_revoked(operator: Client) -> None:
    """The same words and filters mean the same rows on both pages."""
    make_connection(account_label="Ann", registration=make_registration(slug="first"))
    make_connection(account_label="Bo", registration=make_registration(slug="second"), failure_count=1)
    for query in ("q=ann", "q=ann first", "q=ann second", "attention=failing", "unused=never", "unrenewed=never"):
        listed = operator.get(f"{LIST}?{query}").context["cl"].result_count
        asked = query_from_list(QueryDict(query))
        found = operator.get(f"{BEGIN}?{asked}").context["found"].total

        assert listed == found, query
