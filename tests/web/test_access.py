"""Nobody reaches what is not theirs: every route, as everybody who must not."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from oauth2_provider.models import Application

from integrations.models import (
    AccountClosure,
    Allowance,
    ClientRegistration,
    Connection,
    Event,
    PendingRevocation,
    SweepRun,
    WebhookDelivery,
    WebhookEndpoint,
)
from tests.authorization_server.steps import make_application
from tests.factories import make_event, make_pending_revocation, make_sweep_run, make_user
from tests.lending import make_allowance, make_webhook_endpoint
from tests.web.person import Person

#: Open to everybody: signing in and up, the language, and the protocol endpoints, which authenticate clients and tokens
#: themselves.
OPEN = {
    "home",
    "integrations:style",
    "account_login",
    "account_logout",
    "account_inactive",
    "account_signup",
    "account_email_verification_sent",
    "account_confirm_email",
    "account_confirm_login_code",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "account_signed_out",
    "admin:login",
    "admin:jsi18n",
    "admin:logout",
    "integrations:farewell",
    "integrations:language_switch",
    "api-v1:docs",
    "api-v1:openapi-json",
    "oauth2_provider:token",
    "oauth2_provider:revoke-token",
    "oauth2_provider:introspect",
    "oauth2_provider:device-authorization",
    "oauth2_provider:oauth-server-metadata",
    "oauth2_provider:oauth-server-metadata-appended",
    "oauth2_provider:protected-resource-metadata",
}
#: What admin shows to any member of staff: no row of anything.
OF_STAFF = {"admin:index", "admin:password_change", "admin:password_change_done", "admin:jsi18n", "admin:login"}
REFUSALS = {401, 403, 404, 405}


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """One address of the hub, and what its pattern leaves open."""

    name: str
    pattern: str
    parameters: tuple[str, ...]

    def path(self, values: dict[str, str]) -> str:
        path = re.sub(
            r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)|<(?:\w+:)?(\w+)>", lambda m: values[m[1] or m[2]], self.pattern
        )
        return "/" + path.replace("^", "").replace("$", "")


def routes() -> list[Route]:
    return list(_walk(get_resolver().url_patterns))


def _walk(patterns: list[URLPattern | URLResolver], prefix: str = "", namespace: str = "") -> Iterator[Route]:
    for found in patterns:
        pattern = prefix + str(found.pattern)
        if isinstance(found, URLResolver):
            inner = f"{namespace}{found.namespace}:" if found.namespace else namespace
            yield from _walk(found.url_patterns, pattern, inner)
        else:
            parameters = re.findall(r"<(?:\w+:)?(\w+)>", pattern)
            yield Route(name=f"{namespace}{found.name}", pattern=pattern, parameters=tuple(parameters))


def values_for(connection: Connection, *, route_name: str = "") -> dict[str, str]:
    """What the open places of patterns are filled with: everywhere, the other person's."""
    kept = {
        "accountclosure": AccountClosure.objects.latest("pk").pk,
        "event": connection.events.latest("pk").pk,
        "clientregistration": connection.registration_id,
        "sweeprun": SweepRun.objects.latest("pk").pk,
        "pendingrevocation": PendingRevocation.objects.latest("pk").pk,
    }
    model = next((name for name in kept if f"_{name}_" in route_name), "")
    return {
        "uuid": str(connection.uuid),
        "slug": connection.registration.slug,
        "object_id": str(kept.get(model, connection.pk)),
        "id": str(connection.owner_id),
        "content_type_id": "1",
        "app_label": "integrations",
        "url": "nothing/",
        "uidb36": "1",
        "pk": str(connection.pk),
        "key": "key",
        **{"client_id": "client-1", "rest": "nothing"},
    }


def answers(client: Client, path: str) -> Iterator[HttpResponse]:
    form = {"features": "notes.read", "feature": "notes.read", "name": "mine now", "action": "revoke", "post": "yes"}
    yield client.get(path)  # type: ignore[misc]
    yield client.post(path, form)  # type: ignore[misc]


def snapshot() -> list[object]:
    return [
        list(Connection.objects.order_by("pk").values()),
        list(Allowance.objects.order_by("pk").values()),
        list(Application.objects.order_by("pk").values()),
        list(ClientRegistration.objects.order_by("pk").values("slug", "enabled", "client_id", "secret_version")),
        list(WebhookEndpoint.objects.order_by("pk").values("url", "secret_version", "disabled_at")),
        Event.objects.count() + WebhookDelivery.objects.count(),
    ]


@pytest.fixture
def connection(person: Person) -> Connection:
    connection = person.connect("notes.read")
    make_event(connection=connection)
    make_pending_revocation(connection=connection)
    make_sweep_run()
    # Under the same address, so that there is something.
    make_webhook_endpoint(owner=person.user, uuid=connection.uuid, url="https://hook.alice.example.test/")
    make_application("client-2", user=person.user, name="Agenda of alice")
    AccountClosure.objects.create(user=make_user(), started_at=connection.created_at)
    make_application(user=person.user)
    make_allowance(connection)
    return connection


def test_the_sweep_knows_how_to_fill_every_pattern(connection: Connection) -> None:
    found = routes()

    assert {name for route in found for name in route.parameters} <= values_for(connection).keys()
    assert len(found) > 60
    assert "integrations:connection" in {route.name for route in found}


