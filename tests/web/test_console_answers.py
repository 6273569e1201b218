"""A provider's answer is shown as text, whatever it is, and never breaks the page."""

import json
import re

import pytest

from integrations.flows.access import Answer
from integrations.flows.answer import LIMIT_BYTES
from integrations.web.answers import indented, meaning, neutral, shown
from tests.canaries import leaks
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.wire import Outgoing
from tests.flows.journey import stored_tokens
from tests.web.calling import call
from tests.web.person import Person, text_of
from tests.web.test_hostile_text import CONTROLS, VECTORS, assert_harmless

JSON = "application/json"


def answered(person: Person, body: bytes, *, content_type: str = JSON, status: int = 200, **headers: str) -> str:
    """The page that shows this answer."""
    connection = person.connect("notes.read")
    named = {"Content-Type": content_type} | {name.replace("_", "-"): value for name, value in headers.items()}
    answer = Outgoing(status=status, headers={k: v for k, v in named.items() if v}, body=body)
    person.server.misbehave("api", Behaviour.AS_GIVEN, answer=answer)
    response = call(person, connection)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Content-Disposition" not in response.headers
    return response.content.decode()


def raw_text(page: str) -> str:
    found = re.search(r'<pre class="raw-text"[^>]*aria-labelledby="answer"[^>]*>(.*?)</pre>', page, re.DOTALL)
    assert found
    return found[1]


@pytest.mark.requirement(47, 120, 132)
@pytest.mark.parametrize(
    "content_type", ["text/html", "application/xhtml+xml", "image/svg+xml", "text/plain", JSON, ""]
)
@pytest.mark.parametrize("vector", [*VECTORS, CONTROLS, "<iframe src=//evil.example></iframe>", "\u2028\u2029\ufeff"])
def test_no_answer_is_more_than_text(person: Person, content_type: str, vector: str) -> None:
    body = json.dumps([vector], ensure_ascii=False) if content_type == JSON else f"<!doctype html><p>{vector}"

    page = answered(person, body.encode(), content_type=content_type)

    assert_harmless(page, vector)
    assert "<iframe" not in page
    assert page.count("<!doctype html>") == 1


@pytest.mark.requirement(47, 120)
def test_headers_and_type_are_text(person: Person) -> None:
    page = answered(
        person,
        b"{}",
        status=302,
        content_type='text/"><script>alert(1)</script>',
        Location="javascript:alert(1)//\x1b[31m",
        X_Request_Id="<img src=x>",
        Set_Cookie="theirs=1",
        Refresh="0;url=https://evil.example",
    )

    assert_harmless(page, "<img src=x>")
    assert "javascript:alert(1)//[31m" in page
    assert "theirs" not in page
    assert "evil.example" not in page
    assert "points to another address" in page


@pytest.mark.requirement(117)
def test_no_cookie_or_header_of_theirs_comes_down(person: Person) -> None:
    connection = person.connect("notes.read")
    headers = {"Set-Cookie": "theirs=1", "Refresh": "0;url=/", "Access-Control-Allow-Origin": "*", "X-Request-Id": "7"}
    person.server.misbehave("api", Behaviour.AS_GIVEN, answer=Outgoing(headers=headers, body=b"{}"))

    response = call(person, connection)

    assert "theirs" not in str(response.cookies)
    assert not {"Refresh", "Access-Control-Allow-Origin", "X-Request-Id"} & set(response.headers)
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.requirement(98, 102)
def test_no_page_shows_the_token_that_a_provider_repeats(person: Person) -> None:
    connection = person.connect("notes.read")
    tokens = stored_tokens(connection)
    body = json.dumps({"headers": {"Authorization": f"Bearer {tokens.access_token}"}}).encode()
    answer = Outgoing(headers={"Content-Type": JSON, "X-Request-Id": tokens.access_token}, body=body)
    person.server.misbehave("api", Behaviour.AS_GIVEN, answer=answer)

    page = call(person, connection).content.decode()

    assert "Bearer [access token]" in page
    assert leaks(page, [tokens.access_token, tokens.refresh_token or ""]) == []


