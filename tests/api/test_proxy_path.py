"""Where a call through the hub goes: below the provider's API, as it was judged, and nowhere else."""

from urllib.parse import quote, unquote_to_bytes, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.providers import ApiUrlRefused, target
from tests.api.calls import Calls
from tests.fakes.upstream import FakeUpstream

PREFIX = "/sandbox/api"


def refused(response: object, code: str = "path_refused") -> None:
    assert (response.status_code, response.json()["code"]) == (400, code), response  # type: ignore[attr-defined]


@pytest.mark.requirement(113)
@pytest.mark.requirement(114)
@pytest.mark.parametrize(
    "path",
    [
        "../oauth/token/",
        "a/../../../oauth/token/",
        "%2e%2e/oauth/token/",
        "%2E./oauth/token/",
        "a/%252e%252e/%252e%252e/oauth",
        "a/%25252e%25252e/oauth",
        "..%252foauth",
        "..%5coauth",
        "\\evil.example",
        "a%5cb",
        "a%255cb",
        "/evil.example/",
        "a//b",
        "%2f/evil.example",
        "https://evil.example/",
        "http:%2f%2fevil.example/",
        "a/..;x/oauth",
        "a/.;/oauth",
        "a%09b",
        "a%0d",
        "a%250d%250aX-Evil: 1",
        "\uff0e\uff0e/oauth",
        "\u2025/oauth",
        "a\uff0f..\uff0foauth",
        "%c0%ae%c0%ae/oauth",
        "%c0%afoauth",
        "%ff",
        "a%E2%80%8Bb",
        "%20..%20/oauth",
    ],
)
def test_path_that_could_lead_elsewhere_is_refused(calls: Calls, path: str) -> None:
    refused(calls.send(path))
    assert not calls.upstream.arrived


@pytest.mark.requirement(114)
@pytest.mark.parametrize("path", ["a%00b", "a?b=%00"])
def test_nul_is_refused_in_path_and_query(calls: Calls, path: str) -> None:
    refused(calls.send(path), "request_malformed")
    assert not calls.upstream.arrived


@pytest.mark.requirement(114)
@pytest.mark.parametrize(
    ("path", "arrives"),
    [
        ("notes", "/notes"),
        ("", "/"),
        ("?a=b", "/?a=b"),
        ("notes/", "/notes/"),
        ("notes/a%20b", "/notes/a%20b"),
        ("notes/%C3%BC", "/notes/%C3%BC"),
        ("notes/a;b=c,d", "/notes/a;b=c,d"),
        ("users/@me", "/users/@me"),
        ("@evil.example/", "/@evil.example/"),
        (":80@evil.example/", "/:80@evil.example/"),
        ("calendars/a%23b%3Fc@x", "/calendars/a%23b%3Fc@x"),
        ("notes/100%25", "/notes/100%25"),
        ("notes/%2541", "/notes/%2541"),
        ("projects/group%252Fname", "/projects/group%2Fname"),
        ("me/drive/root:/a.txt:/content", "/me/drive/root:/a.txt:/content"),
        ("notes/...", "/notes/..."),
        ("notes/%7Btoken%7D", "/notes/%7Btoken%7D"),
        (
            "notes?q=%2e%2e/..&u=https://evil.example/%3f&r=[1]&%7Bx%7D",
            "/notes?q=%2e%2e/..&u=https://evil.example/%3f&r=[1]&%7Bx%7D",
        ),
        ("notes?a={token}&b=\u00fc", "/notes?a=%7Btoken%7D&b=%C3%BC"),
    ],
)
def test_path_and_query_arrive_as_they_were_judged(calls: Calls, path: str, arrives: str) -> None:
    assert calls.send(path).status_code == 200
    assert [request.target for request in calls.upstream.arrived] == [PREFIX + arrives]


@pytest.mark.requirement(114)
@pytest.mark.parametrize(("query", "method"), [("", "GET"), ("?a=b", "POST")])
def test_address_of_the_api_itself_is_called_without_a_slash_too(calls: Calls, query: str, method: str) -> None:
    headers = {"Authorization": f"Bearer {calls.token}"}
    response = calls.client.generic(method, calls.base.removesuffix("/") + query, headers=headers)
    assert (response.status_code, response["Hub-Answer"]) == (200, "upstream")
    assert [(request.method, request.target) for request in calls.upstream.arrived] == [(method, PREFIX + query)]


@pytest.mark.requirement(113)
def test_no_header_and_no_parameter_names_another_host(calls: Calls, elsewhere: FakeUpstream) -> None:
    other = urlsplit(elsewhere.origin).netloc
    headers = dict.fromkeys(
        ("X-Forwarded-Host", "Forwarded", "X-Original-URL", "X-Rewrite-URL", "Base-Url-Override"), other
    )
    response = calls.send(f"notes?base_url={quote(elsewhere.origin)}", headers=headers)
    assert response.status_code == 200
    (request,) = calls.upstream.arrived
    assert request.all("Host") == [urlsplit(calls.upstream.origin).netloc]
    assert not elsewhere.arrived


@pytest.mark.requirement(113)
def test_connection_whose_api_is_elsewhere_is_not_called(calls: Calls, elsewhere: FakeUpstream) -> None:
    registration = calls.connection.registration
    registration.provider = "salesforce"
    registration.variables = {"login_host": "login.salesforce.com"}
    registration.save()
    calls.connection.provider_data = {"instance_url": elsewhere.origin}
    calls.connection.save()
    response = calls.send("services/data/")
    assert response.status_code == 502
    assert "destination_refused" in response.content.decode()
    assert not elsewhere.arrived


@pytest.mark.requirement(101)
@pytest.mark.parametrize("query", ["access_token=x", "a=1&ACCESS_TOKEN=x", "a=1;access%5Ftoken=x", "oauth_token=x"])
def test_token_in_the_query_is_refused(calls: Calls, query: str) -> None:
    refused(calls.send(f"notes?{query}"))
    assert not calls.upstream.arrived


@pytest.mark.requirement(119)
def test_what_is_called_does_not_hang_on_query_or_headers(calls: Calls) -> None:
    response = calls.send(
        "notes?x=/api/v1/connections/1/proxy/evil",
        headers={"X-Forwarded-Uri": "/evil", "X-Original-Uri": "/evil", "X-HTTP-Method-Override": "DELETE"},
    )
    assert response.status_code == 200
    (request,) = calls.upstream.arrived
    assert (request.method, request.target) == ("GET", f"{PREFIX}/notes?x=/api/v1/connections/1/proxy/evil")
    assert request.names.isdisjoint(("x-forwarded-uri", "x-original-uri", "x-http-method-override"))


@pytest.mark.requirement(114)
@given(st.one_of(st.binary(max_size=40), st.text(alphabet="/.%25eE2fFcC5;\\@:~a ", max_size=24).map(str.encode)))
def test_whatever_is_not_refused_has_the_segments_that_were_asked_for(path: bytes) -> None:
    try:
        found = target.read(b"/" + path)
    except ApiUrlRefused:
        return
    segments = found.path.split("/")[1:]
    assert found.path.isascii()
    assert [unquote_to_bytes(segment.replace("%2F", "%252F")).replace(b"%2f", b"%2F") for segment in segments] == [
        segment.replace(b"%2f", b"%2F") for segment in path.split(b"/")
    ]
    assert not {b".", b".."} & {unquote_to_bytes(segment) for segment in segments}
