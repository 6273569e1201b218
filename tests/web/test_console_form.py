"""What may be typed into the console, and what a link may fill in."""

import ast
from collections.abc import Mapping
from urllib.parse import quote

import pytest

from integrations.models import Event
from tests.web.calling import BODY, call, prove
from tests.web.person import Person, text_of


def test_opening_the_console_asks_nothing(person: Person) -> None:
    connection = person.connect("notes.read")
    person.server.forget_requests()

    page = person.get(person.page(connection, "console") + "?path=/notes%3Fpage=2&feature=notes.read&method=HEAD")

    body = page.content.decode()
    assert 'value="/notes?page=2"' in body
    assert '<option value="HEAD" selected>' in body
    assert '<option value="notes.read" selected>' in body
    assert f"{person.server.origin}/sandbox/api" in body
    assert "session.head(&#x27;/notes?page=2&#x27;)" in body
    assert not person.server.requests()
    assert not connection.events.filter(kind=Event.Kind.USED).exists()


def test_a_link_fills_in_nothing_that_changes_something(person: Person) -> None:
    connection = person.connect("notes.write")

    page = person.get(person.page(connection, "console") + "?method=DELETE&body=canary&path=/notes").content.decode()

    assert '<option value="GET" selected>' in page
    assert "canary" not in page


def test_a_hostile_link_is_text(person: Person) -> None:
    connection = person.connect()

    link = quote('/"><script>alert(1)</script>\u202e')
    page = person.get(f"{person.page(connection, 'console')}?path={link}&feature={link}&method={link}").content.decode()

    assert "<script>" not in page
    assert "\u202e" not in page


@pytest.mark.requirement(113, 114)
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("https://evil.example/notes", "not an address of Sandbox"),
        ("//evil.example/notes", "not an address of Sandbox"),
        ("/../../oauth/token/", "not an address of Sandbox"),
        ("/%252e%252e/x", "not an address of Sandbox"),
        ("/\\evil.example", "not an address of Sandbox"),
        ("/a;/../b", "not an address of Sandbox"),
        ("@evil.example/", "A path begins with a slash."),
        ("/a b", "%20 for a space"),
        ("/ä", "%20 for a space"),
        ("/a\tb", "%20 for a space"),
        ("/" + "a" * 2000, "at most 2000 characters"),
        ("", "Enter a path"),
    ],
)
def test_an_address_elsewhere_is_explained_beside_the_field(person: Person, path: str, words: str) -> None:
    connection = person.connect("notes.read")
    person.server.forget_requests()

    response = call(person, connection, path=path)

    assert response.status_code == 400
    assert words in text_of(response)
    assert 'aria-invalid="true"' in response.content.decode()
    assert not person.server.requests()


def test_a_whole_address_of_the_api_is_taken_as_its_path(person: Person) -> None:
    connection = person.connect("notes.read")

    assert call(person, connection, path=f"{person.server.origin}/sandbox/api/notes").status_code == 200


@pytest.mark.requirement(117, 134)
def test_a_person_sets_no_header_and_no_other_field(person: Person) -> None:
    connection = person.connect("notes.read")
    evil = {"authorization": "Bearer evil", "headers": '{"X-Evil": "1"}', "X-Evil": "1", "url": "http://127.0.0.1:9/"}

    person.client.cookies["evil"] = "1"
    person.client.post(
        person.page(connection, "console"),
        {"method": "GET", "path": "/notes", "feature": "notes.read", "scope": "", **evil},
        headers={"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Host": "evil", "X-Evil": "1"},
    )

    (arrived,) = person.server.requests("api")
    assert not {"cookie", "x-evil", "x-forwarded-for", "x-forwarded-host", "referer", "origin"} & arrived.headers.keys()
    assert "evil" not in str(dict(arrived.headers))
    assert arrived.headers["host"] == person.server.origin.removeprefix("http://")


@pytest.mark.parametrize(
    "form",
    [
        {"method": "TRACE"},
        {"method": "CONNECT"},
        {"method": ""},
        {"feature": "nothing"},
        {"feature": ""},
        {"method": "POST", "body": "{'a': 1}"},
        {"method": "POST", "body": "[1,]"},
        {"method": "POST", "body": "NaN"},
        {"method": "POST", "body": "[Infinity]"},
        {"method": "POST", "body": "1e999"},
        {"method": "POST", "body": "null"},
        {"method": "POST", "body": "[" * 30_000},
        {"method": "POST", "body": "[" * 51 + "]" * 51},
        {"method": "POST", "body": '{"a":' * 30_000 + "1" + "}" * 30_000},
        {"method": "POST", "body": "9" * 5000},
        {"method": "POST", "body": '"' + "a" * 70_000 + '"'},
    ],
    ids=lambda form: str(form)[:40],
)
def test_what_cannot_be_sent_is_explained(person: Person, form: Mapping[str, object]) -> None:
    connection = person.connect("notes.read")
    person.server.forget_requests()

    assert call(person, connection, **form).status_code == 400

    assert not person.server.requests()


@pytest.mark.parametrize("body", ['"\\ud800"', "[" * 50 + "]" * 50, "0", "false", '"text"', "[]", "", "9" * 4000])
def test_any_other_json_is_sent(person: Person, body: str) -> None:
    connection = person.connect("notes.write")
    prove(person)

    response = call(person, connection, method="POST", feature="notes.write", body=body)

    assert response.status_code == 200
    assert person.server.requests("api")[-1].body.decode() == body


def test_the_same_call_in_python_is_a_program(person: Person) -> None:
    connection = person.connect("notes.write")
    prove(person)
    nasty = "/notes?a='+__import__('os').system('x')+'\\\"%0a"

    page = call(person, connection, method="POST", feature="notes.write", path=nasty.replace("\\", ""), body=BODY)

    lines = page.context["python"]  # type: ignore[attr-defined]
    program = ast.parse(lines)
    made = [node for node in ast.walk(program) if isinstance(node, ast.Call)]
    post = next(node for node in made if ast.unparse(node.func) == "session.post")
    assert ast.literal_eval(post.args[0]) == nasty.replace("\\", "")
    assert ast.literal_eval(post.keywords[0].value) == {"text": "hé <b>"}
    assert {ast.unparse(node.func) for node in made} == {"access.require_feature", "access.session", "session.post"}
