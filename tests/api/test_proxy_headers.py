"""What of a call and of its answer goes through the hub, and what ends there."""

import pytest

from integrations.models import Connection
from tests.api.calls import ACCESS_TOKEN, Calls
from tests.fakes.upstream import FakeUpstream, answer_of

OURS = {"host", "authorization", "user-agent", "accept-encoding", "content-type"}


@pytest.mark.requirement(117)
@pytest.mark.parametrize(
    "name",
    [
        *("Cookie", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-User"),
        *("X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP", "X-Original-URL", "X-Remote-User"),
        *("Remote-User", "X-Auth-Request-Email", "Proxy-Authorization", "Proxy-Connection", "Origin", "Referer"),
        *("Sec-Fetch-Site", "X-HTTP-Method-Override", "X-Method-Override", "Hub-Anything", "traceparent"),
        *(
            "Proxy",
            "Upgrade",
            "HTTP2-Settings",
            "Expect",
            "TE",
            "Trailer",
            "Keep-Alive",
            "Via",
            "Max-Forwards",
            "X_Forwarded_User",
            "X_Real_IP",
        ),
    ],
)
def test_header_that_speaks_of_the_way_here_does_not_go_on(calls: Calls, name: str) -> None:
    key = f"HTTP_{name.upper().replace('-', '_')}"
    assert calls.send(environment={key: "canary"}).status_code == 200
    (request,) = calls.upstream.arrived
    assert request.names <= OURS, request.headers
    assert all("canary" not in value for _, value in request.headers)


@pytest.mark.requirement(117)
def test_environment_of_the_server_does_not_go_on(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_X_INTERNAL", "canary")
    sent = {"HTTP_X_INTERNAL": "canary", "HTTP_CONTENT_TYPE": "text/html", "HTTP_X_GOES_ON": "1"}
    assert calls.send(method="POST", body=b"{}", environment=sent).status_code == 200
    (request,) = calls.upstream.arrived
    assert (request.names - OURS, request.all("Content-Type")) == (
        {"x-goes-on", "content-length"},
        ["application/json"],
    )


@pytest.mark.requirement(117)
def test_token_is_the_connections_whatever_was_sent(calls: Calls) -> None:
    calls.client.cookies["hub_test_session"] = "a-session"
    assert calls.send().status_code == 200
    (request,) = calls.upstream.arrived
    assert request.all("Authorization") == [f"Bearer {ACCESS_TOKEN}"]
    assert calls.token not in str(request.headers)
    assert "a-session" not in str(request.headers)


@pytest.mark.requirement(116)
def test_what_belongs_to_one_connection_goes_no_further_up(calls: Calls) -> None:
    headers = {"Connection": "keep-alive, X-Only-Here, authorization", "X-Only-Here": "1", "X-Goes-On": "2"}
    assert calls.send(headers=headers).status_code == 200
    (request,) = calls.upstream.arrived
    assert request.names - OURS == {"x-goes-on"}
    assert request.all("Authorization") == [f"Bearer {ACCESS_TOKEN}"]


@pytest.mark.requirement(116)
def test_what_belongs_to_one_connection_goes_no_further_down(calls: Calls) -> None:
    calls.upstream.answer(
        answer_of(
            b"{}",
            Connection="close, X-Only-There",
            X_Only_There="1",
            Keep_Alive="timeout=5",
            Proxy_Authenticate="Basic",
            Trailer="X-T",
            Upgrade="h2c",
            X_Goes_On="2",
        )
    )
    response = calls.send()
    names = {name.lower() for name in response.headers}
    assert names.isdisjoint(("connection", "x-only-there", "keep-alive", "proxy-authenticate", "trailer", "upgrade"))
    assert response["X-Goes-On"] == "2"


@pytest.mark.requirement(117)
@pytest.mark.requirement(120)
def test_nothing_of_an_answer_acts_on_the_hubs_origin(calls: Calls) -> None:
    acting = {
        "Set_Cookie": "hub_test_session=theirs; Path=/",
        "Strict_Transport_Security": "max-age=0",
        "Access_Control_Allow_Origin": "*",
        "Access_Control_Allow_Credentials": "true",
        "Content_Security_Policy": "default-src *",
        "Clear_Site_Data": '"*"',
        "Refresh": "0; url=https://evil.example/",
        "X_Accel_Redirect": "/etc/passwd",
        "X_Sendfile": "/etc/passwd",
        "Service_Worker_Allowed": "/",
        "Alt_Svc": 'h2="evil.example:443"',
        "Content_Disposition": "inline",
        "Cache_Control": "public, max-age=31536000",
        "Hub_Answer": "hub",
    }
    calls.upstream.answer(answer_of(b"<script>alert(1)</script>", Content_Type="text/html", **acting))

    response = calls.send()

    assert response.content == b"<script>alert(1)</script>"
    kept = {name: response.headers.get(name.replace("_", "-")) for name in acting}
    assert {name: value for name, value in kept.items() if value == acting[name]} == {}
    assert response["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"] == "attachment"
    assert response["Cache-Control"] == "private, no-store"
    assert response["Hub-Answer"] == "upstream"
    assert not response.cookies


@pytest.mark.requirement(120)
def test_answer_without_a_type_is_taken_for_none_that_a_browser_shows(calls: Calls) -> None:
    calls.upstream.answer(answer_of(b"<script>"))
    assert calls.send()["Content-Type"] == "application/octet-stream"


@pytest.mark.requirement(115)
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_redirect_is_told_and_not_followed(calls: Calls, elsewhere: FakeUpstream, status: str) -> None:
    calls.upstream.answer(answer_of(status=status, Location=f"{elsewhere.origin}/take"))
    response = calls.send()
    assert (response.status_code, response["Location"]) == (int(status[:3]), f"{elsewhere.origin}/take")
    assert not elsewhere.arrived
    assert len(calls.upstream.arrived) == 1


@pytest.mark.requirement(115)
def test_where_an_answer_points_is_not_taken_for_a_place_at_the_hub(calls: Calls) -> None:
    calls.upstream.answer(answer_of(status="201 Created", Location="/sandbox/api/notes/7"))
    assert calls.send(method="POST", body=b"{}")["Location"] == f"{calls.upstream.origin}/sandbox/api/notes/7"


def test_what_a_provider_asks_of_the_hub_is_not_asked_of_the_caller(calls: Calls) -> None:
    calls.upstream.answer(answer_of(status="403 Forbidden", WWW_Authenticate='Bearer error="insufficient_scope"'))
    response = calls.send()
    assert "WWW-Authenticate" not in response.headers
    assert response["Hub-Upstream-WWW-Authenticate"] == 'Bearer error="insufficient_scope"'


@pytest.mark.requirement(98)
def test_header_that_repeats_the_token_is_left_out(calls: Calls) -> None:
    calls.upstream.answer(answer_of(b"{}", X_Echo=f"Bearer {ACCESS_TOKEN}", Location=f"/?t={ACCESS_TOKEN}"))
    assert ACCESS_TOKEN not in str(calls.send().headers)


def test_what_is_left_of_a_providers_quota_is_not_told_as_the_hubs(calls: Calls) -> None:
    calls.upstream.answer(answer_of(b"{}", RateLimit='"theirs";r=1;t=2', RateLimit_Policy='"theirs";q=3;w=4'))
    response = calls.send()
    assert (response["RateLimit"], response["RateLimit-Policy"]) == ('"theirs";r=1;t=2', '"theirs";q=3;w=4')
    calls.upstream.answer(answer_of(b"{}"))
    assert {"RateLimit", "RateLimit-Policy"}.isdisjoint(calls.send().headers)


def test_pause_that_a_provider_wants_is_passed_on(calls: Calls) -> None:
    calls.upstream.answer(answer_of(b"{}", status="429 Too Many", Retry_After="17", X_RateLimit_Remaining="0"))
    response = calls.send()
    assert (response.status_code, response["Retry-After"], response["Hub-Answer"]) == (429, "17", "upstream")
    assert response["X-RateLimit-Remaining"] == "0"


def test_what_a_caller_says_of_its_call_goes_on(calls: Calls) -> None:
    given = {
        "Accept": "application/vnd.x+json",
        "If-None-Match": '"1"',
        "Idempotency-Key": "abc",
        "Notion-Version": "2022-06-28",
        "User-Agent": "my-program/1",
        "Range": "bytes=0-9",
        "Content-Type": "text/plain",
    }
    assert calls.send(method="PUT", body=b"hello", headers=given).status_code == 200
    (request,) = calls.upstream.arrived
    assert {name: request.all(name) for name in given} == {name: [value] for name, value in given.items()}
    assert request.body == b"hello"


@pytest.mark.requirement(118)
@pytest.mark.parametrize(
    ("environment", "status", "code"),
    [
        ({"HTTP_TRANSFER_ENCODING": "chunked"}, 400, "framing_refused"),
        ({"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}, 411, "length_required"),
        ({"SERVER_PROTOCOL": "HTTP/2", "CONTENT_LENGTH": ""}, 411, "length_required"),
        ({"HTTP_TRANSFER_ENCODING": "xchunked", "CONTENT_LENGTH": ""}, 411, "length_required"),
        ({"CONTENT_LENGTH": "3, 3"}, 400, "framing_refused"),
        ({"CONTENT_LENGTH": "+3"}, 400, "framing_refused"),
        ({"CONTENT_LENGTH": "-3"}, 400, "framing_refused"),
        ({"CONTENT_LENGTH": "٣"}, 400, "framing_refused"),
    ],
)
def test_body_whose_end_is_told_in_two_ways_is_refused(
    calls: Calls, environment: dict[str, str], status: int, code: str
) -> None:
    response = calls.send(method="POST", body=b"abc", environment=environment)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert not calls.upstream.arrived


@pytest.mark.requirement(118)
def test_body_is_framed_anew(calls: Calls) -> None:
    calls.send(method="POST", body=b"abc", environment={"HTTP_CONTENT_LENGTH": "1"})
    (request,) = calls.upstream.arrived
    assert (request.all("Content-Length"), request.all("Transfer-Encoding"), request.body) == (["3"], [], b"abc")


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND"])
def test_method_that_is_not_passed_on(calls: Calls, method: str) -> None:
    assert calls.send(method=method).status_code == 405
    assert not calls.upstream.arrived


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def test_method_that_is_passed_on(calls: Calls, method: str) -> None:
    calls.upstream.answer(answer_of(b"" if method == "HEAD" else b"{}", X_Seen="1"))
    response = calls.send(method=method)
    assert (response.status_code, response["X-Seen"]) == (200, "1")
    assert calls.upstream.arrived[0].method == method
    assert Connection.objects.get().events.filter(kind="used").count() == 1
