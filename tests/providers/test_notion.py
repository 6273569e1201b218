"""Notion: JSON with Basic authentication, a version header on everything, no scope, no expiry."""

import json

import pytest

from integrations.oauth.errors import InvalidClient, InvalidGrant, ProviderUnavailable, RequestRefused
from integrations.providers import get
from tests.providers.building import answer, authorization_parameters, client_of

VERSION = "2025-09-03"


def test_the_authorization_request_has_an_owner_and_no_scope() -> None:
    sent = authorization_parameters(client_of("notion"), *get("notion").scope_of(["content"]))

    assert sent["owner"] == "user"
    assert "scope" not in sent


def test_token_requests_are_json_with_basic_authentication_and_a_version() -> None:
    client = client_of("notion")

    for request in (client.exchange_request("abc", code_verifier=None), client.refresh_request("nrt_1")):
        sent = json.loads(request.body)
        assert request.headers["Content-Type"] == "application/json"
        assert request.headers["Notion-Version"] == VERSION
        assert request.headers["Authorization"].startswith("Basic ")
        assert set(sent) <= {"grant_type", "code", "redirect_uri", "refresh_token"}


def test_the_documented_answer_is_read_and_the_workspace_kept() -> None:
    document = {
        "access_token": "ntn_1",
        "token_type": "bearer",
        "refresh_token": "nrt_2",
        "bot_id": "b1",
        "workspace_icon": None,
        "workspace_name": "Ada's",
        "workspace_id": "w1",
        "owner": {"type": "user", "user": {"object": "user", "id": "u1"}},
        "duplicated_template_id": None,
        "request_id": "r1",
    }

    token = client_of("notion").judge_token(answer(document))

    assert token.expires_in is None
    assert token.scope is None
    assert token.refresh_token == "nrt_2"
    assert token.extra == {"workspace_id": "w1", "workspace_name": "Ada's", "bot_id": "b1"}


@pytest.mark.parametrize(
    ("document", "status", "raised"),
    [
        ({"error": "invalid_grant"}, 400, InvalidGrant),
        ({"object": "error", "code": "invalid_grant", "message": "Invalid code"}, 400, InvalidGrant),
        ({"object": "error", "code": "invalid_client", "message": "No"}, 401, InvalidClient),
        ({"object": "error", "code": "validation_error", "message": "body failed"}, 400, RequestRefused),
        ({"object": "error", "code": "internal_server_error"}, 400, ProviderUnavailable),
    ],
)
def test_errors_in_either_form_are_understood(document: object, status: int, raised: type[Exception]) -> None:
    with pytest.raises(raised):
        client_of("notion").judge_token(answer(document, status=status))


def test_revocation_is_json_by_the_client() -> None:
    [request] = client_of("notion").revocation_requests(access_token="ntn_1", refresh_token="nrt_1")

    assert request.url == "https://api.notion.com/v1/oauth/revoke"
    assert json.loads(request.body) == {"token": "ntn_1"}
    assert request.headers["Authorization"].startswith("Basic ")
    assert request.headers["Notion-Version"] == VERSION


def test_the_bot_is_the_account_and_the_workspace_its_name() -> None:
    document = {
        "object": "user",
        "id": "16d84278-ab0e-484c-9bdd-b35da3bd8905",
        "name": "pied piper",
        "type": "bot",
        "bot": {
            "owner": {"type": "user", "user": {"object": "user", "id": "5389a034", "name": "Christine"}},
            "workspace_name": "Ada's",
        },
    }
    client = client_of("notion")

    identity = client.judge_userinfo(answer(document))

    assert identity.subject == "16d84278-ab0e-484c-9bdd-b35da3bd8905"
    assert identity.label == "Ada's"
    assert client.userinfo_request("ntn_1").headers["Notion-Version"] == VERSION


def test_programs_are_told_the_version_header() -> None:
    assert get("notion").api_headers == {"Notion-Version": VERSION}
