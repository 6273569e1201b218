"""A provider's answer is its own: nothing of ours is put in its place, and nothing that follows it is part of it."""

from dataclasses import replace
from typing import Any

import pytest
from oauth2_provider.models import AccessToken
from pytest_django import Settings

from integrations.models import Allowance, Connection
from tests.api.calls import Calls
from tests.fakes.upstream import answer_of

pytestmark = pytest.mark.django_db
FORGED = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nSECRET"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"headers": {"Authorization": ""}}, 401),
        ({"headers": {"Authorization": "Bearer unknown"}}, 401),
        ({"path": "../../../connections"}, 400),
        ({"path": "a%00"}, 400),
        ({"method": "POST", "environment": {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}}, 411),
        ({"method": "POST", "body": b"too large"}, 413),
        ({"method": "PROPFIND"}, 405),
        ({"method": "OPTIONS"}, 204),
        ({"headers": {"Host": "evil.example"}}, 400),
    ],
)
def test_what_the_hub_answers_says_so(calls: Calls, settings: Settings, asked: dict[str, Any], status: int) -> None:
    settings.HUB_PROXY = replace(settings.HUB_PROXY, body_bytes=5)
    response = calls.send(**asked)
    assert (response.status_code, response["Hub-Answer"]) == (status, "hub")
    assert not calls.upstream.arrived


@pytest.mark.parametrize("address", ["/proxy/a", "/proxy"])
def test_an_address_that_is_none_is_answered_by_the_hub(calls: Calls, address: str) -> None:
    authorized = {"Authorization": f"Bearer {calls.token}"}
    for uuid in ("no-uuid", "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"):
        response = calls.client.get(f"/api/v1/connections/{uuid}{address}", headers=authorized)
        assert (response.status_code, response["Hub-Answer"]) == (404, "hub")


def test_a_quota_that_is_spent_is_the_hubs(calls: Calls, settings: Settings) -> None:
    settings.HUB_API_REQUESTS_PER_MINUTE = 0
    response = calls.send()
    assert (response.status_code, response["Hub-Answer"]) == (429, "hub")
    assert response["RateLimit"].startswith('"api";r=0')


def test_a_mistake_of_ours_is_the_hubs(calls: Calls) -> None:
    calls.client.raise_request_exception = False
    # No server hands such a header on.
    response = calls.send(environment={"HTTP_X_ODD": "\u20ac"})
    assert (response.status_code, response["Hub-Answer"]) == (500, "hub")


@pytest.mark.requirement(120)
def test_a_method_that_the_provider_does_not_know_is_its_own_answer(calls: Calls) -> None:
    calls.upstream.answer(answer_of(b"no", status="405 Method Not Allowed", Allow="GET, POST"))
    response = calls.send(method="PUT", body=b"{}")
    assert (response.status_code, response["Hub-Answer"], response["Allow"]) == (405, "upstream", "GET, POST")
    assert b"".join(response) == b"no"


@pytest.mark.requirement(121)
def test_a_head_is_never_sent_again_as_get(calls: Calls) -> None:
    calls.upstream.answer(answer_of(b"", status="405 Method Not Allowed", Allow="GET"))
    calls.send(method="HEAD")
    assert [request.method for request in calls.upstream.arrived] == ["HEAD"]


@pytest.mark.requirement(121)
def test_places_are_given_back_whatever_the_answer(calls: Calls) -> None:
    for _ in range(14):
        calls.upstream.answer(answer_of(b"x" * 100_000, status="405 Method Not Allowed", Allow="GET"))
        response = calls.send(method="DELETE")
        assert (response.status_code, len(b"".join(response))) == (405, 100_000)


@pytest.mark.requirement(118)
@pytest.mark.parametrize(
    "whole",
    [answer_of(b"hello"), b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"],
    ids=["length", "chunks"],
)
def test_what_follows_an_answer_is_no_part_of_it(calls: Calls, whole: bytes) -> None:
    calls.upstream.answer(whole + FORGED)
    response = calls.send()
    assert b"".join(response) == b"hello"
    assert response.headers.get("Content-Length", "5") == "5"


@pytest.mark.requirement(118)
def test_a_connection_on_which_a_body_may_still_come_is_not_used_again(calls: Calls) -> None:
    calls.upstream.answer(b"HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\n")
    calls.send()
    calls.send()
    first, second = calls.upstream.arrived
    assert first.connection != second.connection


@pytest.mark.requirement(112, 118)
@pytest.mark.parametrize(("allowed", "connections"), [("all", 1), ("less", 2), ("no token", 2)])
def test_what_is_left_of_a_body_gets_no_token_that_may_do_more(calls: Calls, allowed: str, connections: int) -> None:
    """A provider that does not read a body takes it for the next call, and the token of that for its own."""
    if allowed != "no token":
        AccessToken.objects.update(scope="connections:call connections:borrow")
    if allowed == "less":
        Allowance.objects.update(features=["profile", "notes.read", "notes.write"])
        Connection.objects.update(unexpected_scope="admin")
    assert calls.send("notes", method="POST", body=b"DELETE /everything HTTP/1.1\r\nX: ").status_code == 200
    assert calls.send("notes").status_code == 200
    assert len({request.connection for request in calls.upstream.arrived}) == connections
