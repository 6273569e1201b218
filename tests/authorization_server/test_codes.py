"""RFC 6749 §4.1.2: a code is redeemed once; when it comes again, what it bought ends."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application, Grant, RefreshToken

from hub.authorization_server.models import SpentCode
from tests.authorization_server.steps import (
    authorization_request,
    call,
    exchange,
    get_code,
    make_application,
    refresh,
)
from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def application() -> Application:
    return make_application()


@pytest.mark.requirement(139)
def test_a_code_that_comes_again_ends_what_it_bought_and_what_followed(application: Application) -> None:
    code = get_code(make_user())
    first = exchange(code).json()
    second = refresh(first["refresh_token"]).json()

    again = exchange(code)

    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert call("/api/v1/me", second["access_token"]).status_code == 401
    assert refresh(second["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.requirement(139)
def test_nothing_else_ends_with_it(application: Application) -> None:
    person = make_user()
    other = exchange(get_code(person)).json()
    code = get_code(person)
    exchange(code)

    exchange(code)

    assert call("/api/v1/me", other["access_token"]).status_code == 200


@pytest.mark.requirement(139)
def test_another_client_that_has_the_code_ends_nothing(application: Application) -> None:
    make_application("client-2")
    code = get_code(make_user())
    tokens = exchange(code).json()

    assert exchange(code, client_id="client-2").json()["error"] == "invalid_grant"

    assert call("/api/v1/me", tokens["access_token"]).status_code == 200


@pytest.mark.requirement(139)
def test_it_is_remembered_as_long_as_its_tokens_can_live(application: Application) -> None:
    code = get_code(make_user())
    exchange(code)

    row = SpentCode.objects.get()
    assert row.expires_at - timezone.now() > timedelta(days=29)
    assert code not in str(SpentCode.objects.values().get())


@pytest.mark.requirement(139)
@pytest.mark.django_db(transaction=True)
def test_of_many_exchanges_at_once_one_wins_at_most_and_nothing_is_left_over() -> None:
    make_application()
    code = get_code(make_user())
    barrier = threading.Barrier(5)

    def attempt(_: int) -> tuple[int, str]:
        barrier.wait(10)
        try:
            response = exchange(code)
            return response.status_code, response.json().get("error", "")
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        outcomes = sorted(pool.map(attempt, range(5)))

    assert outcomes == [(200, ""), *[(400, "invalid_grant")] * 4]
    assert not AccessToken.objects.exists()
    assert not RefreshToken.objects.filter(revoked__isnull=True).exists()


@pytest.mark.requirement(139)
def test_a_code_lives_a_minute_at_most(application: Application) -> None:
    code = get_code(make_user())
    grant = Grant.objects.get()
    assert grant.expires - grant.created <= timedelta(seconds=61)

    Grant.objects.update(expires=timezone.now())

    assert exchange(code).json()["error"] == "invalid_grant"


@pytest.mark.requirement(138, 139)
@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"code_verifier": "v" * 44},
        {"redirect_uri": "https://client.example/other"},
        {"redirect_uri": "https://client.example/callback?x=1"},
    ],
)
def test_a_code_is_bound_to_its_challenge_and_redirect_uri(application: Application, changes: dict[str, str]) -> None:
    code = get_code(make_user())

    response = exchange(code, **changes)

    assert response.status_code == 400
    assert response.json()["error"] in {"invalid_grant", "invalid_request"}
    assert not AccessToken.objects.exists()


@pytest.mark.requirement(138)
def test_a_verifier_is_no_good_for_a_code_without_a_challenge(application: Application) -> None:
    code = get_code(make_user())
    Grant.objects.update(code_challenge="", code_challenge_method="")

    assert exchange(code).json()["error"] == "invalid_grant"
    assert "code_challenge" in authorization_request()
