"""Zoom: the reason, not the error, says what is wrong."""

import pytest

from integrations.oauth.errors import InvalidClient, InvalidGrant, RequestRefused
from tests.providers.building import answer, client_of, form


@pytest.mark.parametrize(
    ("document", "raised"),
    [
        ({"reason": "Invalid Token!", "error": "invalid_request"}, InvalidGrant),
        ({"reason": "Invalid Token!", "error": "invalid_grant"}, InvalidGrant),
        ({"reason": "Invalid authorization code", "error": "invalid_request"}, InvalidGrant),
        ({"reason": "Invalid client_id or client_secret", "error": "invalid_client"}, InvalidClient),
        ({"reason": "Invalid request : Redirect URI mismatch.", "error": "invalid_request"}, RequestRefused),
        ({"error": "invalid_grant"}, InvalidGrant),
    ],
)
def test_a_dead_token_is_told_from_a_wrong_request(document: object, raised: type[Exception]) -> None:
    with pytest.raises(raised):
        client_of("zoom").judge_token(answer(document, status=400))


def test_a_refresh_token_lives_for_ninety_days() -> None:
    document = {
        "access_token": "eyJ0",
        "token_type": "bearer",
        "refresh_token": "eyJ1",
        "expires_in": 3599,
        "scope": "user:read:user meeting:read:list_meetings",
        "api_url": "https://api.zoom.us",
    }

    token = client_of("zoom").judge_token(answer(document))

    assert token.refresh_expires_in == 90 * 86400
    assert token.scope == frozenset({"user:read:user", "meeting:read:list_meetings"})


def test_revocation_is_by_the_client_with_the_access_token() -> None:
    client = client_of("zoom")

    [request] = client.revocation_requests(access_token="at", refresh_token="rt")

    assert request.url == "https://zoom.us/oauth/revoke"
    assert request.headers["Authorization"].startswith("Basic ")
    assert form(request) == {"token": "at"}
    client.judge_revocation(answer({"status": "success"}))
