from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, transaction
from django.db import connection as database

from integrations import vault
from integrations.models import AuthorizationRequest
from tests.factories import make_authorization_request, make_connection

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.requirement(3)
def test_an_attempt_is_handed_out_once() -> None:
    attempt = make_authorization_request()

    first = AuthorizationRequest.objects.take(state_hash=attempt.state_hash)
    second = AuthorizationRequest.objects.take(state_hash=attempt.state_hash)

    assert first is not None
    assert first.state_hash == attempt.state_hash
    assert second is None
    assert not AuthorizationRequest.objects.exists()


@pytest.mark.requirement(3, 31)
def test_of_two_who_found_the_same_attempt_one_gets_it() -> None:
    state_hash = make_authorization_request().state_hash
    taken: list[AuthorizationRequest | None] = []

    def somebody_is_faster(execute: Callable[..., object], sql: str, *rest: object) -> object:
        if sql.startswith("DELETE") and not taken:
            taken.append(None)
            taken[0] = AuthorizationRequest.objects.take(state_hash=state_hash)
        return execute(sql, *rest)

    with database.execute_wrapper(somebody_is_faster):
        late = AuthorizationRequest.objects.take(state_hash=state_hash)

    assert taken[0] is not None
    assert late is None


@pytest.mark.requirement(2)
def test_an_unknown_state_finds_nothing() -> None:
    make_authorization_request()

    for value in ("", "unknown", vault.fingerprint("another", purpose="state")):
        assert AuthorizationRequest.objects.take(state_hash=value) is None
    assert AuthorizationRequest.objects.count() == 1


@pytest.mark.requirement(1, 97)
def test_two_attempts_cannot_share_a_state() -> None:
    make_authorization_request(state="the same")

    with pytest.raises(IntegrityError), transaction.atomic():
        make_authorization_request(state="the same")


@pytest.mark.requirement(19)
def test_pruning_takes_what_has_expired() -> None:
    expired = [make_authorization_request(expires_in=seconds, now=NOW) for seconds in (0, -600)]
    pending = make_authorization_request(expires_in=1, now=NOW)

    assert AuthorizationRequest.objects.prune(now=NOW) == len(expired)
    assert list(AuthorizationRequest.objects.all()) == [pending]


@pytest.mark.requirement(24)
def test_an_attempt_goes_with_its_connection() -> None:
    connection = make_connection()
    make_authorization_request(connection=connection)

    connection.delete()

    assert not AuthorizationRequest.objects.exists()


def test_the_state_is_not_stored() -> None:
    attempt = make_authorization_request(state="state-canary")

    assert attempt.state_hash == vault.fingerprint("state-canary", purpose="state")
    assert "state-canary" not in str(AuthorizationRequest.objects.values().get())
