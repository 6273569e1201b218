"""Discord: names itself in the authorization response."""

import pytest

from integrations.oauth.errors import ResponseRefused
from tests.providers.building import answer, client_of, form


def test_the_issuer_must_come_back() -> None:
    client = client_of("discord")
    pairs = [("code", "c"), ("state", "s")]

    with pytest.raises(ResponseRefused) as missing:
        client.judge_authorization_response(pairs, expected_state_matches=True)
    with pytest.raises(ResponseRefused) as other:
        client.judge_authorization_response([*pairs, ("iss", "https://evil.example")], expected_state_matches=True)
    code = client.judge_authorization_response([*pairs, ("iss", "https://discord.com")], expected_state_matches=True)

    assert (missing.value.code, other.value.code, code) == ("iss_missing", "iss_mismatch", "c")


def test_the_documented_answer_is_read() -> None:
    document = {
        "access_token": "6qrZcUqja7812RVdnEKjpzOL4CvHBFG",
        "token_type": "Bearer",
        "expires_in": 604800,
        "refresh_token": "D43f5y0ahjqew82jZ4NViEr2YafMKhue",
        "scope": "identify connections",
    }

    token = client_of("discord").judge_token(answer(document))

    assert (token.expires_in, token.scope) == (604800, frozenset({"identify", "connections"}))


def test_revoking_one_token_ends_them_all() -> None:
    client = client_of("discord")

    first, *_ = client.revocation_requests(access_token="at", refresh_token="rt")

    assert first.url == "https://discord.com/api/oauth2/token/revoke"
    assert form(first) == {"token": "rt", "token_type_hint": "refresh_token"}
    assert client.server.dialect.revocation.reach == "account"


def test_the_account_is_known_by_its_snowflake() -> None:
    document = {"id": "80351110224678912", "username": "nelly", "global_name": "Nelly"}

    identity = client_of("discord").judge_userinfo(answer(document))

    assert (identity.subject, identity.label) == ("80351110224678912", "nelly")
