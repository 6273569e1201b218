"""Slack: the person's token, in its own place; every answer has status 200."""

import base64

import pytest

from integrations.oauth.errors import IdentityRefused, InvalidClient, InvalidGrant, ProviderUnavailable
from tests.providers.building import answer, authorization_parameters, client_of, form

EXCHANGED = {
    "ok": True,
    "app_id": "A0KRD7HC3",
    "authed_user": {
        "id": "U1234",
        "scope": "chat:write,search:read",
        "access_token": "xoxe.xoxp-1",
        "token_type": "user",
        "expires_in": 43200,
        "refresh_token": "xoxe-1",
    },
    "team": {"id": "T9TK3CUKW", "name": "Slack Softball Team"},
    "enterprise": None,
}


def test_the_scope_is_the_persons_and_separated_by_commas() -> None:
    sent = authorization_parameters(client_of("slack"), "chat:write", "search:read")

    assert sent["user_scope"] == "chat:write,search:read"
    assert "scope" not in sent
    assert "code_challenge" not in sent


def test_the_secret_goes_by_basic_authentication() -> None:
    request = client_of("slack").exchange_request("abc", code_verifier=None)

    assert request.url == "https://slack.com/api/oauth.v2.access"
    assert request.headers["Authorization"] == "Basic " + base64.b64encode(b"id:secret").decode()
    assert set(form(request)) == {"grant_type", "code", "redirect_uri"}


def test_the_persons_token_is_taken_and_the_team_kept() -> None:
    token = client_of("slack").judge_token(answer(EXCHANGED))

    assert (token.access_token, token.refresh_token, token.expires_in) == ("xoxe.xoxp-1", "xoxe-1", 43200)
    assert token.scope == frozenset({"chat:write", "search:read"})
    assert token.extra == {"team_id": "T9TK3CUKW", "team_name": "Slack Softball Team"}


def test_a_refreshed_token_stands_on_top() -> None:
    document = {
        "ok": True,
        "access_token": "xoxe.xoxp-2",
        "refresh_token": "xoxe-2",
        "expires_in": 43200,
        "token_type": "user",
        "scope": "chat:write",
        "team": {"id": "T9TK3CUKW"},
    }

    token = client_of("slack").judge_token(answer(document))

    assert (token.access_token, token.refresh_token) == ("xoxe.xoxp-2", "xoxe-2")


def test_a_bots_token_is_not_taken_for_the_persons() -> None:
    document = {"ok": True, "access_token": "xoxb-1", "token_type": "bot", "authed_user": {"id": "U1234"}}

    with pytest.raises(ProviderUnavailable):
        client_of("slack").judge_token(answer(document))


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        ("invalid_code", InvalidGrant),
        ("invalid_refresh_token", InvalidGrant),
        ("bad_client_secret", InvalidClient),
        ("ratelimited", ProviderUnavailable),
        ("fatal_error", ProviderUnavailable),
        ("an_error_of_tomorrow", ProviderUnavailable),
    ],
)
def test_an_error_with_status_200_is_an_error(error: str, raised: type[Exception]) -> None:
    with pytest.raises(raised):
        client_of("slack").judge_token(answer({"ok": False, "error": error}))


def test_revocation_is_the_tokens_own() -> None:
    client = client_of("slack")

    [request] = client.revocation_requests(access_token="xoxp-1", refresh_token="xoxe-1")

    assert request.url == "https://slack.com/api/auth.revoke"
    assert request.headers["Authorization"] == "Bearer xoxp-1"
    assert request.body == b""
    assert client.server.dialect.revocation.needs_access_token
    client.judge_revocation(answer({"ok": True, "revoked": True}))
    client.judge_revocation(answer({"ok": False, "error": "token_revoked"}))
    with pytest.raises(ProviderUnavailable):
        client.judge_revocation(answer({"ok": False, "error": "internal_error"}))


def test_a_person_is_known_together_with_the_workspace() -> None:
    document = {
        "ok": True,
        "team": "Subarachnoid",
        "user": "grace",
        "team_id": "T12345678",
        "user_id": "W12345678",
    }

    identity = client_of("slack").judge_userinfo(answer(document))

    assert (identity.subject, identity.label) == ("T12345678:W12345678", "grace")


def test_a_person_without_a_workspace_is_nobody() -> None:
    with pytest.raises(IdentityRefused):
        client_of("slack").judge_userinfo(answer({"ok": True, "user_id": "W12345678"}))


@pytest.mark.parametrize(
    ("error", "raised"), [("invalid_auth", IdentityRefused), ("internal_error", ProviderUnavailable)]
)
def test_a_refused_token_and_a_passing_error_differ(error: str, raised: type[Exception]) -> None:
    with pytest.raises(raised):
        client_of("slack").judge_userinfo(answer({"ok": False, "error": error}))
