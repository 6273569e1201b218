"""What operators do in admin is an event, in the transaction of the change: who, what, which fields, never a value."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.db import connection as database
from django.test import Client

from integrations.models import ClientRegistration, Event
from tests.admin.posting import fields_of, messages_of, submit
from tests.factories import make_connection, make_registration, make_user

pytestmark = pytest.mark.django_db
PASSWORD = "canary-password-0123456789"


def told() -> list[dict[str, object]]:
    events = Event.objects.filter(kind=Event.Kind.ADMIN_ACTION).order_by("pk")
    assert {event.actor for event in events} <= {"operator"}
    return [event.details for event in events]


@pytest.mark.requirement(98, 156)
def test_a_change_of_an_account_is_told_by_its_fields(operator: Client) -> None:
    person = make_user("robin")

    submit(operator, f"/admin/auth/user/{person.pk}/change/", first_name="canary-name", is_staff="on")

    (details,) = told()
    assert details == {
        "action": "changed",
        "object": f"auth.user {person.pk}",
        "fields": sorted(details["fields"]),  # type: ignore[call-overload]
    }
    assert {"First name", "Staff status"} <= set(details["fields"])  # type: ignore[call-overload]
    assert "canary" not in str(details)


@pytest.mark.requirement(98, 156)
def test_a_new_password_is_told_and_not_which(operator: Client) -> None:
    person = make_user("robin")

    operator.post(f"/admin/auth/user/{person.pk}/password/", {"password1": PASSWORD, "password2": PASSWORD})

    person.refresh_from_db()
    assert person.check_password(PASSWORD)
    (details,) = told()
    assert details["object"] == f"auth.user {person.pk}"
    assert PASSWORD not in str(details)


@pytest.mark.requirement(156)
def test_groups_are_told_when_they_are_made_changed_and_deleted(operator: Client) -> None:
    submit(operator, "/admin/auth/group/add/", name="Night shift")
    group = Group.objects.get(name="Night shift")
    submit(operator, f"/admin/auth/group/{group.pk}/change/", name="Day shift")
    form = {"action": "delete_selected", "index": "0", "_selected_action": str(group.pk), "post": "yes"}
    operator.post("/admin/auth/group/", form)

    assert [details["action"] for details in told()] == ["added", "changed", "deleted"]
    assert {details["object"] for details in told()} == {f"auth.group {group.pk}"}
    assert not Group.objects.filter(pk=group.pk).exists()


@pytest.mark.requirement(156)
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["password", "change", "list"])
def test_a_change_that_cannot_be_told_is_not_made(path: str) -> None:
    operator = Client(raise_request_exception=False)
    operator.force_login(make_user("operator", is_staff=True, is_superuser=True))
    person, group = make_user("robin"), Group.objects.create(name="Others")
    page = operator.get(f"/admin/auth/user/{person.pk}/change/")
    attempts: dict[str, tuple[str, dict[str, str]]] = {
        "password": (f"/admin/auth/user/{person.pk}/password/", {"password1": PASSWORD, "password2": PASSWORD}),
        "change": (f"/admin/auth/user/{person.pk}/change/", fields_of(page) | {"first_name": "Changed"}),
        "list": (
            "/admin/auth/group/",
            {"action": "delete_selected", "index": "0", "_selected_action": str(group.pk), "post": "yes"},
        ),
    }

    address, form = attempts[path]
    with database.execute_wrapper(_no_events):
        answer = operator.post(address, form)

    assert answer.status_code == 500
    kept = User.objects.get(pk=person.pk)
    assert (kept.check_password(PASSWORD), kept.first_name) == (False, "")
    assert Group.objects.filter(pk=group.pk).exists()
    assert not LogEntry.objects.exists()


def _no_events(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
    if sql.startswith('INSERT INTO "integrations_event"'):
        raise RuntimeError("no event today")
    return execute(sql, *rest)


@pytest.mark.requirement(100, 156)
@pytest.mark.parametrize("page", ["list", "form"])
def test_a_registration_is_switched_off_and_on_after_a_confirmation(operator: Client, page: str) -> None:
    registration = make_registration(slug="work")
    make_connection(registration=registration)
    listed = "/admin/integrations/clientregistration/"

    if page == "list":
        asked = operator.post(listed, {"action": "switch_off", "index": "0", "_selected_action": str(registration.pk)})
    else:
        form = operator.get(f"{listed}{registration.pk}/change/").content.decode()
        assert f'href="{listed}{registration.pk}/switch/">Switch off' in form
        asked = operator.get(f"{listed}{registration.pk}/switch/")
    registration.refresh_from_db()
    assert registration.enabled
    text = " ".join(asked.content.decode().split())
    assert "<strong>work</strong>: 1 connection" in text
    assert "neither renewed nor used" in text
    done = operator.post(listed, fields_of(asked) | {"reason": "provider was broken into"}, follow=True)

    assert not ClientRegistration.objects.get().enabled
    assert messages_of(done) == ["Switched off: work."]
    event = Event.objects.get(kind=Event.Kind.REGISTRATION_CHANGED)
    assert (event.actor, event.details) == ("operator", {"enabled": False, "reason": "provider was broken into"})
    history = LogEntry.objects.get(object_id=str(registration.pk))
    assert "provider was broken into" in history.get_change_message()
    back = operator.post(listed, {"action": "switch_on", "index": "0", "_selected_action": str(registration.pk)})
    operator.post(listed, fields_of(back))
    assert ClientRegistration.objects.get().enabled


@pytest.mark.requirement(100)
def test_saving_a_registrations_form_does_not_switch_it(operator: Client) -> None:
    registration = make_registration(slug="work", enabled=False)

    submit(operator, f"/admin/integrations/clientregistration/{registration.pk}/change/", enabled="on", client_id="x")

    registration.refresh_from_db()
    assert (registration.client_id, registration.enabled) == ("x", False)


@pytest.mark.requirement(100)
def test_switching_wants_a_csrf_token() -> None:
    registration = make_registration()
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user(is_staff=True, is_superuser=True))
    form = {"action": "switch_off", "_selected_action": str(registration.pk), "confirmed": "yes", "index": "0"}

    assert client.post("/admin/integrations/clientregistration/", form).status_code == 403
    assert ClientRegistration.objects.get().enabled
