"""Every page a person or an operator can reach, every row that can be dumped, the page of a crash: no secret."""

import io
import json
import re
from collections import Counter
from collections.abc import Iterator

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from integrations.models import ClientRegistration, Connection, Event
from tests.admin.posting import Page
from tests.authorization_server import steps
from tests.canaries import leaks
from tests.factories import (
    CLIENT_SECRET,
    make_authorization_request,
    make_pending_revocation,
    make_sweep_run,
    make_user,
)
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.registration import register_sandbox
from tests.leaks.passing import broken_database, secrets_of
from tests.web.person import Person, new_person

pytestmark = pytest.mark.django_db
NOT_FOLLOWED = re.compile(r"/logout|/jsi18n|\.(?:css|js|svg|png|ico)$|/static/")
NO_PAGE = re.compile(r"/(?:vaultentry|authorizationrequest|accesstoken|refreshtoken|grant|idtoken)/")
QUERIES_AT_MOST = 4


@pytest.fixture
def provider_server() -> Iterator[FakeAuthorizationServer]:
    """On the real clock, as the views."""
    with FakeAuthorizationServer() as server:
        yield server


@pytest.fixture
def registration(provider_server: FakeAuthorizationServer) -> ClientRegistration:
    return register_sandbox(provider_server)


@pytest.fixture
def person(registration: ClientRegistration, provider_server: FakeAuthorizationServer) -> Person:
    """Somebody with connections that work, that failed, that ended."""
    person = new_person("robin", server=provider_server)
    person.connect("notes.read")
    failing = person.connect("notes.read", account="bob")
    provider_server.misbehave("api", Behaviour.INVALID_TOKEN)
    provider_server.misbehave("token", Behaviour.ERROR, error="invalid_grant")
    person.post(person.page(failing, "try"), feature="notes.read")
    provider_server.behave()
    ended = person.connect(account="carol")
    person.post(person.page(ended, "disconnect"))
    make_authorization_request(user=person.user, registration=registration)
    make_pending_revocation(connection=ended)
    make_sweep_run()
    return person


@pytest.fixture
def own_secrets() -> list[str]:
    """What the hub's own authorization server hands out."""
    steps.make_application()
    tokens = steps.get_tokens(make_user())
    return [tokens.access_token, tokens.refresh_token, steps.CLIENT_SECRET]


def crawl(client: Client, *starts: str, under: str) -> dict[str, Page]:
    """Every page that links lead to, each in at most so many ways of filtering and sorting it."""
    waiting, seen = list(starts), {}
    queries: Counter[str] = Counter()
    while waiting:
        path = waiting.pop(0)
        bare, has_query, _ = path.partition("?")
        queries[bare] += bool(has_query)
        if path in seen or (has_query and queries[bare] > QUERIES_AT_MOST):
            continue
        seen[path] = answer = client.get(path)
        for link in re.findall(r'href="([^"]+)"', answer.content.decode(errors="replace")):
            target = link.replace("&amp;", "&").partition("#")[0]
            target = target if target.startswith("/") else bare + target
            if target.startswith(under) and target not in seen and not NOT_FOLLOWED.search(target):
                waiting.append(target)
    return seen


@pytest.mark.requirement(98, 102)
def test_no_page_of_a_person_shows_a_secret(person: Person, provider_server: FakeAuthorizationServer) -> None:
    pages = crawl(person.client, "/connections/", under="/connections/")
    for row in person.user.connections.all():
        for name in ("test", "try", "rename", "disconnect"):
            pages[f"{name} {row.pk}"] = person.post(person.page(row, name), feature="notes.read", name="Mine")
    begun = person.begin()
    pages["denied"] = person.come_back(begun, error="access_denied")
    pages["again"] = person.come_back(begun)
    url = person.begin()
    provider_server.misbehave("token", Behaviour.ERROR, error="invalid_client")
    pages["broken registration"] = person.come_back(url)

    secrets = secrets_of(provider_server)
    assert len(pages) > 15
    assert len(secrets) > 10
    for path, page in pages.items():
        assert leaks(page.content + repr(page.headers).encode(), secrets) == [], path


