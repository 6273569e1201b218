"""HubSpot: regions, errors of its own, and one refresh token for an account."""

import pytest

from integrations.oauth.errors import InvalidClient, InvalidGrant
from integrations.providers import VariableRefused, get
from tests.providers.building import answer, client_of, form


def test_the_region_is_where_people_agree() -> None:
    server = client_of("hubspot", app_host="app-eu1.hubspot.com").server

    assert server.authorization_endpoint == "https://app-eu1.hubspot.com/oauth/authorize"
    assert server.token_endpoint == "https://api.hubapi.com/oauth/2026-03/token"


def test_a_region_is_one_of_the_list() -> None:
    with pytest.raises(VariableRefused):
        get("hubspot").authorization_server({"app_host": "app.hubspot.com.evil.example"})


def test_the_scope_that_every_app_needs_is_always_asked_for() -> None:
    assert get("hubspot").scope_of(["contacts.read"]) == {"oauth", "crm.objects.contacts.read"}


@pytest.mark.parametrize(
    ("status", "raised"),
    [
        ("BAD_REFRESH_TOKEN", InvalidGrant),
        ("BAD_AUTH_CODE", InvalidGrant),
        ("BAD_CLIENT_SECRET", InvalidClient),
    ],
)
def test_errors_without_the_rfcs_member_are_understood(status: str, raised: type[Exception]) -> None:
    document = {"status": status, "message": "missing or invalid", "correlationId": "aeb5f871"}

    with pytest.raises(raised):
        client_of("hubspot").judge_token(answer(document, status=400))


def test_revocation_is_of_the_refresh_token_and_ends_every_connection_of_the_account() -> None:
    client = client_of("hubspot")

    [request] = client.revocation_requests(access_token="at", refresh_token="rt")

    assert request.url == "https://api.hubapi.com/oauth/2026-03/token/revoke"
    assert form(request) == {
        "token": "rt",
        "token_type_hint": "refresh_token",
        "client_id": "id",
        "client_secret": "secret",
    }
    assert client.server.dialect.revocation.reach == "account"
    assert not client.server.dialect.revocation.needs_access_token


def test_the_account_is_the_portal() -> None:
    document = {"portalId": 12345678, "uiDomain": "app-eu1.hubspot.com", "accountType": "STANDARD"}

    assert client_of("hubspot").judge_userinfo(answer(document)).subject == "12345678"
