"""GitHub: errors with status 200, comma-separated grants, and the whole authorization is deleted."""

import base64
import json

import pytest

from integrations.oauth.errors import InvalidClient, InvalidGrant
from integrations.oauth.message import Response
from integrations.providers import get
from tests.providers.building import VERIFIER, answer, client_of, form


def test_the_code_is_exchanged_with_the_secret_in_the_form_and_json_is_asked_for() -> None:
    request = client_of("github").exchange_request("abc", code_verifier=VERIFIER)

    assert request.url == "https://github.com/login/oauth/access_token"
    assert request.headers["Accept"] == "application/json"
    assert form(request)["client_secret"] == "secret"
    assert form(request)["code_verifier"] == VERIFIER


def test_the_documented_answer_is_read() -> None:
    document = {"access_token": "gho_16C7e42F", "scope": "repo,gist", "token_type": "bearer"}

    token = client_of("github").judge_token(answer(document))

    assert token.access_token == "gho_16C7e42F"
    assert token.scope == frozenset({"repo", "gist"})
    assert token.expires_in is None
    assert token.refresh_token is None


def test_the_documented_form_answer_is_read() -> None:
    response = Response(
        status=200,
        headers={"content-type": "application/x-www-form-urlencoded; charset=utf-8"},
        body=b"access_token=gho_16C7e42F&scope=repo%2Cgist&token_type=bearer",
    )

    assert client_of("github").judge_token(response).scope == frozenset({"repo", "gist"})


@pytest.mark.parametrize(
    ("error", "raised"),
    [("bad_verification_code", InvalidGrant), ("incorrect_client_credentials", InvalidClient)],
)
def test_an_error_with_status_200_is_an_error(error: str, raised: type[Exception]) -> None:
    with pytest.raises(raised):
        client_of("github").judge_token(answer({"error": error, "error_description": "No."}))


def test_disconnecting_deletes_the_authorization() -> None:
    [request] = client_of("github").revocation_requests(access_token="gho_1", refresh_token=None)

    assert (request.method, request.url) == ("DELETE", "https://api.github.com/applications/id/grant")
    assert request.headers["Authorization"] == "Basic " + base64.b64encode(b"id:secret").decode()
    assert json.loads(request.body) == {"access_token": "gho_1"}
    assert get("github").server.dialect.revocation.reach == "account"


@pytest.mark.parametrize("status", [204, 404, 422])
def test_a_token_that_is_gone_counts_as_revoked(status: int) -> None:
    client_of("github").judge_revocation(Response(status=status, headers={}, body=b'{"message": "Not Found"}'))


def test_the_account_is_known_by_its_number() -> None:
    identity = client_of("github").judge_userinfo(answer({"id": 1, "login": "octocat", "name": "Octo"}))

    assert (identity.subject, identity.label) == ("1", "octocat")


def test_a_broader_scope_switches_on_what_it_implies() -> None:
    on, missing = get("github").features_of({"repo", "user", "admin:org"})

    assert {feature.slug for feature in on} == {
        *("account", "email", "repositories.public", "repositories", "organisations.read"),
    }
    assert [feature.slug for feature in missing] == ["notifications"]
