"""What only shows after something was done or went wrong is translated too: the walk through the pages passes it by."""

import csv
import io
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from integrations.mail.letter import LISTED_AT_MOST
from integrations.models import Connection, Event, Preferences
from integrations.web.answers import meaning
from integrations.web.errors import BY_CODE
from integrations.web.timeline import why_failed
from integrations.web.use_history import will_fail
from tests.factories import make_event
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.registration import register_sandbox
from tests.fakes.wire import Outgoing
from tests.mail.posting import added, broken, sent
from tests.web.calling import call, prove
from tests.web.person import Person
from tests.words.pseudo import ascii_words, untranslated
from tests.words.reading import ACCOUNT, NAME, german, words_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_wide_letters")]
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"
TOO_DEEP = "[" * 60 + "]" * 60


@pytest.fixture
def server() -> Iterator[FakeAuthorizationServer]:
    with FakeAuthorizationServer() as server:
        yield server


@pytest.fixture
def at_work(person: User, server: FakeAuthorizationServer) -> Person:
    """Somebody with a provider that answers."""
    register_sandbox(server)
    server.add_account("7")
    client = german()
    client.force_login(person)
    working = Person(user=person, client=client, server=server)
    prove(working)
    return working


def test_why_something_failed(connections: list[Connection], reader: Client) -> None:
    for code in (*BY_CODE, "server_error", "response_too_large", "☂", ""):
        assert ascii_words(why_failed(code, provider="Sandbox")) == []
        for kind in (Event.Kind.REFRESH_FAILED, Event.Kind.CONNECT_FAILED, Event.Kind.NEEDS_REAUTHORIZATION):
            make_event(connection=connections[0], kind=kind, details={"code": code})
        for path in ("/activity/", f"/connections/{connections[0].uuid}/"):
            assert (code, words_of(reader.get(path))) == (code, [])


@pytest.mark.parametrize("status", [*range(200, 206), 304, 302, *range(400, 430), 500, 503, 600])
def test_what_an_answer_means(status: int) -> None:
    assert ascii_words(meaning(status, provider="№").replace("JSON", "")) == []


def test_the_file_of_the_activity(reader: Client, connections: list[Connection]) -> None:
    """All but the machine's columns: the kind's code and the connection's identity."""
    file = b"".join(reader.get("/activity/export.csv").streaming_content).decode()  # type: ignore[attr-defined]

    head, *rows = csv.reader(io.StringIO(file.lstrip("\ufeff")))
    words = [cell for row in rows for number, cell in enumerate(row) if number not in (0, 1, 6)]
    assert rows
    assert [found for cell in [*head, *words] for found in ascii_words(cell)] == []


@pytest.mark.parametrize("count", [1, 2, LISTED_AT_MOST + 1, LISTED_AT_MOST + 2])
def test_the_mail_about_what_needs_a_person(count: int, person: User, settings: Settings) -> None:
    settings.SITE_URL = "https://hub.example"
    for number in range(count):
        broken(person, account_label=ACCOUNT, subject=f"№{number}")

    assert words_of_the_mail(person) == []


@pytest.mark.parametrize(("ip", "user_agent"), [("203.0.113.9", "☂"), ("203.0.113.9", ""), ("", ""), ("::1", FIREFOX)])
def test_the_mail_about_what_was_added(ip: str, user_agent: str, person: User, settings: Settings) -> None:
    settings.SITE_URL = "https://hub.example"
    added(person, ip=ip, user_agent=user_agent, account_label=ACCOUNT)

    assert [word for word in words_of_the_mail(person) if not word.startswith(("Firefox", "Linux"))] == []


def words_of_the_mail(person: User) -> list[str]:
    """Words in the subject, the text and the HTML of the one mail that is due."""
    Preferences.objects.create(user=person, language="de")
    assert sent().sent == 1
    (message,) = mail.outbox
    assert isinstance(message, EmailMultiAlternatives)
    ((html, _),) = message.alternatives
    texts = (str(message.subject), str(message.body))
    return [*(word for text in texts for word in ascii_words(text)), *untranslated(str(html))]


def test_who_uses_a_connection_and_will_miss_it(connections: list[Connection]) -> None:
    said = will_fail(connections[0], owner=NAME, today=timezone.now().date())

    assert len(said) > 3
    assert [word for sentence in said for word in ascii_words(sentence)] == []


def behave(at_work: Person, behaviour: Behaviour | None, answer: Outgoing | None) -> None:
    if behaviour:
        at_work.server.misbehave("api", behaviour, times=None, **({"answer": answer} if answer else {}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("behaviour", "answer"),
    [
        (None, None),
        (Behaviour.INSUFFICIENT_SCOPE, None),
        (Behaviour.DROP_BEFORE_PROCESSING, None),
        (Behaviour.AS_GIVEN, Outgoing(status=500, headers={"Content-Type": "text/html"}, body=b"no")),
        (Behaviour.AS_GIVEN, Outgoing(status=302, headers={"Content-Type": "image/png"}, body=b"\x89PNG")),
        (Behaviour.AS_GIVEN, Outgoing(status=204, headers={}, body=b"")),
        (Behaviour.AS_GIVEN, Outgoing(status=200, headers={"Content-Type": "text/plain"}, body=b"x" * 3_000_000)),
    ],
)
def test_the_answers_in_the_console(at_work: Person, behaviour: Behaviour | None, answer: Outgoing | None) -> None:
    connection = at_work.connect("notes.read", "notes.write", account="7")
    behave(at_work, behaviour, answer)

    for method, feature in (("GET", "notes.read"), ("POST", "notes.write")):
        assert words_of(call(at_work, connection, method=method, feature=feature)) == []


@pytest.mark.parametrize("form", [{"path": ""}, {"path": "x"}, {"path": "/é"}, {"path": "https://☂/"}, {"body": "x"}])
def test_what_is_wrong_in_the_console(at_work: Person, form: dict[str, str]) -> None:
    connection = at_work.connect("notes.read", account="7")

    assert words_of(call(at_work, connection, **{"method": "POST", "body": TOO_DEEP, **form})) == []


def test_what_keeps_the_console_from_calling(at_work: Person) -> None:
    connection = at_work.connect(account="7")
    assert words_of(call(at_work, connection, feature="notes.read")) == []
    Connection.objects.update(status=Connection.Status.NEEDS_REAUTHORIZATION, refresh_due_at=None)

    assert words_of(call(at_work, connection)) == []


@pytest.mark.parametrize("scope", ["profile", "profile notes:read notes:write", "profile notes:read x"])
def test_what_was_granted(at_work: Person, scope: str) -> None:
    arrived = at_work.come_back(at_work.begin("notes.read"), account="7", scope=scope)

    assert arrived.status_code == 302 or words_of(arrived) == []
    assert words_of(at_work.client.get(arrived.headers.get("Location", "/connections/"), follow=True)) == []


def test_leaving(reader: Client, person: User, connections: list[Connection]) -> None:
    type(person).objects.update(is_staff=True, is_superuser=True)
    assert words_of(reader.get("/settings/delete/")) == []
    type(person).objects.update(is_superuser=False)
    assert words_of(reader.get("/settings/delete/")) == []

    assert words_of(reader.post("/settings/delete/", {"username": "☂"})) == []
    assert words_of(reader.post("/connections/disconnect-all/", {"confirmed": "yes"}, follow=True)) == []
    assert words_of(reader.get("/connections/disconnect-all/")) == []
    assert words_of(reader.post("/settings/delete/", {"username": NAME}, follow=True)) == []
