"""Salesforce: where the API is comes with the token, when the token ends does not."""

import pytest

from integrations.oauth.errors import InvalidClient, InvalidGrant
from integrations.providers import VariableRefused, get
from tests.providers.building import answer, client_of, form

ISSUED = {
    "access_token": "00Dx0000000BV7z!AR8AQ",
    "refresh_token": "5Aep8614iLM",
    "signature": "SSSbLO",
    "scope": "refresh_token id api openid",
    "instance_url": "https://acme.my.salesforce.com",
    "id": "https://login.salesforce.com/id/00Dx0000000BV7z/005x00000012Q9P",
    "token_type": "Bearer",
    "issued_at": "1278448101416",
}


def test_the_documented_answer_is_read() -> None:
    token = client_of("salesforce").judge_token(answer(ISSUED))

    assert token.expires_in == 7200
    assert token.extra["instance_url"] == "https://acme.my.salesforce.com"
    assert token.scope == frozenset({"refresh_token", "id", "api", "openid"})


def test_the_api_is_where_the_answer_said() -> None:
    token = client_of("salesforce").judge_token(answer(ISSUED))

    url = get("salesforce").api_url("/services/data/v65.0/sobjects", {}, token.extra)

    assert url == "https://acme.my.salesforce.com/services/data/v65.0/sobjects"


@pytest.mark.parametrize(
    "host",
    [
        "login.salesforce.com",
        "test.salesforce.com",
        "acme.my.salesforce.com",
        "acme--uat.sandbox.my.salesforce.com",
    ],
)
def test_the_login_host_is_one_of_salesforces(host: str) -> None:
    expected = f"https://{host}/services/oauth2/token"

    assert client_of("salesforce", login_host=host).refresh_request("rt").url == expected


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "login.salesforce.com.evil.example", "evilsalesforce.com", "my.salesforce.com"),
        *("login.salesforce.com:8443", "loginxsalesforce.com", "a.b.c.my.salesforce.com"),
    ],
)
def test_any_other_login_host_is_refused(host: str) -> None:
    with pytest.raises(VariableRefused):
        get("salesforce").authorization_server({"login_host": host})


def test_revocation_sends_the_token_alone() -> None:
    first, second = client_of("salesforce").revocation_requests(access_token="at", refresh_token="rt")

    assert first.url == "https://login.salesforce.com/services/oauth2/revoke"
    assert (form(first), form(second)) == ({"token": "rt"}, {"token": "at"})


@pytest.mark.parametrize(
    ("error", "raised"),
    [("invalid_client_id", InvalidClient), ("inactive_user", InvalidGrant), ("invalid_grant", InvalidGrant)],
)
def test_its_own_errors_are_understood(error: str, raised: type[Exception]) -> None:
    with pytest.raises(raised):
        client_of("salesforce").judge_token(answer({"error": error}, status=400))


def test_a_person_is_known_together_with_the_organisation() -> None:
    document = {
        "sub": "https://login.salesforce.com/id/00Dx1/005x1",
        "user_id": "005x1",
        "organization_id": "00Dx1",
        "preferred_username": "ada@acme.example",
    }

    identity = client_of("salesforce").judge_userinfo(answer(document))

    assert (identity.subject, identity.label) == ("00Dx1:005x1", "ada@acme.example")
