"""What calls through the hub may take, who may make them, and what becomes of a token that is refused."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from oauth2_provider.models import AccessToken
from pytest_django import Settings

from integrations.flows import places
from integrations.flows.errors import TooManyCalls
from integrations.flows.lend import Borrower
from integrations.flows.pass_on import Asked, pass_on
from integrations.models import Allowance, ClientRegistration, Connection
from integrations.oauth.errors import ProviderUnavailable
from tests.api.calls import Calls
from tests.factories import make_connection
from tests.fakes.upstream import HANG_UP, answer_of

LARGE = 256 * 1024


@pytest.fixture(autouse=True)
def limits(settings: Settings) -> Any:
    """Change what is allowed: `limits(at_once=1)`."""

    def change(**changes: int) -> None:
        settings.HUB_PROXY = replace(settings.HUB_PROXY, **changes)

    return change


def body_of(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


def problem_of(response: Any) -> tuple[int, str]:
    assert response["Hub-Answer"] == "hub"
    document = response.json()
    return response.status_code, document.get("reason", document["code"])


# -- who


@pytest.mark.requirement(112)
def test_nothing_is_called_with_what_was_not_shared(calls: Calls) -> None:
    Allowance.objects.all().delete()
    assert problem_of(calls.send()) == (404, "unknown_connection")
    assert not calls.upstream.arrived


@pytest.mark.requirement(112)
@pytest.mark.requirement(148)
def test_nothing_is_called_without_the_scope(calls: Calls) -> None:

    AccessToken.objects.update(scope="connections:read connections:borrow")
    response = calls.send()
    assert (response.status_code, response.json()["code"]) == (403, "insufficient_scope")
    assert not calls.upstream.arrived


@pytest.mark.requirement(25)
def test_provider_that_is_switched_off_is_not_called(calls: Calls) -> None:
    ClientRegistration.objects.update(enabled=False)
    assert problem_of(calls.send()) == (502, "registration_disabled")
    assert not calls.upstream.arrived


@pytest.mark.requirement(26)
def test_account_of_somebody_inactive_is_not_used(calls: Calls) -> None:
    calls.person.is_active = False
    calls.person.save()
    assert calls.send().status_code == 401
    assert not calls.upstream.arrived


def test_connection_that_needs_its_owner_says_so(calls: Calls) -> None:
    Connection.objects.update(status=Connection.Status.NEEDS_REAUTHORIZATION, refresh_due_at=None)
    assert problem_of(calls.send()) == (409, "needs_reauthorization")


@pytest.mark.requirement(112)
@pytest.mark.parametrize(
    ("method", "path", "passes"),
    [
        ("GET", "profile", True),
        ("HEAD", "profile", True),
        ("GET", "notes", True),
        ("GET", "notes/7", True),
        ("GET", "notes?page=2", True),
        ("POST", "notes", False),
        ("DELETE", "notes/7", False),
        ("GET", "notesx", False),
        ("GET", "profile/more", False),
        ("GET", "notes/", False),
        ("GET", "Notes", False),
        ("GET", "notes%252F7", False),
        ("GET", "notes;x", False),
        ("GET", "notes?_method=DELETE", False),
        ("GET", "notes?%24expand=owner", False),
        ("GET", "other", False),
    ],
)
def test_where_less_was_allowed_only_its_own_calls_pass(calls: Calls, method: str, path: str, passes: bool) -> None:
    Allowance.objects.update(features=["profile", "notes.read"], scope="notes:read profile")
    response = calls.send(path, method=method)
    if passes:
        assert response.status_code == 200
        return
    assert problem_of(response) == (403, "call_not_allowed")
    assert response.json()["scope"] == "notes:write"
    assert not calls.upstream.arrived


# -- how much


@pytest.fixture
def busy(calls: Calls) -> Iterator[Any]:
    """A call that is under way: its answer has begun, and is not read."""
    calls.upstream.answer(answer_of(bytes(LARGE)))
    response = calls.send()
    assert response.streaming
    yield response
    body_of(response)


@pytest.mark.requirement(121)
@pytest.mark.parametrize(
    ("cap", "status", "code"),
    [
        ("at_once_per_connection", 429, "too_many_calls"),
        ("at_once_per_person", 429, "too_many_calls"),
        ("at_once_per_provider", 503, "provider_busy"),
        ("at_once", 503, "hub_busy"),
    ],
)
def test_calls_at_once_are_capped(calls: Calls, busy: Any, limits: Any, cap: str, status: int, code: str) -> None:
    limits(**{cap: 1})
    refused = calls.send()
    assert problem_of(refused) == (status, code)
    assert refused["Retry-After"] == "1"
    assert len(calls.upstream.arrived) == 1

    body_of(busy)
    assert calls.send().status_code == 200


@pytest.mark.requirement(121)
def test_call_that_failed_leaves_its_place(calls: Calls, limits: Any) -> None:
    limits(at_once=1)
    for _ in range(3):
        calls.upstream.answer(HANG_UP)
        assert problem_of(calls.send(method="POST", body=b"{}")) == (503, "connection_lost")
    assert calls.send().status_code == 200


@pytest.mark.requirement(121)
def test_answer_that_is_read_leaves_its_place(calls: Calls, limits: Any) -> None:
    limits(at_once=1)
    for _ in range(2):
        calls.upstream.answer(answer_of(b"x" * LARGE))
        assert body_of(calls.send()) == b"x" * LARGE


@pytest.mark.requirement(121)
@pytest.mark.parametrize("limit", ["seconds", "idle_seconds"])
def test_provider_that_is_silent_is_given_up(calls: Calls, limits: Any, limit: str) -> None:
    limits(**{limit: 1})
    given_up = threading.Event()
    calls.upstream.answer(b"HTTP/1.1 200 OK\r\n", lambda: given_up.wait(5), b"Content-Length: 0\r\n\r\n")
    assert problem_of(calls.send()) == (503, "timeout")
    given_up.set()


@pytest.mark.requirement(121)
def test_answer_that_trickles_ends_at_the_deadline(calls: Calls, limits: Any) -> None:
    limits(seconds=1)
    pause = threading.Event()
    calls.upstream.answer(
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n",
        *(part for _ in range(50) for part in (b"x", lambda: pause.wait(0.1))),
    )
    assert problem_of(calls.send()) == (503, "timeout")


@pytest.mark.requirement(121)
def test_body_larger_than_allowed_is_not_passed_on(calls: Calls, limits: Any) -> None:
    limits(body_bytes=10)
    assert problem_of(calls.send(method="POST", body=b"x" * 11)) == (413, "body_too_large")
    assert not calls.upstream.arrived


@pytest.mark.requirement(121)
def test_answer_larger_than_allowed_is_not_passed_on(calls: Calls, limits: Any) -> None:
    limits(body_bytes=10)
    calls.upstream.answer(answer_of(b"x" * 11))
    assert problem_of(calls.send()) == (503, "response_too_large")


@pytest.mark.requirement(121)
def test_answer_of_unknown_length_ends_where_it_becomes_too_large(calls: Calls, limits: Any) -> None:
    limits(body_bytes=2 * LARGE)
    calls.upstream.answer(
        b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nConnection: close\r\n\r\n", bytes(3 * LARGE), HANG_UP
    )
    response = calls.send()
    with pytest.raises(ProviderUnavailable):
        body_of(response)


def test_answer_that_breaks_off_is_not_taken_for_whole(calls: Calls) -> None:
    calls.upstream.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", HANG_UP)
    assert problem_of(calls.send()) == (503, "connection_lost")


def test_body_that_breaks_off_is_not_taken_for_whole(calls: Calls) -> None:
    response = calls.send(method="POST", body=b"abc", environment={"wsgi.input": _Half()})
    assert problem_of(response) == (400, "body_incomplete")
    assert not calls.upstream.arrived


class _Half:
    """What a server reads of a sender that hangs up."""

    def __init__(self) -> None:
        self._parts = [b"ab"]

    def read(self, size: int = -1) -> bytes:
        return self._parts.pop() if self._parts else b""

    def readline(self, size: int = -1) -> bytes:
        return self.read(size)


def test_places_are_one_for_a_person_whatever_the_application(calls: Calls, limits: Any) -> None:
    limits(at_once_per_person=1)
    place = places.take(calls.connection, borrower=("", "another"))
    assert problem_of(calls.send()) == (429, "too_many_calls")
    place.leave()
    place.leave()
    assert calls.send().status_code == 200


def test_places_with_the_hubs_own_are_one_for_each_caller(calls: Calls, limits: Any) -> None:
    limits(at_once_per_person=1)
    own = make_connection(of_the_hub=True, registration=calls.connection.registration)
    one, other = (
        Borrower(issuer="https://issuer.example", client_id="robot", client_name="robot", person_id=None, subject=sub)
        for sub in ("", "someone")
    )
    for subject in ("", "someone"):
        Allowance.objects.create(
            issuer="https://issuer.example",
            client_id="robot",
            subject=subject,
            registration=own.registration,
            features=["profile"],
            scope="profile",
        )
    calls.upstream.answer(answer_of(bytes(LARGE)))
    under_way = pass_on(one, own.uuid, Asked(method="GET", path=b"/me"))
    assert under_way.pieces
    with pytest.raises(TooManyCalls):
        pass_on(one, own.uuid, Asked(method="GET", path=b"/me"))
    assert pass_on(other, own.uuid, Asked(method="GET", path=b"/me")).status == 200
    under_way.pieces.close()
