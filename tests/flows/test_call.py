"""One call of a provider's API: it goes where the token may go, and is written down."""

import json

import pytest

from integrations.flows.access import Answer, Call
from integrations.flows.errors import ConnectionUnusable, ScopeMissing
from integrations.models import Event
from integrations.oauth.errors import ProviderUnavailable
from tests.canaries import leaks
from tests.fakes.misbehaviour import Behaviour
from tests.flows.calling import answer_with, ask
from tests.flows.journey import Journey, fresh, stored_tokens


def test_a_call_carries_method_query_and_json(journey: Journey) -> None:
    connection = journey.connect("notes.write")

    answer = ask(journey, connection, "/notes?draft=1&tag=a%20b", method="POST", body={"text": "hé"})

    assert (answer.status, answer.ok, answer.is_whole) == (200, True, True)
    (arrived,) = journey.server.requests("api")
    assert (arrived.method, arrived.path, arrived.query) == (
        "POST",
        "/sandbox/api/notes",
        (("draft", "1"), ("tag", "a b")),
    )
    assert json.loads(arrived.body) == {"text": "hé"}
    assert arrived.headers["content-type"] == "application/json"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def test_every_method_arrives(journey: Journey, method: str) -> None:
    connection = journey.connect("notes.read", "notes.write")

    assert ask(journey, connection, method=method).status == 200

    assert journey.server.requests("api")[-1].method == method


@pytest.mark.requirement(43)
def test_scope_that_the_connection_lacks_stops_a_call(journey: Journey) -> None:
    connection = journey.connect("notes.read")

    with pytest.raises(ScopeMissing):
        ask(journey, connection, method="POST", scope={"notes:write"})

    assert not journey.server.requests("api")
    assert not connection.events.filter(kind=Event.Kind.USED).exists()


@pytest.mark.requirement(77)
def test_a_refused_token_is_renewed_and_the_same_body_sent_once_more(journey: Journey) -> None:
    connection = journey.connect("notes.write")
    journey.server.expire_access_tokens()

    assert ask(journey, connection, method="POST", body={"text": "once"}).status == 200

    first, second = journey.server.requests("api")
    assert first.body == second.body
    assert connection.events.filter(kind=Event.Kind.USED).count() == 1


@pytest.mark.requirement(113, 114)
@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/",
        "https://evil.example/",
        "http://127.0.0.1:9/sandbox/api/notes",
        "/../../oauth/token/",
        "/%2e%2e/notes",
        "/%252e%252e/notes",
        "/a/..;x/notes",
        "/\\evil.example",
        "/%5cevil.example",
        "@evil.example/",
        "/a b",
        "/a\tb",
        "/a\r\nX-Evil: 1",
        "/\uff0e\uff0e/notes",
        "/a#b",
        "/%0d%0aX: 1",
        "/{unknown}/notes",
        "",
    ],
)
def test_a_path_does_not_leave_the_api(journey: Journey, path: str) -> None:
    connection = journey.connect("notes.read")
    journey.server.forget_requests()

    with pytest.raises(ConnectionUnusable, match="destination_refused"):
        ask(journey, connection, path)

    assert not journey.server.requests()
    assert not connection.events.filter(kind=Event.Kind.USED).exists()


@pytest.mark.requirement(101)
def test_the_token_is_in_no_address(journey: Journey) -> None:
    connection = journey.connect("notes.read")
    token = stored_tokens(connection).access_token

    ask(journey, connection, "/notes?page=2")

    (arrived,) = journey.server.requests("api")
    assert leaks(arrived.path + str(arrived.query), [token]) == []


@pytest.mark.requirement(117)
def test_of_the_headers_a_few_come_down_and_cookies_never(journey: Journey) -> None:
    connection = journey.connect("notes.read")
    headers = {
        "Content-Type": "text/plain",
        "Set-Cookie": "session=theirs",
        "Access-Control-Allow-Origin": "*",
        "X-RateLimit-Remaining": "7",
        "RateLimit": "limit=1",
        "Retry-After": "9",
        "X-Request-Id": "r1",
        "Server": "secret/1",
    }
    answer_with(journey, b"x", headers=headers)

    answer = ask(journey, connection)

    assert dict(answer.headers) == {
        "content-type": "text/plain",
        "x-ratelimit-remaining": "7",
        "ratelimit": "limit=1",
        "retry-after": "9",
        "x-request-id": "r1",
    }


def test_each_call_is_an_event_with_method_and_path_and_no_query(journey: Journey) -> None:
    connection = journey.connect("notes.read")

    ask(journey, connection, "/notes?secret=canary")
    ask(journey, connection, "/notes", method="HEAD")

    events = connection.events.filter(kind=Event.Kind.USED).order_by("pk")
    assert [(event.actor, event.details) for event in events] == [
        ("robin (console)", {"method": "GET", "path": "/notes"}),
        ("robin (console)", {"method": "HEAD", "path": "/notes"}),
    ]
    assert fresh(connection).last_used_at == journey.clock()


def test_a_call_without_an_answer_is_written_down_too(journey: Journey) -> None:
    connection = journey.connect("notes.write")
    journey.server.misbehave("api", Behaviour.DROP_AFTER_PROCESSING, times=None)

    with pytest.raises(ProviderUnavailable):
        ask(journey, connection, method="POST", body={"text": "x"})

    assert len(journey.server.requests("api")) == 1
    assert connection.events.filter(kind=Event.Kind.USED).count() == 1


def test_what_is_asked_and_answered_is_in_no_repr() -> None:
    call = Call(method="POST", path="/canary-path", body={"a": "canary-body"})
    answer = Answer(status=200, headers={"location": "canary-header"}, body=b"canary-answer")

    assert leaks(repr(call) + repr(answer), ["canary-path", "canary-body", "canary-header", "canary-answer"]) == []
