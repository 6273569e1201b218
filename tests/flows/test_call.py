"""One call of a provider's API: it goes where the token may go, comes back bounded, and is written down."""

import gzip
import json
import socket
import threading
from collections.abc import Mapping

import pytest
from pytest_django import Settings

from integrations.flows import access
from integrations.flows.access import Answer, Call
from integrations.flows.answer import LIMIT_BYTES
from integrations.flows.errors import ConnectionUnusable, ScopeMissing
from integrations.models import ClientRegistration, Connection, Event
from integrations.oauth.errors import OAuthError, ProviderUnavailable
from tests.canaries import leaks
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.wire import Outgoing
from tests.flows.journey import Journey, fresh, stored_tokens
from tests.oauth.loopback import Loopback, drip, raw, silence

HTML = {"Content-Type": "text/html"}


def ask(
    journey: Journey, connection: Connection, path: str = "/notes", *, method: str = "GET", **more: object
) -> Answer:
    scope = more.pop("scope", ())
    return access.call(
        fresh(connection),
        Call(method=method, path=path, **more),
        scope=scope,  # type: ignore[arg-type]
        clock=journey.clock,
        actor="robin (console)",
    )


def answer_with(journey: Journey, body: bytes = b"", *, status: int = 200, headers: Mapping[str, str] = HTML) -> None:
    answer = Outgoing(status=status, headers=headers, body=body)
    journey.server.misbehave("api", Behaviour.AS_GIVEN, times=None, answer=answer)


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


@pytest.mark.requirement(115, 121)
@pytest.mark.parametrize("place", ["elsewhere", "http://[", "//evil.example/\xff", "/sandbox/api/notes"])
def test_a_redirect_is_handed_back_unread(
    journey: Journey, second_provider_server: FakeAuthorizationServer, place: str
) -> None:
    connection = journey.connect("notes.read")
    location = f"{second_provider_server.origin}/api/notes" if place == "elsewhere" else place
    answer_with(journey, b"x" * 10_000_000, status=302, headers={"Location": location})

    answer = ask(journey, connection)

    assert answer.status == 302
    assert answer.headers["location"]
    assert len(answer.body) == LIMIT_BYTES
    assert len(journey.server.requests("api")) == 1
    assert not second_provider_server.requests()


@pytest.mark.requirement(121)
def test_no_more_is_read_than_is_shown(journey: Journey) -> None:
    connection = journey.connect("notes.read")
    answer_with(journey, b"x" * LIMIT_BYTES)
    assert ask(journey, connection).is_whole

    answer_with(journey, b"x" * 10_000_000)
    journey.server.behave("api")
    answer_with(journey, b"x" * 10_000_000)
    answer = ask(journey, connection)

    assert (len(answer.body), answer.is_whole) == (LIMIT_BYTES, False)


@pytest.mark.requirement(121)
def test_an_answer_without_end_is_left_where_it_is_long_enough(journey: Journey, settings: Settings) -> None:
    connection = journey.connect("notes.read")
    settings.HUB_HTTP_DEADLINE_SECONDS = 2

    def endless(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 4 * LIMIT_BYTES)
        stop.wait()

    with Loopback(endless) as api:
        ClientRegistration.objects.update(variables={"origin": f"http://127.0.0.1:{api.port}"})

        assert len(ask(journey, connection).body) == LIMIT_BYTES


@pytest.mark.requirement(98)
def test_a_token_that_lies_across_the_limit_is_left_out_whole(journey: Journey) -> None:
    connection = journey.connect("notes.read")
    token = stored_tokens(connection).access_token.encode()
    pieces = (b"x" * (LIMIT_BYTES - 10), token[:15], token[15:], b"")
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    with Loopback(raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)) as api:
        ClientRegistration.objects.update(variables={"origin": f"http://127.0.0.1:{api.port}"})

        answer = ask(journey, connection)

    assert token[:8] not in answer.body
    assert answer.body.endswith(b"x[access to")


@pytest.mark.requirement(121)
def test_what_unfolds_is_not_unfolded_further_than_it_is_shown(journey: Journey) -> None:
    connection = journey.connect("notes.read")
    answer_with(journey, gzip.compress(bytes(50_000_000)), headers={"Content-Encoding": "gzip"})

    answer = ask(journey, connection)

    assert (len(answer.body), answer.is_whole) == (LIMIT_BYTES, False)


@pytest.mark.requirement(121)
@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (drip(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"), "timeout"),
        (drip(b"HTTP/1.1 200 OK\r\nX-Slow: "), "timeout"),
        (silence, "timeout"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), "connection_lost"),
        (raw(b"nonsense"), "connection_lost"),
    ],
    ids=["drip", "drip in the head", "silence", "broken off", "nonsense"],
)
def test_a_call_ends_at_the_deadline_and_says_why(
    journey: Journey, settings: Settings, behaviour: object, code: str
) -> None:
    connection = journey.connect("notes.read")
    settings.HUB_HTTP_DEADLINE_SECONDS = 1
    with Loopback(behaviour) as api:  # type: ignore[arg-type]
        ClientRegistration.objects.update(variables={"origin": f"http://127.0.0.1:{api.port}"})

        with pytest.raises(ProviderUnavailable) as late:
            ask(journey, connection)

        assert late.value.code == code
        assert api.connections == 1


def test_nobody_listens(journey: Journey) -> None:
    connection = journey.connect("notes.read")
    ClientRegistration.objects.update(variables={"origin": "http://127.0.0.1:9"})

    with pytest.raises(OAuthError) as error:
        ask(journey, connection)

    assert error.value.code == "connection_failed"


@pytest.mark.requirement(98, 102)
@pytest.mark.parametrize("before", [b"", b"x" * (LIMIT_BYTES - 10)])
def test_a_provider_that_repeats_the_token_does_not_get_it_shown(journey: Journey, before: bytes) -> None:
    connection = journey.connect("notes.read")
    token = stored_tokens(connection).access_token
    answer_with(journey, before + token.encode(), headers={"Location": f"/?t={token}", "X-Request-Id": token})

    answer = ask(journey, connection)

    assert leaks(answer.body, [token]) == []
    assert token[:10].encode() not in answer.body
    assert leaks(str(dict(answer.headers)), [token]) == []
    assert answer.headers["x-request-id"] == "[access token]"


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
