"""Deleting a person in admin goes through the flow: asked first, allowed to some, connections ended before."""

from collections.abc import Iterator

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from integrations.models import AccountClosure, ClientRegistration, Connection, Event
from tests.admin.posting import Page, fields_of, messages_of
from tests.factories import make_connection, make_user
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.registration import register_sandbox

pytestmark = pytest.mark.django_db
LIST = "/admin/auth/user/"


@pytest.fixture
def provider_server() -> Iterator[FakeAuthorizationServer]:
    """On the real clock, as admin."""
    with FakeAuthorizationServer() as server:
        yield server


@pytest.fixture
def registration(provider_server: FakeAuthorizationServer) -> ClientRegistration:
    return register_sandbox(provider_server)


@pytest.fixture
def robin(registration: ClientRegistration) -> User:
    user = make_user("robin")
    make_connection(owner=user, registration=registration)
    return user


def choose(client: Client, *people: User, **more: str) -> Page:
    data = {"action": "close_accounts", "index": "0", "_selected_action": [str(user.pk) for user in people]}
    return client.post(LIST, data | more, follow=True)


def confirm(client: Client, page: Page, *people: User) -> Page:
    data = fields_of(page) | {"_selected_action": [str(user.pk) for user in people]}
    return client.post(LIST, data, follow=True)


def make_deleter(username: str) -> Client:
    """On the staff, may view and delete users."""
    user = make_user(username, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=("view_user", "delete_user")))
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.requirement(100)
def test_it_is_asked_first_and_then_done_through_the_flow(
    operator: Client, robin: User, provider_server: FakeAuthorizationServer
) -> None:
    page = choose(operator, robin)
    assert "robin: 1 connection" in page.content.decode()
    assert User.objects.filter(username="robin", is_active=True).exists()
    assert not provider_server.requests("revoke")

    done = confirm(operator, page, robin)

    assert messages_of(done) == ["Deleted: 1."]
    assert provider_server.requests("revoke")
    assert not User.objects.filter(username="robin").exists()
    assert not Connection.objects.exists()
    event = Event.objects.get()
    assert (event.kind, event.actor, event.owner) == ("account_deleted", "operator", None)
    assert not LogEntry.objects.filter(object_repr="robin").exists()


@pytest.mark.requirement(100)
def test_djangos_own_delete_button_asks_the_same_and_deletes_nothing_itself(operator: Client, robin: User) -> None:
    page = operator.get(f"{LIST}{robin.pk}/delete/")
    posted = operator.post(f"{LIST}{robin.pk}/delete/", {"post": "yes"})

    assert b"Close and delete them" in page.content
    assert posted.status_code == 302
    assert User.objects.filter(username="robin").exists()
    assert operator.get(f"{LIST}999999/delete/").status_code == 404
    assert operator.get(f"{LIST}nonsense/delete/").status_code == 404
    assert b"delete_selected" not in operator.get(LIST).content
    assert messages_of(confirm(operator, page, robin)) == ["Deleted: 1."]


@pytest.mark.requirement(100)
def test_only_who_may_delete_users_closes_accounts(onlooker: Client, robin: User) -> None:
    looking = User.objects.get(username="onlooker")
    looking.user_permissions.add(Permission.objects.get(codename="view_user"))

    answers = [choose(onlooker, robin, confirmed="yes"), onlooker.get(f"{LIST}{robin.pk}/delete/")]

    assert answers[1].status_code == 403
    assert b"close_accounts" not in onlooker.get(LIST).content
    assert User.objects.filter(username="robin", is_active=True).exists()
    deleter = make_deleter("deleter")
    assert messages_of(confirm(deleter, choose(deleter, robin), robin)) == ["Deleted: 1."]


@pytest.mark.requirement(100)
def test_nobody_closes_their_own_account_or_a_superusers_from_below(operator: Client) -> None:
    chief = User.objects.get(username="operator")
    deleter = make_deleter("deleter")

    for client, victim in ((operator, chief), (deleter, chief), (deleter, User.objects.get(username="deleter"))):
        assert messages_of(choose(client, victim, confirmed="yes")) == [
            "None of the selected accounts can be closed from here."
        ]
    assert User.objects.filter(is_active=True).count() == 2


def test_what_a_provider_has_not_confirmed_is_shown_until_it_has(
    operator: Client, robin: User, provider_server: FakeAuthorizationServer
) -> None:
    provider_server.misbehave("revoke", Behaviour.SERVER_ERROR, times=None)

    done = confirm(operator, choose(operator, robin), robin)

    assert messages_of(done) == ["Closed: 1. Their rows go when every provider was told; the sweep sees to it."]
    closure = AccountClosure.objects.get()
    assert (closure.user, closure.operator) == (robin, "operator")
    assert b"robin" in operator.get("/admin/integrations/accountclosure/").content
    assert LogEntry.objects.get(object_repr="robin").get_change_message() == "Account closed."


@pytest.mark.requirement(100)
def test_closing_wants_a_csrf_token(operator: Client, robin: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = operator.cookies

    assert (
        strict.post(LIST, {"action": "close_accounts", "_selected_action": robin.pk, "confirmed": "yes"}).status_code
        == 403
    )
    assert User.objects.filter(username="robin", is_active=True).exists()
