"""The same request under the same key is done once (draft-ietf-httpapi-idempotency-key-header)."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from integrations.flows import answered
from integrations.flows.lend import Borrower
from integrations.models import AnsweredRequest, ConnectLink
from tests.api.calling import Program, program_of
from tests.factories import make_connection, make_registration, make_user
from tests.lending import make_allowance

pytestmark = pytest.mark.django_db

KEY = {"Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}


@pytest.fixture
def program() -> Program:
    make_registration(slug="here")
    return program_of(make_user())


def test_same_request_is_answered_as_it_was(program: Program) -> None:
    first, again = (program.post("/connect", {"provider": "here"}, headers=KEY) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()["url"] == again.json()["url"]
    assert 590 < again.json()["expires_in"] <= first.json()["expires_in"] == 600
    assert first["Cache-Control"] == again["Cache-Control"] == "no-store"
    assert ConnectLink.objects.count() == 1


@pytest.mark.requirement(92)
def test_link_is_not_kept_with_the_answer(program: Program) -> None:
    program.post("/connect", {"provider": "here"}, headers=KEY)
    kept = str(AnsweredRequest.objects.values().get())
    uuid = ConnectLink.objects.get().uuid
    assert str(uuid) not in kept and uuid.hex not in kept


@pytest.mark.parametrize(
    "gone", [{"started_at": timezone.now()}, {"expires_at": timezone.now()}, {"client_id": "client-2"}]
)
def test_link_that_leads_nowhere_any_more_is_not_told_again(program: Program, gone: dict[str, Any]) -> None:
    first = program.post("/connect", {"provider": "here"}, headers=KEY)
    ConnectLink.objects.update(**gone)

    again, third = (program.post("/connect", {"provider": "here"}, headers=KEY) for _ in range(2))

    assert again.status_code == 200
    assert first.json()["url"] != again.json()["url"] == third.json()["url"]
    assert ConnectLink.objects.count() == 2


def test_what_is_made_anew_is_made_once() -> None:
    """Two repeat it at once: the second finds that the first does it."""
    asked = answered.asked(Borrower(issuer="", client_id="c", client_name="", person_id=None), "key", b"content")
    now = timezone.now()
    answered.begin(asked, now=now)
    answered.finish(asked, seen := answered.Answer(status=200, body="1"))
    answered.renew(asked, seen, now=now)
    with pytest.raises(answered.InProgress):
        answered.renew(asked, seen, now=now)


def test_without_a_key_each_request_is_another(program: Program) -> None:
    first, again = (program.post("/connect", {"provider": "here"}) for _ in range(2))
    assert first.json()["url"] != again.json()["url"]


def test_another_request_under_the_same_key_is_refused(program: Program) -> None:
    program.post("/connect", {"provider": "here"}, headers=KEY)
    response = program.post("/connect", {"provider": "here", "features": ["notes.read"]}, headers=KEY)
    assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")
    assert ConnectLink.objects.count() == 1


def test_key_of_somebody_else_is_another_key(program: Program) -> None:
    program.post("/connect", {"provider": "here"}, headers=KEY)
    for other in (program_of(make_user()), program_of(make_user(), client_id="client-2")):
        assert other.post("/connect", {"provider": "here", "features": []}, headers=KEY).status_code == 200
    assert ConnectLink.objects.count() == 3


def test_what_failed_can_be_asked_for_again(program: Program) -> None:
    assert program.post("/connect", {"provider": "nowhere"}, headers=KEY).status_code == 422
    assert program.post("/connect", {"provider": "here"}, headers=KEY).status_code == 200


def test_second_request_while_the_first_is_not_answered(program: Program) -> None:
    program.post("/connect", {"provider": "here"}, headers=KEY)
    AnsweredRequest.objects.update(status=None, body="")
    response = program.post("/connect", {"provider": "here"}, headers=KEY)
    assert (response.status_code, response.json()["code"]) == (409, "request_in_progress")
    assert response["Retry-After"] == "1"


def test_request_whose_worker_vanished_is_done_by_the_next(program: Program) -> None:
    program.post("/connect", {"provider": "here"}, headers=KEY)
    AnsweredRequest.objects.update(status=None, body="", begun_at=timezone.now() - timedelta(minutes=6))
    assert program.post("/connect", {"provider": "here"}, headers=KEY).status_code == 200


def test_key_is_good_for_a_day() -> None:
    asked = answered.asked(Borrower(issuer="", client_id="c", client_name="", person_id=None), "key", b"content")
    now = timezone.now()
    assert answered.begin(asked, now=now) is None
    answered.finish(asked, answered.Answer(status=200, body="{}"))
    assert answered.begin(asked, now=now + timedelta(hours=23)) == answered.Answer(status=200, body="{}")
    assert answered.begin(asked, now=now + timedelta(hours=24)) is None


def test_same_key_of_another_caller_is_another_key() -> None:
    callers = [
        Borrower(issuer=issuer, client_id=client_id, client_name="", person_id=person_id, subject=subject)
        for issuer in ("", "https://issuer.example")
        for client_id in ("c", "d")
        for person_id in (None, 1)
        for subject in ("", "s")
    ]
    assert len({answered.asked(caller, "key", b"").name for caller in callers}) == len(callers)


@pytest.mark.parametrize("key", ["", "x" * 256, "\xe9"])
def test_key_that_is_none(program: Program, key: str) -> None:
    response = program.post("/connect", {"provider": "here"}, headers={"Idempotency-Key": key})
    assert (response.status_code, response.json()["code"]) == (400, "idempotency_key_invalid")


def test_disconnecting_again_under_the_same_key_says_the_same() -> None:
    connection = make_connection(owner=make_user(), sealed=False)
    make_allowance(connection)
    program = program_of(connection.owner)
    first, again = (program.delete(f"/connections/{connection.uuid}", headers=KEY) for _ in range(2))
    assert (first.status_code, first.json()) == (200, again.json())
    assert again["Cache-Control"] == "no-store"
