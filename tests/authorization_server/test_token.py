"""RFC 6749 §4.1.3, §5, §6: the token endpoint; RFC 7009; who no longer gets anything."""

import hashlib
import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application, Grant, RefreshToken
from oauthlib.common import Request
from oauthlib.oauth2.rfc6749.errors import InvalidGrantError

from hub.authorization_server.validator import RECEIVED, HubValidator
from tests.authorization_server.steps import (
    CLIENT_SECRET,
    call,
    exchange,
    get_code,
    get_tokens,
    make_application,
    refresh,
    send,
    token_request,
)
from tests.factories import make_user

pytestmark = pytest.mark.django_db
PROFILE = "/sandbox/api/profile"


@pytest.fixture
def application() -> Application:
    return make_application()


def lock_out(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def test_a_code_buys_tokens_that_expire(application: Application) -> None:
    response = exchange(get_code(make_user(), scope="profile notes:read"))

    body = response.json()
    assert response.status_code == 200
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 600
    assert set(body["scope"].split()) == {"profile", "notes:read"}
    assert body["refresh_token"] != body["access_token"]


@pytest.mark.requirement(101)
def test_no_cache_keeps_a_token_response(application: Application) -> None:
    assert exchange(get_code(make_user()))["Cache-Control"] == "no-store"


def test_a_code_buys_tokens_once(application: Application) -> None:
    code = get_code(make_user())
    exchange(code)

    again = exchange(code)

    assert again.status_code == 400
    assert again.json()["error"] == "invalid_grant"


@pytest.mark.parametrize("verifier", ["w" * 43, "", "v" * 42])
def test_a_code_needs_the_verifier_of_its_challenge(application: Application, verifier: str) -> None:
    response = exchange(get_code(make_user()), code_verifier=verifier)

    assert response.status_code == 400
    assert "access_token" not in response.json()


def test_a_code_is_good_for_the_client_it_was_made_for(application: Application) -> None:
    make_application("client-2")

    response = exchange(get_code(make_user()), client_id="client-2")

    assert response.json()["error"] == "invalid_grant"


@pytest.mark.requirement(98)
def test_a_code_is_not_stored_as_it_is(application: Application) -> None:
    code = get_code(make_user())
    dumped = io.StringIO()
    call_command("dumpdata", "oauth2_provider.grant", stdout=dumped)

    stored = Grant.objects.get().code
    assert code not in dumped.getvalue()
    assert exchange(stored).json()["error"] == "invalid_grant"
    assert exchange(code).status_code == 200
    assert not Grant.objects.exists()


def test_a_code_for_one_resource_buys_no_token_for_another(application: Application) -> None:
    code = get_code(make_user())
    Grant.objects.update(resource=["https://a.example"])

    assert exchange(code, resource="https://b.example").json()["error"] == "invalid_target"


def test_a_wrong_secret_is_refused(application: Application) -> None:
    response = exchange(get_code(make_user()), client_secret="wrong")

    assert response.status_code == 401
    assert response.json()["error"] == "invalid_client"


@pytest.mark.parametrize(
    ("grant_type", "error"),
    [("password", "unsupported_grant_type"), ("implicit", "unsupported_grant_type"), ("", "invalid_request")],
)
def test_other_grants_do_not_exist(application: Application, grant_type: str, error: str) -> None:
    response = token_request(grant_type=grant_type, username="a", password="b")

    assert response.status_code == 400
    assert response.json()["error"] == error


def test_client_credentials_belong_to_nobody() -> None:
    make_application(grant_type=Application.GRANT_CLIENT_CREDENTIALS)

    body = token_request(grant_type="client_credentials", scope="profile").json()

    assert AccessToken.objects.get().user is None
    assert "refresh_token" not in body
    assert call(PROFILE, body["access_token"]).status_code == 401


def test_tokens_and_secrets_are_stored_hashed(application: Application) -> None:
    tokens = get_tokens(make_user())

    application.refresh_from_db()
    access, refreshing = AccessToken.objects.get(), RefreshToken.objects.get()
    assert (access.token, refreshing.token) == ("", "")
    assert access.token_checksum == hashlib.sha256(tokens.access_token.encode()).hexdigest()
    assert application.client_secret.startswith("client_secret_pbkdf2$")


def test_a_secret_is_hashed_once(application: Application) -> None:
    before = application.client_secret

    application.save()

    assert application.client_secret == before
    assert token_request(grant_type="refresh_token", refresh_token="x").json()["error"] == "invalid_grant"


def test_checking_a_secret_takes_little_time(application: Application) -> None:
    started = time.perf_counter()

    HubValidator()._check_secret(CLIENT_SECRET, application.client_secret)

    assert time.perf_counter() - started < 0.05


def test_refreshing_rotates_both_tokens(application: Application) -> None:
    tokens = get_tokens(make_user())

    body = refresh(tokens.refresh_token).json()

    assert body["refresh_token"] != tokens.refresh_token
    assert call(PROFILE, tokens.access_token).status_code == 401
    assert call(PROFILE, body["access_token"]).status_code == 200


@pytest.mark.requirement(141)
def test_a_spent_refresh_token_ends_its_family(application: Application) -> None:
    tokens = get_tokens(make_user())
    body = refresh(tokens.refresh_token).json()

    again = refresh(tokens.refresh_token)

    assert again.json()["error"] == "invalid_grant"
    assert refresh(body["refresh_token"]).json()["error"] == "invalid_grant"
    assert call(PROFILE, body["access_token"]).status_code == 401


def test_a_refresh_that_was_overtaken_gets_invalid_grant(application: Application) -> None:
    tokens = get_tokens(make_user())
    late = Request("", "POST", "grant_type=refresh_token", headers={})
    late.client, late.scopes = application, ["profile"]
    validator = HubValidator()
    assert validator.validate_refresh_token(tokens.refresh_token, application, late)
    winner = refresh(tokens.refresh_token).json()

    with pytest.raises(InvalidGrantError):
        validator.save_bearer_token({"access_token": "late", "refresh_token": "late-too", "scope": "profile"}, late)

    assert call(PROFILE, winner["access_token"]).status_code == 200
    assert refresh(winner["refresh_token"]).status_code == 200


@pytest.mark.requirement(141)
@pytest.mark.django_db(transaction=True)
def test_of_many_parallel_refreshes_exactly_one_wins() -> None:
    make_application()
    tokens = get_tokens(make_user())
    barrier = threading.Barrier(6)

    def attempt(_: int) -> tuple[int, str]:
        barrier.wait(10)
        try:
            response = refresh(tokens.refresh_token)
            assert response["Cache-Control"] == "no-store"
            return response.status_code, response.json().get("error", "")
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        outcomes = sorted(pool.map(attempt, range(6)))

    assert outcomes == [(200, ""), *[(400, "invalid_grant")] * 5]


@pytest.mark.requirement(141)
def test_of_two_that_were_sent_at_once_the_first_wins_and_keeps_what_it_won(application: Application) -> None:
    tokens = get_tokens(make_user())
    late = Request("", "POST", "", headers={RECEIVED: timezone.now()})
    winner = refresh(tokens.refresh_token).json()

    assert not HubValidator().validate_refresh_token(tokens.refresh_token, application, late)

    assert call(PROFILE, winner["access_token"]).status_code == 200
    assert refresh(winner["refresh_token"]).status_code == 200


@pytest.mark.requirement(141)
def test_a_token_of_two_generations_ago_ends_its_family(application: Application) -> None:
    first = get_tokens(make_user()).refresh_token
    second = refresh(first).json()
    third = refresh(second["refresh_token"]).json()

    assert refresh(first).json()["error"] == "invalid_grant"

    assert call(PROFILE, third["access_token"]).status_code == 401
    assert refresh(third["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.requirement(26)
def test_an_inactive_person_gets_nothing_for_a_code(application: Application) -> None:
    user = make_user()
    code = get_code(user)

    lock_out(user)

    assert exchange(code).json()["error"] == "invalid_grant"
    assert not AccessToken.objects.exists()


@pytest.mark.requirement(26)
def test_an_inactive_person_gets_nothing_for_a_refresh_token(application: Application) -> None:
    user = make_user()
    tokens = get_tokens(user)

    lock_out(user)

    assert refresh(tokens.refresh_token).json()["error"] == "invalid_grant"


@pytest.mark.requirement(26)
def test_an_inactive_persons_access_token_is_worth_nothing(application: Application) -> None:
    user = make_user()
    tokens = get_tokens(user)

    lock_out(user)

    response = call(PROFILE, tokens.access_token)
    assert response.status_code == 401
    assert 'error="invalid_token"' in response["WWW-Authenticate"]


@pytest.mark.requirement(26)
def test_an_inactive_person_cannot_allow_a_client(application: Application) -> None:
    user = make_user()
    browser = Client()
    browser.force_login(user)

    lock_out(user)

    assert browser.get("/oauth/authorize/").status_code == 302
    assert not Grant.objects.exists()


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoking_either_token_ends_both(application: Application, which: str) -> None:
    tokens = get_tokens(make_user())

    form = {"token": getattr(tokens, which), "client_id": "client-1", "client_secret": CLIENT_SECRET}
    response = send("/oauth/revoke_token/", form)

    assert response.status_code == 200
    assert call(PROFILE, tokens.access_token).status_code == 401
    assert refresh(tokens.refresh_token).json()["error"] == "invalid_grant"
