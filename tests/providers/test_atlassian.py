"""Atlassian: an audience, rotating refresh tokens, and a site to look up."""

import json

import pytest

from integrations.oauth.errors import InvalidGrant
from integrations.oauth.message import read_json, text_at
from integrations.providers import get
from tests.providers.building import VERIFIER, answer, authorization_parameters, client_of


def test_the_authorization_request_names_the_audience() -> None:
    sent = authorization_parameters(client_of("atlassian"), *get("atlassian").scope_of(["jira.read"]))

    assert (sent["audience"], sent["prompt"]) == ("api.atlassian.com", "consent")
    assert sent["scope"] == "offline_access read:jira-work read:me"


def test_token_requests_are_json_with_the_secret_inside() -> None:
    request = client_of("atlassian").exchange_request("abc", code_verifier=VERIFIER)

    assert request.url == "https://auth.atlassian.com/oauth/token"
    assert json.loads(request.body)["client_secret"] == "secret"
    assert request.headers["Content-Type"] == "application/json"


def test_a_refresh_token_that_is_unknown_is_a_dead_grant() -> None:
    document = {"error": "invalid_grant", "error_description": "Unknown or invalid refresh token."}

    with pytest.raises(InvalidGrant):
        client_of("atlassian").judge_token(answer(document, status=403))


def test_refresh_tokens_rotate_with_ten_minutes_of_grace_and_die_unused() -> None:
    dialect = get("atlassian").server.dialect

    assert dialect.refresh_token_rotates
    assert dialect.refresh_token_reuse_seconds == 600
    assert dialect.keepalive_days == 90


def test_the_site_is_looked_up_and_stands_in_addresses() -> None:
    provider = get("atlassian")
    assert provider.lookup is not None
    document = [
        {
            "id": "1324a887-45db-1bf4-1e99-ef0ff456d421",
            "name": "Site name",
            "url": "https://your-domain.atlassian.net",
            "scopes": ["read:jira-work"],
        }
    ]

    paths = provider.lookup.kept_paths.items()
    kept = {name: text_at(read_json(answer(document)), path) for name, path in paths}

    assert kept["site_url"] == "https://your-domain.atlassian.net"
    feature = provider.feature("jira.people")
    assert provider.api_url(feature.test_path, {}, kept) == (
        "https://api.atlassian.com/ex/jira/1324a887-45db-1bf4-1e99-ef0ff456d421/rest/api/3/myself"
    )


def test_the_account_is_known_by_its_id() -> None:
    document = {
        "account_type": "atlassian",
        "account_id": "112233aa:bb",
        "email": "m@example.com",
        "name": "Mia",
    }

    assert client_of("atlassian").judge_userinfo(answer(document)).subject == "112233aa:bb"


def test_a_person_removes_access_by_hand() -> None:
    assert client_of("atlassian").revocation_requests(access_token="at", refresh_token="rt") == []
    assert get("atlassian").revocation_page_url.startswith("https://id.atlassian.com/")
