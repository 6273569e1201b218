"""What becomes of a token that a provider refuses in a call through the hub, and what is written down of a call."""

from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone

from integrations import vault
from integrations.flows import lend
from integrations.flows.errors import NotLent
from integrations.flows.lend import Borrower, Seen
from integrations.flows.pass_on import Asked, pass_on
from integrations.models import Allowance, Event
from tests.api.awaited import TAKEN_BACK, AwaitedBody
from tests.api.calls import Calls
from tests.factories import make_tokens
from tests.fakes.upstream import answer_of

LARGE = 256 * 1024
REFUSED = answer_of(b"", status="401 Unauthorized", WWW_Authenticate='Bearer error="invalid_token"')


@pytest.fixture
def renewable(calls: Calls) -> Calls:
    """The provider gives another token when it is asked to; the token endpoint is at the API's own origin."""
    calls.connection.version = 5
    calls.connection.save()

    vault.store(calls.connection, make_tokens(access_token="old-token"))
    return calls


RENEWED = answer_of(
    b'{"access_token": "new-token", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "r2"}',
    Content_Type="application/json",
)


def called(calls: Calls) -> list[tuple[str, bytes, list[str]]]:
    return [
        (request.target, request.body, request.all("Authorization"))
        for request in calls.upstream.arrived
        if request.target.startswith("/sandbox")
    ]


@pytest.mark.requirement(77)
def test_refused_token_is_renewed_once_and_the_call_made_again(renewable: Calls) -> None:
    for answer in (REFUSED, RENEWED, answer_of(b"{}")):
        renewable.upstream.answer(answer)
    assert renewable.send(method="POST", body=b'{"a": 1}').status_code == 200
    assert called(renewable) == [
        ("/sandbox/api/notes", b'{"a": 1}', ["Bearer old-token"]),
        ("/sandbox/api/notes", b'{"a": 1}', ["Bearer new-token"]),
    ]
    assert Event.objects.filter(kind=Event.Kind.USED).count() == 1


@pytest.mark.requirement(112)
def test_call_that_is_no_longer_allowed_is_not_made_again(renewable: Calls) -> None:
    row = renewable.connection
    rule = lend.RULES_OF_PEOPLE.first(uuid=row.uuid)
    for answer in (REFUSED, RENEWED):
        renewable.upstream.answer(answer)

    def later() -> datetime:
        Allowance.objects.all().delete()
        return timezone.now()

    borrower = Borrower(issuer="", client_id="client-1", client_name="Example", person_id=row.owner_id)
    assert rule
    with pytest.raises(NotLent):
        pass_on(borrower, row.uuid, Asked(method="GET", path=b"/notes"), seen=Seen(rule=rule), clock=later)
    assert called(renewable) == [("/sandbox/api/notes", b"", ["Bearer old-token"])]


@pytest.mark.requirement(112)
@pytest.mark.parametrize("taken_back", TAKEN_BACK)
def test_call_that_is_no_longer_allowed_when_its_body_is_there_is_not_made(
    calls: Calls, taken_back: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = AwaitedBody(b"{}", lambda: taken_back(calls.connection), monkeypatch)
    response = calls.send(method="POST", body=b"{}", environment={"wsgi.input": body})
    assert body.is_read
    assert response.status_code in (404, 409)
    assert calls.upstream.arrived == []
    assert not Event.objects.filter(kind=Event.Kind.USED).exists()


def test_call_goes_with_the_token_that_there_is_when_its_body_is_there(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    def renew() -> None:
        calls.connection.version += 1
        calls.connection.save()
        vault.store(calls.connection, make_tokens(access_token="new-token"))

    body = AwaitedBody(b"{}", renew, monkeypatch)
    assert calls.send(method="POST", body=b"{}", environment={"wsgi.input": body}).status_code == 200
    assert [authorization for _, _, authorization in called(calls)] == [["Bearer new-token"]]


@pytest.mark.requirement(77)
def test_second_refusal_is_told(renewable: Calls) -> None:
    for answer in (REFUSED, RENEWED, REFUSED):
        renewable.upstream.answer(answer)
    response = renewable.send()
    assert (response.status_code, response["Hub-Answer"]) == (401, "upstream")
    assert "WWW-Authenticate" not in response.headers
    assert len(called(renewable)) == 2


@pytest.mark.requirement(77)
def test_large_body_is_not_sent_twice_and_says_so(renewable: Calls) -> None:
    renewable.upstream.answer(REFUSED)
    renewable.upstream.answer(RENEWED)
    response = renewable.send(method="POST", body=bytes(LARGE))
    assert (response.status_code, response["Hub-Not-Retried"]) == (401, "body")
    assert len(called(renewable)) == 1
    assert renewable.send(method="POST", body=bytes(LARGE)).status_code == 200
    assert called(renewable)[-1][2] == ["Bearer new-token"]


@pytest.mark.requirement(77)
def test_refused_permission_renews_nothing(renewable: Calls) -> None:
    renewable.upstream.answer(answer_of(b"{}", status="403 Forbidden"))
    assert renewable.send().status_code == 403
    assert len(renewable.upstream.arrived) == 1


def test_call_that_changes_something_is_told_without_its_query(calls: Calls) -> None:
    calls.send("notes?secret=1", method="POST", body=b"{}")
    calls.send("notes", method="POST", body=b"{}")
    events = Event.objects.filter(kind=Event.Kind.USED)
    assert [event.details for event in events] == [{"method": "POST", "path": "/notes"}] * 2
    assert {event.actor for event in events} == {"application: Example Client [client-1]"}


def test_call_that_reads_is_counted_without_a_write(calls: Calls, django_assert_num_queries: Any) -> None:
    calls.send()
    with django_assert_num_queries(1):
        calls.send()


@pytest.mark.requirement(77)
def test_a_call_is_not_sent_again_with_the_token_that_was_refused(calls: Calls) -> None:
    row = calls.connection
    row.version, row.last_refreshed_at = 5, timezone.now()
    row.save()
    vault.store(row, make_tokens())
    calls.upstream.answer(REFUSED)
    response = calls.send(method="POST", body=b"{}")
    assert (response.status_code, response["Hub-Answer"]) == (401, "upstream")
    assert len(calls.upstream.arrived) == 1
