"""Linear: commas, one GraphQL address, and 400 for too many requests."""

import json

import pytest

from integrations.oauth.errors import IdentityRefused, InvalidGrant, ProviderUnavailable
from integrations.providers import get
from tests.providers.building import answer, authorization_parameters, client_of

LIMITED = {"errors": [{"message": "Rate limit exceeded", "extensions": {"code": "RATELIMITED"}}]}


def test_the_scope_is_separated_by_commas() -> None:
    sent = authorization_parameters(client_of("linear"), "read", "issues:create")

    assert sent["scope"] == "issues:create,read"
    assert sent["prompt"] == "consent"


def test_too_many_requests_are_a_reason_to_wait() -> None:
    client = client_of("linear")

    with pytest.raises(ProviderUnavailable) as token:
        client.judge_token(answer(LIMITED, status=400, **{"retry-after": "30"}))
    with pytest.raises(ProviderUnavailable) as userinfo:
        client.judge_userinfo(answer(LIMITED, status=400, **{"retry-after": "30"}))
    with pytest.raises(ProviderUnavailable):
        client.judge_revocation(answer(LIMITED, status=400))

    assert (token.value.code, token.value.retry_after) == ("rate_limited", 30)
    assert (userinfo.value.code, userinfo.value.retry_after) == ("rate_limited", 30)


def test_a_dead_grant_is_one() -> None:
    with pytest.raises(InvalidGrant):
        client_of("linear").judge_token(answer({"error": "invalid_grant"}, status=400))


def test_the_documented_answer_is_read() -> None:
    document = {
        "access_token": "00a21d8b",
        "token_type": "Bearer",
        "expires_in": 86399,
        "scope": "read write",
        "refresh_token": "sbuc6vxgi7tr",
    }

    token = client_of("linear").judge_token(answer(document))

    assert (token.expires_in, token.scope) == (86399, frozenset({"read", "write"}))


def test_the_account_is_asked_for_by_graphql() -> None:
    client = client_of("linear")
    document = {"data": {"viewer": {"id": "u1", "name": "Ada", "email": "a@b.example"}}}

    request = client.userinfo_request("at")

    assert (request.method, request.url) == ("POST", "https://api.linear.app/graphql")
    assert json.loads(request.body)["query"].startswith("{ viewer")
    assert client.judge_userinfo(answer(document)).subject == "u1"


def test_a_refused_token_with_status_200_is_refused() -> None:
    document = {"errors": [{"message": "No", "extensions": {"code": "AUTHENTICATION_ERROR"}}], "data": None}

    with pytest.raises(IdentityRefused):
        client_of("linear").judge_userinfo(answer(document))


def test_the_token_revokes_itself() -> None:
    [request] = client_of("linear").revocation_requests(access_token="at", refresh_token="rt")

    assert request.url == "https://api.linear.app/oauth/revoke"
    assert request.headers["Authorization"] == "Bearer at"


def test_writing_implies_the_narrower_ways_to_write() -> None:
    on, _ = get("linear").features_of({"read", "write"})

    assert len(on) == 4
