"""What a call brings back: bounded in size and time, without redirects, and without the token."""

import gzip
import html
import json
import socket
import threading
from urllib.parse import quote

import pytest
from pytest_django import Settings

from integrations.flows.answer import LIMIT_BYTES, without
from integrations.models import ClientRegistration
from integrations.oauth.errors import OAuthError, ProviderUnavailable
from tests.canaries import leaks
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.flows.calling import answer_with, ask
from tests.flows.journey import Journey, stored_tokens
from tests.oauth.loopback import Loopback, drip, raw, silence


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


SECRET = "tok/en+1=%41&\"\\'~"


@pytest.mark.requirement(98, 102)
@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET)[1:-1].replace("/", "\\/"),
        "".join(f"\\u{ord(character):04x}" for character in SECRET),
        "".join(f"\\u{ord(character):04X}" for character in SECRET),
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower(),
        html.escape(SECRET),
        "".join(f"&#{ord(character)};" for character in SECRET),
        "".join(f"&#x{ord(character):X};" for character in SECRET),
    ],
)
def test_a_token_is_left_out_however_it_is_escaped(written: str) -> None:
    text = f"\u00e9 100% \\n &x; {written}, {written}"

    assert without(text, SECRET) == "\u00e9 100% \\n &x; [access token], [access token]"


def test_what_is_no_token_stays_as_it_was_sent() -> None:
    text = "%41 \\u0041 &#65; &amp; \\/ % \\u00 &#; &#0; &#999; \x00\xff\n\\"

    assert without(text, SECRET) == text