@pytest.mark.requirement(98, 99, 102)
def test_no_page_of_admin_shows_a_secret(
    person: Person, provider_server: FakeAuthorizationServer, own_secrets: list[str]
) -> None:
    operator = Client()
    operator.force_login(make_user("operator", is_staff=True, is_superuser=True))

    pages = crawl(operator, "/admin/", under="/admin/")

    visited = {path for path in pages if re.search(r"integrations/(\w+)/\d+/(?:change|history)/", path)}
    for model in ("attempt", "clientregistration", "connection", "event", "sweeprun", "pendingrevocation"):
        assert any(f"/{model}/" in path for path in visited), model
    assert {page.status_code for page in pages.values()} <= {200, 301, 302}
    for path, page in pages.items():
        assert leaks(page.content, [*secrets_of(provider_server), *own_secrets]) == [], path
        assert not NO_PAGE.search(path)
        assert not re.search(rb"field-(?:sealed|state_hash|browser_hash)", page.content), path


@pytest.mark.requirement(99)
def test_admin_finds_nothing_by_a_token(
    person: Person, provider_server: FakeAuthorizationServer, own_secrets: list[str]
) -> None:
    operator = Client()
    operator.force_login(make_user("operator", is_staff=True, is_superuser=True))
    lists = tuple(f"integrations/{name}" for name in ("attempt", "connection", "event", "clientregistration"))

    for name in (*lists, "oauth2_provider/application"):
        for secret in [*secrets_of(provider_server), *own_secrets]:
            page = operator.get(f"/admin/{name}/", {"q": secret})
            assert page.context["cl"].result_count == 0, name
        assert operator.get(f"/admin/{name}/").context["cl"].result_count > 0


@pytest.mark.requirement(98)
def test_dumpdata_holds_no_secret(
    person: Person, provider_server: FakeAuthorizationServer, own_secrets: list[str]
) -> None:
    out = io.StringIO()

    call_command("dumpdata", stdout=out)

    dumped = json.loads(out.getvalue())
    assert {"integrations.vaultentry", "integrations.event", "oauth2_provider.refreshtoken"} <= {
        row["model"] for row in dumped
    }
    for row in dumped:
        assert leaks(json.dumps(row), [*secrets_of(provider_server), *own_secrets]) == [], row


@pytest.mark.requirement(92)
def test_no_secret_is_in_a_session(person: Person, provider_server: FakeAuthorizationServer) -> None:
    person.begin("notes.read")

    assert Session.objects.exists()
    for session in Session.objects.all():
        assert leaks(json.dumps(session.get_decoded()), secrets_of(provider_server)) == []


@pytest.mark.requirement(98)
@pytest.mark.parametrize("accept", ["text/html", "text/plain"])
@pytest.mark.parametrize("debug", [True, False])
def test_the_page_of_a_crash_shows_no_secret(
    person: Person, provider_server: FakeAuthorizationServer, settings: Settings, accept: str, debug: bool
) -> None:
    settings.DEBUG = debug
    person.client.raise_request_exception = False
    location = provider_server.authorization_response(person.begin(), account="alice")
    path = location.removeprefix(settings.SITE_URL)

    with broken_database('INSERT INTO "integrations_event"'):
        crashed = person.get(path, Accept=accept)

    sent = provider_server.requests("token")[-1].form
    assert crashed.status_code == 500
    assert ("the database is on fire" in crashed.content.decode()) is debug
    secrets = [*secrets_of(provider_server), sent["code"], sent["code_verifier"], settings.SECRET_KEY]
    assert leaks(crashed.content, [*secrets, settings.HUB_SEALING_KEYS.partition(":")[2]]) == []


@pytest.mark.requirement(98)
def test_events_and_the_activity_of_a_connection_hold_no_secret(
    person: Person, provider_server: FakeAuthorizationServer
) -> None:
    rows = [repr(row) for row in (*Event.objects.values(), *Connection.objects.values())]

    assert len(rows) > 6
    assert leaks("\n".join(rows), secrets_of(provider_server)) == []


@pytest.mark.requirement(101)
def test_pages_of_a_connect_attempt_are_not_kept_by_any_cache(person: Person) -> None:
    begun = person.post(reverse("integrations:begin", args=["sandbox"]))
    back = person.come_back(person.begin())
    connection = Connection.objects.visible().order_by("pk")[0]
    again = person.post(person.page(connection, "reconnect"))
    more = person.post(person.page(connection, "enable"), features="notes.write")

    assert b"state=" in again.content
    assert b"state=" in more.content
    for answer in (begun, back, again, more):
        assert "no-store" in answer.headers["Cache-Control"]
    assert CLIENT_SECRET.encode() not in begun.content
