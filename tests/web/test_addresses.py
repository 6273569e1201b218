"""`next` leads to pages of this site, or nowhere."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.web.addresses import origin_of, safe_path, with_next
from tests.web.person import Person, authorization_url, new_person

HOSTILE = [
    "",
    "evil",
    "//",
    "//?evil",
    "//#evil",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/\\/evil.example",
    "//evil.example/\\@testserver/",
    "/\tevil.example",
    "/\t/evil.example",
    "/%09/evil.example",
    "/%09//evil.example",
    "/%0a/evil.example",
    "/%0d%0aLocation:%20https://evil.example",
    "/%2f/evil.example",
    "/%2fevil.example",
    "/%5cevil.example",
    "/%5c%5cevil.example",
    "/connections/%0d%0aSet-Cookie:a=b",
    "/connections/%0a?a=b",
    "/connections/\r\nLocation: https://evil.example",
    "\r\n//evil.example",
    " //evil.example",
    "\u00a0//evil.example",
    "\u202e//evil.example",
    "/\u2028/evil.example",
    "/\x00/evil.example",
    "https://evil.example",
    "https:evil.example",
    "https:/evil.example",
    "HTTPS:\\\\evil.example",
    "http:///evil.example",
    "http://testserver@evil.example/",
    "https://user:password@testserver/",
    "http://testserver/connections/",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "/javascript:alert(1)\x0b",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "blob:https://evil.example/1",
    ".evil.example",
    "@evil.example",
    "?next=//evil.example",
    "#//evil.example",
    "/" + "a" * 2000,
]
OURS = ["/", "/connections/", "/connections/new/?a=b&c=%20d", "/reports/2026/#july", "/a/%C3%BC/", "/a/?state=b%0d%0Ac"]


@pytest.mark.requirement(128)
@pytest.mark.parametrize("value", HOSTILE)
def test_an_address_that_may_lead_elsewhere_counts_as_none(value: str) -> None:
    assert safe_path(value) == ""


@pytest.mark.parametrize("value", OURS)
def test_a_path_of_ours_is_kept(value: str) -> None:
    assert safe_path(value) == value


@pytest.mark.requirement(128)
@given(st.text(alphabet="/\\:@%?#.evil09afd\t\r\n\x00ａ", max_size=20))
def test_whatever_passes_begins_with_one_slash(value: str) -> None:
    passed = safe_path(value)

    assert passed == "" or (passed == value and passed[0] == "/" and passed[1:2] not in ("/", "\\"))


@pytest.mark.requirement(128)
@pytest.mark.parametrize("value", [value for value in HOSTILE[1:] if "\x00" not in value])
def test_after_connecting_nobody_is_sent_elsewhere(person: Person, value: str) -> None:
    response = person.come_back(person.begin(next=value))

    assert response.headers["Location"] == person.page(person.user.connections.get(), "connected")


@pytest.mark.requirement(128)
@pytest.mark.parametrize("value", ["//evil.example", "/\\evil.example", "https:evil.example", "javascript:alert(1)"])
def test_no_page_hands_a_hostile_address_on(person: Person, value: str) -> None:
    connection = person.connect("notes.read")
    query = {"provider": "sandbox", "feature": "notes.read", "next": value}
    pages = [
        person.get(f"/connections/consent/?{urlencode(query)}"),
        person.get(f"/connections/new/sandbox/?{urlencode(query)}"),
        person.get(f"/connections/callback/sandbox/?{urlencode({**query, 'return_to': value})}"),
        person.post(person.page(connection, "enable"), features="notes.write", next=value),
        person.post(person.page(connection, "reconnect"), next=value),
        person.post(person.page(connection, "rename"), name="x", next=value),
    ]

    for page in pages:
        assert "evil.example" not in page.content.decode()
        assert "alert(1)" not in page.content.decode()
        assert "evil" not in page.headers.get("Location", "")


@pytest.mark.requirement(128)
@pytest.mark.parametrize("value", ["//evil.example", "/\\evil.example", "https:evil.example", "https://evil.example"])
def test_after_signing_in_nobody_is_sent_elsewhere(person: Person, value: str) -> None:
    newcomer = new_person("newcomer", server=person.server)
    newcomer.client.logout()
    form = {"login": "newcomer", "password": "correct horse battery staple", "next": value}

    response = newcomer.client.post("/accounts/login/", form)

    assert response.status_code == 302
    assert response.headers["Location"] == "/connections/"


def test_an_upgrade_returns_to_where_it_was_asked_for(person: Person) -> None:
    connection = person.connect()
    form = {"features": "notes.read", "next": "/connections/new/"}

    response = person.come_back(authorization_url(person.post(person.page(connection, "enable"), **form)))

    assert response.headers["Location"] == "/connections/new/"


def test_next_is_added_to_an_address() -> None:
    assert with_next("/a/", next_path="/b/?c=d") == "/a/?next=%2Fb%2F%3Fc%3Dd"
    assert with_next("/a/?x=y", next_path="/b/") == "/a/?x=y&next=%2Fb%2F"
    assert with_next("/a/", next_path="") == "/a/"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://a.example:8443/x?y", "https://a.example:8443"),
        ("http://127.0.0.1:1/x", "http://127.0.0.1:1"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("/path", ""),
    ],
)
def test_an_origin_is_of_the_web(url: str, origin: str) -> None:
    assert origin_of(url) == origin


def test_an_address_is_as_long_as_a_header_has_it() -> None:
    assert safe_path("/a?x=" + "\N{GRINNING FACE}" * 600, limit=8000)
    assert not safe_path("/a?x=" + "\N{GRINNING FACE}" * 1000, limit=8000)
