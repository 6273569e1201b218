"""Spotify: plain RFC 6749, and no way to revoke."""

from integrations.providers import get
from tests.providers.building import VERIFIER, answer, client_of, form


def test_the_secret_goes_by_basic_authentication() -> None:
    request = client_of("spotify").exchange_request("abc", code_verifier=VERIFIER)

    assert request.url == "https://accounts.spotify.com/api/token"
    assert request.headers["Authorization"].startswith("Basic ")
    assert form(request)["code_verifier"] == VERIFIER


def test_a_refresh_may_bring_no_refresh_token() -> None:
    document = {
        "access_token": "BQBLuPRYBQ",
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": "user-read-email",
    }

    token = client_of("spotify").judge_token(answer(document))

    assert token.refresh_token is None
    assert not get("spotify").server.dialect.refresh_token_rotates


def test_a_person_removes_access_by_hand() -> None:
    assert client_of("spotify").revocation_requests(access_token="at", refresh_token="rt") == []
    assert get("spotify").revocation_page_url == "https://www.spotify.com/account/apps/"


def test_the_account_is_known_by_its_id() -> None:
    document = {"id": "wizzler", "display_name": "JM Wizzler", "email": "w@example.com"}

    assert client_of("spotify").judge_userinfo(answer(document)).label == "JM Wizzler"