@pytest.mark.requirement(98, 102)
def test_no_page_puts_a_token_together_that_came_in_escapes(person: Person) -> None:
    connection = person.connect("notes.read")
    token = stored_tokens(connection).access_token
    body = f'{{"sent": "\\u{ord(token[0]):04x}{token[1:]}"}}'.encode()
    answer = Outgoing(headers={"Content-Type": JSON}, body=body)
    person.server.misbehave("api", Behaviour.AS_GIVEN, answer=answer)

    page = call(person, connection).content.decode()

    assert leaks(page, [token]) == []
    assert "sent: [access token]" in page


@pytest.mark.requirement(121)
def test_ten_megabytes_are_cut_and_told(person: Person) -> None:
    page = answered(person, b"<p>" + b"x" * 10_000_000, content_type="text/html")

    assert len(raw_text(page)) < LIMIT_BYTES + 100
    assert "More than 64.0\xa0KB; the rest was not read" in page


@pytest.mark.parametrize("content_type", ["image/png", "application/octet-stream", "application/pdf", ""])
def test_what_is_not_text_is_told_by_type_and_size(person: Person, content_type: str) -> None:
    page = answered(person, b"\x89PNG\x00<script>" * 10, content_type=content_type)

    assert "The answer is not text, so it is not shown." in page
    assert "130\xa0bytes" in page
    assert "PNG\ufffd" not in page and "&lt;script" not in page


@pytest.mark.requirement(121)
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 60_000,
        b"[" * 30_000 + b"]" * 30_000,
        b'{"a":' * 12_000,
        b"9" * 60_000,
        b"[" + b"9" * 60_000 + b"]",
        b"[1e999999999, -1e999999999, NaN]",
        b'"' + b"\\" * 60_000,
        b'"' + b'\\"' * 30_000,
        b"]" * 60_000,
        b'{"a": "\\ud800", "b": "\\u202e"}',
        b"\xff\xfe\x80[]",
        b"\xef\xbb\xbf{}",
        b"{}" * 30_000,
        b" " * 60_000,
        b"",
        b"\x00",
    ],
    ids=range(16),
)
def test_no_json_breaks_the_page(person: Person, body: bytes) -> None:
    page = answered(person, body)

    assert "Sandbox answered <code>200 OK</code>" in page
    assert len(page) < 500_000


def test_a_head_has_nothing_to_show(person: Person) -> None:
    page = text_of(call(person, person.connect("notes.read"), method="HEAD"))

    assert "Sandbox answered 200 OK It worked." in page
    assert "The answer as text" not in page


def test_an_unusual_status_is_told(person: Person) -> None:
    assert "Sandbox answered <code>418" in answered(person, b"short", status=418, content_type="text/plain")


@pytest.mark.parametrize(
    ("text", "laid_out"),
    [
        (
            '{"a":1,"b":[1,{"c":null}],"d":{},"e":[]}',
            '{\n  "a": 1,\n  "b": [\n    1,\n    {\n      "c": null\n    }\n  ],\n  "d": {},\n  "e": []\n}',
        ),
        ("[12345678901234567890.10, 1E5]", "[\n  12345678901234567890.10,\n  1E5\n]"),
        ('["M\\u00fcller, \\"x\\" [", "\\n"]', '[\n  "Müller, \\"x\\" [",\n  "\\n"\n]'),
        ('[{"cut": "of', '[\n  {\n    "cut": "of'),
        ("7", "7"),
        ("", ""),
    ],
)
def test_json_is_laid_out_and_not_computed(text: str, laid_out: str) -> None:
    assert indented(text) == laid_out


def test_what_is_too_deep_or_unbalanced_stays_as_it_is() -> None:
    assert indented("[" * 30) == "[" * 30
    assert indented("]]") == "]]"


@pytest.mark.requirement(132)
def test_what_hides_or_turns_text_becomes_a_visible_mark() -> None:
    assert neutral("a\u202eb\x1b[31mc\r\nd\te\rf\u2028g\u0085") == "a\ufffdb\ufffd[31mc\nd    e\nf\ng\ufffd"


@pytest.mark.parametrize(
    "status", [100, 200, 201, 204, 299, 304, 400, 401, 403, 404, 405, 409, 422, 429, 500, 599, 999]
)
def test_every_status_has_a_meaning(status: int) -> None:
    sentence = meaning(status, provider="Sandbox")
    result = shown(Answer(status=status), milliseconds=1, provider="Sandbox")

    assert sentence.endswith(".") and "%" not in sentence
    assert result.meaning == sentence
