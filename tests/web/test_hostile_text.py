"""Text of providers and people is shown as text: escaped, short, without control characters."""

from urllib.parse import urlencode

import pytest

from integrations.models import Connection, Event
from tests.factories import make_connection, make_event
from tests.web.person import Person, authorization_url

VECTORS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</title><script>alert(1)</script>",
    "javascript:alert(1)//",
    "{{ settings.SECRET_KEY }}{% debug %}",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
]
CONTROLS = "a\u202eb\u2066c\u200fd\x1b[31me\x00f\x7fg\u0085h"
ALLOWED_IN_PAGES = frozenset("\n")


def assert_harmless(body: str, vector: str) -> None:
    """The page has no element or attribute that the vector brought, and no control characters."""
    assert "<script>" not in body
    assert "<img" not in body
    assert "<svg/" not in body
    assert 'href="javascript' not in body
    assert "tests tests" not in body
    assert vector not in body or not set(vector) & set("<>\"'&")
    assert not [c for c in body if (ord(c) < 32 or 0x7F <= ord(c) < 0xA0) and c not in ALLOWED_IN_PAGES]
    assert not set(body) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


def pages_of(person: Person, connection: Connection) -> list[str]:
    names = ("connection", "disconnect")
    paths = ["/connections/", "/connections/new/sandbox/", *(person.page(connection, name) for name in names)]
    paths.append("/connections/consent/?provider=sandbox&feature=notes.write")
    pages = [person.get(path) for path in paths]
    pages.append(person.post(person.page(connection, "try"), feature="notes.read"))
    assert {page.status_code for page in pages} == {200}
    return [page.content.decode() for page in pages]


@pytest.mark.requirement(47)
@pytest.mark.parametrize("vector", [*VECTORS, CONTROLS])
@pytest.mark.parametrize("column", ["account_label", "name", "subject"])
def test_names_of_accounts(person: Person, column: str, vector: str) -> None:
    connection = person.connect("notes.read")
    blank = {} if column == "name" else {"account_label": "", "name": ""}
    Connection.objects.filter(pk=connection.pk).update(**(blank | {column: vector.replace("\x00", "")}))

    for body in pages_of(person, connection):
        assert_harmless(body, vector)


@pytest.mark.requirement(47)
@pytest.mark.parametrize("vector", VECTORS)
def test_a_name_that_comes_from_the_provider(person: Person, vector: str) -> None:
    account = person.server.add_account("eve")
    person.server.conduct.userinfo_claims = {"name": vector, "sub": account.subject}

    connection = person.connect("notes.read", account="eve")

    for body in pages_of(person, connection):
        assert_harmless(body, vector)


@pytest.mark.requirement(47)
@pytest.mark.parametrize("vector", ["<script>alert(1)</script>", '"onmouseover=alert(1)', "\u202eetirw", "{{7*7}}"])
def test_scope_names(person: Person, vector: str) -> None:
    connection = make_connection(
        owner=person.user, registration=person.connect().registration, scope=f"profile {vector}"
    )

    body = person.get(person.page(connection)).content.decode()

    assert_harmless(body, vector)


@pytest.mark.requirement(47)
@pytest.mark.parametrize("vector", [*VECTORS, CONTROLS])
@pytest.mark.parametrize("parameter", ["error", "error_description", "error_uri", "state", "code", "iss"])
def test_the_authorization_response(person: Person, parameter: str, vector: str) -> None:
    begun = authorization_url(person.post("/connections/begin/sandbox/"))
    state = begun.partition("state=")[2].partition("&")[0]
    answer = {"state": state, "iss": f"{person.server.origin}/oauth", "error": "server_error", parameter: vector}

    response = person.get(f"/connections/callback/sandbox/?{urlencode(answer)}")

    assert response.status_code >= 400
    assert "Location" not in response.headers
    assert_harmless(response.content.decode(), vector)


@pytest.mark.requirement(47)
def test_what_the_provider_says_is_short_and_named_as_its_words(person: Person) -> None:
    begun = authorization_url(person.post("/connections/begin/sandbox/"))
    state = begun.partition("state=")[2].partition("&")[0]
    answer = {
        "state": state,
        "iss": f"{person.server.origin}/oauth",
        "error": "server_error",
        "error_description": "so sorry " * 500,
    }

    body = person.get(f"/connections/callback/sandbox/?{urlencode(answer)}").content.decode()

    assert "Sandbox says" in body
    assert body.count("so sorry") < 30


@pytest.mark.requirement(47)
@pytest.mark.parametrize("vector", [*VECTORS, "a\u202eb\u2066c\u200fd\x1be"])
def test_the_activity(person: Person, vector: str) -> None:
    connection = person.connect()
    make_event(connection=connection, kind=Event.Kind.REFRESH_FAILED, actor=vector, details={"code": vector})

    assert_harmless(person.get(person.page(connection)).content.decode(), vector)


@pytest.mark.requirement(47)
@pytest.mark.parametrize("vector", VECTORS)
def test_names_people_give(person: Person, vector: str) -> None:
    connection = person.connect()

    person.post(person.page(connection, "rename"), name=vector + "\u202e\x07")

    connection.refresh_from_db()
    assert "\u202e" not in connection.name
    assert_harmless(person.get(person.page(connection)).content.decode(), vector)


@pytest.mark.requirement(47)
@pytest.mark.parametrize("vector", VECTORS)
def test_what_the_api_answers(person: Person, vector: str) -> None:
    person.server.add_account(vector)
    connection = person.connect("notes.read", account=vector)

    body = person.post(person.page(connection, "try"), feature="notes.read").content.decode()

    assert_harmless(body, vector)
    assert "a note of" in body