@pytest.mark.requirement(111)
def test_every_route_as_nobody(connection: Connection) -> None:
    before = snapshot()

    for route in routes():
        if route.name in OPEN:
            continue
        for response in answers(Client(), route.path(values_for(connection))):
            assert_refused_or_sent_to_sign_in(response, route)

    assert snapshot() == before


@pytest.mark.requirement(111, 135)
def test_every_route_of_a_connection_as_another_person(connection: Connection, stranger: Person) -> None:
    before = snapshot()
    theirs, nobodys = str(connection.uuid), str(uuid4())

    for route in routes():
        if "uuid" not in route.parameters:
            continue
        values = values_for(connection)
        pairs = zip(
            answers(stranger.client, route.path(values)),
            answers(stranger.client, route.path(values | {"uuid": nobodys})),
            strict=True,
        )
        for to_theirs, to_nobodys in pairs:
            assert to_theirs.status_code in {302, 401, 404, 405}, route
            assert "alice" not in to_theirs.content.decode(), route
            assert told(to_theirs, theirs) == told(to_nobodys, nobodys), route

    assert snapshot() == before


@pytest.mark.requirement(111, 135)
def test_every_route_of_an_application_as_another_person(connection: Connection, stranger: Person) -> None:
    before = snapshot()

    for route in routes():
        if "client_id" not in route.parameters:
            continue
        values = values_for(connection)
        pairs = zip(
            answers(stranger.client, route.path(values)),
            answers(stranger.client, route.path(values | {"client_id": "nobodys"})),
            strict=True,
        )
        for to_theirs, to_nobodys in pairs:
            assert to_theirs.status_code == 404, route
            assert told(to_theirs, "client-1") == told(to_nobodys, "nobodys"), route

    assert snapshot() == before


@pytest.mark.requirement(111)
def test_every_route_as_another_person_shows_nothing_of_a_connection(connection: Connection, stranger: Person) -> None:
    before = Connection.objects.values().get()

    for route in routes():
        if route.name.startswith("admin:") or route.name == "account_logout":
            continue
        for response in answers(stranger.client, route.path(values_for(connection))):
            body = b"".join(response).decode()
            assert "alice" not in body, route
            assert str(connection.uuid) not in body, route
            assert connection.subject not in body, route

    assert Connection.objects.values().get() == before


@pytest.mark.requirement(111)
def test_every_route_of_admin_as_staff_without_permission(connection: Connection) -> None:
    staff = Client()
    staff.force_login(make_user("clerk", is_staff=True))
    before = snapshot()

    for route in routes():
        if not route.name.startswith("admin:") or route.name in OF_STAFF | {"admin:logout"}:
            continue
        for response in answers(staff, route.path(values_for(connection, route_name=route.name))):
            body = response.content.decode()
            to_another_address = response.status_code in {301, 302} and "integrations_" not in route.name
            assert response.status_code in REFUSALS or to_another_address, (route, response.status_code)
            assert "alice" not in body and str(connection.uuid) not in body, route

    assert snapshot() == before


@pytest.mark.requirement(111)
def test_a_person_whose_account_was_closed_reaches_nothing(person: Person, connection: Connection) -> None:
    person.user.is_active = False
    person.user.save()

    for route in routes():
        if route.name in OPEN:
            continue
        for response in answers(person.client, route.path(values_for(connection))):
            assert_refused_or_sent_to_sign_in(response, route)


@pytest.mark.requirement(135)
def test_what_is_not_yours_looks_like_what_is_not_there(connection: Connection, stranger: Person) -> None:
    theirs = stranger.get(reverse("integrations:connection", args=[connection.uuid]))
    nobodys = stranger.get(reverse("integrations:connection", args=[uuid4()]))

    assert theirs.status_code == nobodys.status_code == 404
    assert words(theirs) == words(nobodys)
    assert dict(theirs.headers) == dict(nobodys.headers)


@pytest.mark.requirement(111)
def test_connections_cannot_be_counted_by_their_address(person: Person) -> None:
    first, second = person.connect(account="alice"), person.connect(account="bob")

    assert first.uuid.version == second.uuid.version == 4
    assert person.get(f"/connections/{first.pk}/").status_code == 404


def told(response: HttpResponse, uuid: str) -> tuple[int, str, str]:
    """What the answer gives away, apart from the address that was asked for."""
    location = response.headers.get("Location", "").replace(uuid, "?")
    return response.status_code, location, words(response).replace(uuid, "?")


def words(response: HttpResponse) -> str:
    """The page but for its CSRF token, which is masked anew in each, and the code of the request."""
    body = re.sub(r'(name="csrfmiddlewaretoken" value=)"\w+"', r"\1", response.content.decode())
    return re.sub(r"<code data-varies>\w+</code>", "", body)


def assert_refused_or_sent_to_sign_in(response: HttpResponse, route: Route) -> None:
    if response.status_code in {301, 302}:
        location = response.headers["Location"]
        page_of_an_action = re.fullmatch(r"/(connections|webhooks)/(new/[\w-]+|(link/)?[0-9a-f-]{36})/", location)
        assert "/login/" in location or page_of_an_action or location == "/accounts/signup/", (route, location)
    else:
        assert response.status_code in REFUSALS, (route, response.status_code)
        assert "alice" not in response.content.decode(), route
